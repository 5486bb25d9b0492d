"""Sentences of verdicts are taken apart as judging writes them, and otherwise stay whole."""

from __future__ import annotations

from decimal import Decimal

import pytest

from harness.counting.claims import Pinned, judge_claim, judge_true
from harness.judging.verdicts import Limit, Side, against_baseline, conforms
from harness.records import Claim, Figure, Measurement, Metric, Tolerance
from harness.reporting.clauses import LONGEST, Clause, clauses, number, place_of

TOP1 = Claim(Metric.TOP1, Figure("76.13"), "%", "top1", 57, 3)
MACS = Claim(Metric.MACS, Figure("4.288"), "G", "MACs(G)", 49, 4)
WHERE = "[resnext/timm/a] resnext.md:57"


def test_a_documented_accuracy_is_taken_apart() -> None:
    parts = (("print", Decimal("0.005")), ("sampling", Decimal("0.43")))
    verdict = conforms(Measurement("top1", 74.31, "%"), TOP1, Tolerance(parts))
    (found,) = clauses(verdict.recorded(WHERE, "").headline)
    expected = ("top1", "74.310 %", "documented", "76.13", "0.435")
    told = (found.name, found.measured, found.kind, found.standard, found.tolerance)
    assert (told[0], told[2:]) == (expected[0], expected[2:])
    assert number(found.measured) == 74.31
    assert found.amounts == {"print": 0.005, "sampling": 0.43}


def test_a_count_is_taken_apart_with_its_rule() -> None:
    pinned = Pinned("thop", 10**9, 4288184320, 10**9)
    (found,) = clauses(judge_claim(MACS, 4288184320, pinned, None).recorded(WHERE, "").headline)
    rule = "thop/1e9 (raw count 4288184320)"
    assert found == Clause("macs", "4.288 G", "documented", "4.288", "0.0005", "print", rule)
    (true,) = clauses(judge_true("params", 7, 8).headline)
    assert (true.kind, true.standard, true.parts) == ("pinned", "8", "exact")


def test_limits_and_accepted_figures_are_taken_apart() -> None:
    measured = Measurement("centred_sqnr", 15.566, "dB")
    limit = conforms(measured, Limit(Side.AT_LEAST, Decimal(15)))
    accepted = against_baseline(
        measured, Measurement("centred_sqnr", 15.48, "dB"), band=Decimal("0.3")
    )
    found = clauses(f"{limit.headline}; {accepted.headline} {WHERE}")
    assert [(one.kind, number(one.standard), one.tolerance) for one in found] == [
        ("at least", 15.0, ""),
        ("accepted", 15.48, "0.3"),
    ]


def test_nan_is_no_number_on_a_plot() -> None:
    verdict = conforms(Measurement("top1", float("nan"), "%"), TOP1)
    (found,) = clauses(verdict.headline)
    assert (found.measured, number(found.measured)) == ("NaN %", None)
    assert number("9" * 400) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "exported twice, the two models are the same",
        "measured at 224 px, crop 0.95, bicubic, documented 224 px, crop 0.875, bilinear",
        "a = 1, at least 2; and something else",
        "total_rms = 33.4 levels, accepted 33.4 ± 0.2, 18 figures as accepted in all",
        "",
        "a = 1, at least 2" + " " * LONGEST,
    ],
)
def test_any_other_sentence_stays_whole(sentence: str) -> None:
    assert clauses(sentence) == ()


def test_a_place_is_the_end_of_a_headline_and_nothing_else() -> None:
    assert place_of(f"a [b] c {WHERE}") == ("a [b] c", "resnext.md:57")
    assert place_of("a [resnext/timm/a] of it") == ("a [resnext/timm/a] of it", "")
    assert place_of("残差 = 1 [x] 网络/页.md:3") == ("残差 = 1", "网络/页.md:3")
    assert place_of("[" * 10**6)[1] == ""
