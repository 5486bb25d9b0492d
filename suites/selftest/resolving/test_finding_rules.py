"""The rule behind a column is found, and a figure that no rule gives is said to be one."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, cast

import pytest
from stand_ins import Tally, counted

from harness.counting.counts import Counts
from harness.resolving.counted import Countable
from harness.resolving.counting import Counted, FigureOrigin, find
from harness.resolving.scales import (
    CUT_OFF,
    DOUBLED,
    PLAIN,
    ROUNDED_FIRST,
    TENTH,
    TENTH_DOUBLED,
)
from harness.resolving.uses import Use, gives, uses

THOP = {
    ("a", "thop"): Counts(4_288_184_320, 25_028_904),
    ("b", "thop"): Counts(8_054_996_992, 44_177_704),
    ("c", "thop"): Counts(15_585_210_368, 83_455_272),
    ("a", "true"): Counts(4_230_479_872, 25_028_904),
    ("b", "true"): Counts(7_969_996_800, 44_177_704),
    ("c", "true"): Counts(15_460_270_080, 83_455_272),
}


def found(*rows: Counted, counts: Any = THOP, **options: Any) -> tuple[list[FigureOrigin], Tally]:
    tally = Tally(counts)
    findings = find(rows, cast(Countable, tally), **options)
    return [findings[one.row] for one in rows], tally


def test_the_rule_that_prints_every_figure_is_pinned() -> None:
    (a, b), tally = found(counted("a", "macs", "4.288"), counted("b", "macs", "8.05"))
    assert a.use == b.use == Use("thop", PLAIN)
    assert (a.raw, a.divisor, a.reproduced) == (4_288_184_320, 10**9, True)
    assert set(tally.asked) == {"thop"}, "rules are tried until one is right, and no further"


def test_rows_of_one_column_may_come_from_two_ways_of_dividing() -> None:
    (a, b, c), _ = found(
        counted("a", "macs", "4.288"), counted("b", "macs", "8.95"), counted("c", "macs", "17.317")
    )
    assert [one.use.scale for one in (a, b, c)] == [PLAIN, TENTH, TENTH]
    assert b.divisor == 900_000_000


@pytest.mark.parametrize(
    ("figures", "reproduced"),
    [
        (("4.76",), [False]),
        (("4.765",), [True]),
        (("4.76", "8.95"), [True, True]),
        (("4.76", "8.05"), [False, True]),
    ],
)
def test_a_mistake_that_one_figure_of_three_digits_shows_is_not_taken_for_one(
    figures: tuple[str, ...], reproduced: list[bool]
) -> None:
    """One of the rules and scales fits every eighth such figure by chance."""
    rows = [counted(name, "macs", text) for name, text in zip("abc", figures, strict=False)]
    findings, _ = found(*rows)
    assert [one.reproduced for one in findings] == reproduced


def test_ten_ninths_are_known_of_flops_too() -> None:
    (a, b), _ = found(counted("a", "flops", "9.529"), counted("b", "flops", "17.900"))
    assert [one.use.scale for one in (a, b)] == [TENTH_DOUBLED, TENTH_DOUBLED]
    assert a.divisor == 450_000_000


RESNETS = {
    ("a", "thop"): Counts(4_133_742_592, 25_557_032),
    ("b", "thop"): Counts(7_866_437_632, 44_549_160),
    ("c", "thop"): Counts(1_824_033_792, 11_689_512),
}


def test_what_was_rounded_and_then_doubled_is_told() -> None:
    """8.267 and 15.733 are right; the third has the same digits either way."""
    documented = {"a": "8.268", "b": "15.732", "c": "3.648"}
    rows = [counted(name, "flops", text) for name, text in documented.items()]
    (a, b, c), _ = found(*rows, counts=RESNETS)
    assert [one.use for one in (a, b)] == [Use("thop", ROUNDED_FIRST)] * 2
    assert c.use == Use("thop", DOUBLED), "rounding first makes no difference"
    assert [one.printed for one in (a, b, c)] == list(documented.values())
    assert all(one.reproduced for one in (a, b, c))


@pytest.mark.shows("some rule and divisor fit a figure by chance")
def test_what_was_cut_off_is_told_where_two_figures_were() -> None:
    counts = {**RESNETS, ("d", "thop"): Counts(2_881_900_000, 1)}
    cut = counted("a", "macs", "4.133"), counted("d", "macs", "2.881")
    (a, b, d), _ = found(cut[0], counted("b", "macs", "7.866"), cut[1], counts=counts)
    assert (a.use, a.printed, a.reproduced) == (Use("thop", CUT_OFF), "4.133", True)
    assert (b.use, d.use) == (Use("thop", PLAIN), Use("thop", CUT_OFF))
    (alone, b), _ = found(cut[0], counted("b", "macs", "7.866"), counts=RESNETS)
    assert (alone.reproduced, alone.candidates) == (False, (Use("thop", CUT_OFF),))
    (short,), _ = found(counted("c", "macs", "1.7"), counts=RESNETS)
    assert not short.reproduced


@pytest.mark.shows("some rule and divisor fit a figure by chance")
def test_an_unusual_scale_of_one_figure_is_a_candidate() -> None:
    """Divided by 9e8 thop's count prints 4.76; so do two other digits, by some rule or other."""
    (lone,), _ = found(counted("a", "macs", "4.76"))
    assert (lone.reproduced, lone.printed) == (False, "4.29")
    assert lone.candidates == (Use("thop", TENTH),)
    assert lone.chance > Fraction(1, 100)
    borne, _ = found(counted("a", "macs", "4.76"), counted("b", "macs", "8.95"))
    assert [(one.reproduced, one.use.scale) for one in borne] == [(True, TENTH)] * 2


def test_rows_of_one_network_are_one_figure() -> None:
    """Distilled weights are another row of the same counts, which bears nothing out."""
    counts = {("a", "thop"): Counts(4_288_184_320, 1), ("a2", "thop"): Counts(4_288_184_320, 1)}
    twice, _ = found(counted("a", "macs", "4.76"), counted("a2", "macs", "4.76"), counts=counts)
    assert not any(one.reproduced for one in twice)


def test_five_digits_of_a_whole_column_are_no_chance() -> None:
    (lone,), _ = found(counted("a", "macs", "4.76465"))
    assert (lone.reproduced, lone.use.scale) == (True, TENTH)
    assert 0 < lone.chance < Fraction(1, 1000)


def test_the_chance_is_that_of_all_figures_with_as_many_digits() -> None:
    """Each of them is tried, and those that are reproduced or have a candidate are counted."""
    (one,), _ = found(counted("a", "flops", "4.29"))
    fitting = 0
    for figure in range(100, 1000):
        claim = counted("a", "flops", f"{figure / 100:.2f}").claim
        raws = {"thop": 4_288_184_320}
        fitting += any(gives(use, claim, raws["thop"]) for use in uses("thop", claim))
    assert one.chance == Fraction(fitting, 900) > 0


def test_a_figure_of_another_input_size_is_told() -> None:
    counts = {
        ("a", "thop"): Counts(4_133_742_592, 1),
        ("b", "thop"): Counts(7_866_437_632, 1),
        ("b", "thop", 192): Counts(5_780_000_000, 1),
    }
    (a, b), _ = found(counted("a", "macs", "4.134"), counted("b", "macs", "5.780"), counts=counts)
    assert (a.reproduced, a.other_size) == (True, 0)
    assert (b.reproduced, b.other_size, b.use, b.printed) == (False, 192, a.use, "7.866")
    (b,), _ = found(counted("b", "macs", "5.780"), counts=counts)
    assert b.other_size == 192, "a column of one row has the likeliest rule"
    (b,), _ = found(counted("b", "flops", "11.560"), counts=counts)
    assert (b.other_size, b.use.scale) == (192, DOUBLED)
    odd = {**counts, ("b", "thop", 192): Counts(5_779_600_000, 1)}
    (b,), _ = found(counted("b", "flops", "11.560"), counts=odd)
    assert (b.other_size, b.use.scale) == (192, ROUNDED_FIRST), "11.559 but for the rounding"
    (b,), _ = found(counted("b", "macs", "5.783"), counts=counts)
    assert (b.reproduced, b.other_size) == (False, 0)
    (b,), _ = found(counted("b", "macs", "5.8"), counts=counts)
    assert b.other_size == 0, "two digits prove nothing"


def test_flops_are_two_for_each_multiply_accumulate() -> None:
    (a,), _ = found(counted("a", "flops", "8.461"))
    assert a.use == Use("true", DOUBLED)


@pytest.mark.shows("some rule and divisor fit a figure by chance")
def test_a_column_takes_the_rule_that_most_rows_have_in_common() -> None:
    """4.2 is what both rules print; the other row tells them apart."""
    counts = {
        ("a", "thop"): Counts(4_180_000_000, 1),
        ("a", "true"): Counts(4_230_000_000, 1),
        ("b", "thop"): Counts(9_900_000_000, 1),
        ("b", "true"): Counts(8_123_000_000, 1),
    }
    (a, b), _ = found(counted("a", "macs", "4.2"), counted("b", "macs", "8.123"), counts=counts)
    assert (a.use.rule, b.use.rule) == ("true", "true")


@pytest.mark.shows(
    "some rule and divisor fit a figure by chance",
    by="what is unusual has to hold for two figures of a column; random figures are counted",
)
def test_two_digits_do_not_prove_an_odd_divisor() -> None:
    (a,), _ = found(counted("a", "macs", "4.8"))
    assert not a.reproduced, "4.288 / 0.9 prints 4.8, by chance"


def test_a_figure_that_no_rule_gives_has_the_nearest_and_its_value() -> None:
    (a,), _ = found(counted("a", "macs", "4.301"))
    assert (a.reproduced, a.use, a.printed) == (False, Use("thop", PLAIN), "4.288")


@pytest.mark.shows("a figure that no rule gives is passed over")
def test_added_zeros_are_told_from_a_wrong_figure() -> None:
    rows = counted("a", "macs", "4.290"), counted("c", "macs", "15.590")
    (a, c, wrong), _ = found(*rows, counted("b", "macs", "8.090"))
    assert (a.reproduced, a.padded, a.printed) == (True, True, "4.288")
    assert (c.reproduced, c.padded) == (True, True)
    assert (wrong.reproduced, wrong.padded) == (False, False)


def test_of_added_zeros_some_may_have_been_known() -> None:
    """2.963 is 3.0, and was printed as 3.000; a single digit proves nothing."""
    counts = {("a", "thop"): Counts(2_963_000_000, 1), ("b", "thop"): Counts(8_054_996_992, 1)}
    bearing = counted("b", "macs", "8.050")
    (known, _), _ = found(counted("a", "macs", "3.000"), bearing, counts=counts)
    assert (known.reproduced, known.padded) == (True, True)
    (wrong, _), _ = found(counted("a", "macs", "3.100"), bearing, counts=counts)
    assert (wrong.reproduced, wrong.padded) == (False, False)
    counts[("a", "thop")] = Counts(2_863_000_000, 1)
    (chance, _), _ = found(counted("a", "macs", "3.000"), bearing, counts=counts)
    assert (chance.reproduced, chance.padded) == (False, False)
    (alone, _), _ = found(bearing, counted("a", "macs", "2.863"), counts=counts)
    assert (alone.reproduced, alone.candidates[0].zeros) == (False, True)


def test_params_take_the_rule_of_the_operations_first() -> None:
    (a,), tally = found(counted("a", "params", "25.029"), prefer=("thop",))
    assert (a.use.rule, tally.asked[0]) == ("thop", "thop")


def test_params_alone_need_no_counter() -> None:
    (a,), tally = found(counted("a", "params", "25.557"))
    assert (a.use.rule, a.raw, tally.asked) == ("true", 25_557_032, [])


def test_units_are_those_that_are_printed() -> None:
    (a,), _ = found(counted("a", "flops", "4288.184", unit="M"))
    assert (a.unit, a.divisor) == (10**6, 10**6)


def test_a_unit_off_by_a_thousand_is_recognised() -> None:
    (a,), _ = found(counted("a", "macs", "4288.184"))
    assert a.use.scale.kind == "unit-a-thousand-too-small"
    assert a.use.scale.part == Fraction(1, 1000)


def test_rules_that_need_arithmetic_are_left_out_where_nothing_is_near() -> None:
    _, far = found(counted("a", "macs", "99.9"))
    _, near = found(counted("a", "macs", "4.301"))
    assert "mmengine" not in far.asked
    assert "mmengine" in near.asked
