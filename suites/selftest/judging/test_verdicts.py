"""A verdict says what was found, what was documented, and what to do; NaN never conforms."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from harness.errors import MeasureError, NonConformance, Regression, Unavailable
from harness.judging.verdicts import (
    EXACT,
    Limit,
    Side,
    against_baseline,
    conforms,
    require,
)
from harness.records import (
    Claim,
    Figure,
    Measurement,
    Metric,
    Outcome,
    Tolerance,
    Verdict,
)

pytestmark = [pytest.mark.shows("NaN compares as fine")]

CLAIM = Claim(Metric.TOP1, Figure("76.13"), "", "top1", 57, 4)
ALLOWED = Tolerance((("print", Decimal("0.005")), ("int8", Decimal("0.175"))), "as published")
AT_LEAST_15 = Limit(Side.AT_LEAST, Decimal(15), "per-tensor gives 14.3")


def top1(value: float) -> Measurement:
    return Measurement("top1", value)


def test_a_failure_reads_as_documented() -> None:
    verdict = conforms(top1(74.31), CLAIM, ALLOWED, cause="no zero point")
    assert str(verdict) == (
        "top1 = 74.31, documented 76.13 ± 0.18 (print 0.005, int8 0.175)\n"
        "  bound: as published\n"
        "  likely cause: no zero point"
    )
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM


@pytest.mark.parametrize("value", [75.95, 76.13, 76.31])
def test_the_bound_itself_conforms(value: float) -> None:
    assert conforms(top1(value), CLAIM, ALLOWED).outcome is Outcome.CONFORMS


@pytest.mark.parametrize("value", [75.949, 76.311, -76.13, 1e300, 0.0])
def test_beyond_the_bound_does_not_conform(value: float) -> None:
    assert conforms(top1(value), CLAIM, ALLOWED).outcome is Outcome.DOES_NOT_CONFORM


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_never_conforms(value: float) -> None:
    verdicts = (
        conforms(top1(value), CLAIM, ALLOWED),
        conforms(top1(value), AT_LEAST_15),
        conforms(top1(value), Limit(Side.AT_MOST, Decimal(15))),
        against_baseline(top1(value), top1(76.0), band=Decimal(1)),
        against_baseline(top1(value), None, band=Decimal(1)),
        against_baseline(top1(76.0), top1(value), band=Decimal(1)),
    )
    assert {verdict.outcome for verdict in verdicts} == {Outcome.DOES_NOT_CONFORM}


def test_a_near_miss_is_shown_with_the_digits_that_make_it_one() -> None:
    assert conforms(top1(76.3101), CLAIM, ALLOWED).headline.startswith(
        "top1 = 76.3101, documented 76.13 ± 0.18"
    )


def test_without_a_tolerance_only_equality_conforms() -> None:
    assert conforms(top1(76.13), CLAIM, EXACT).outcome is Outcome.CONFORMS
    verdict = conforms(top1(76.14), CLAIM, EXACT)
    assert verdict.headline == "top1 = 76.14, documented 76.13 ± 0"


def test_a_limit_is_open_on_one_side() -> None:
    def judged(value: float) -> Verdict:
        return conforms(Measurement("centred_sqnr", value, "dB"), AT_LEAST_15)

    assert judged(15.0).outcome is judged(99.0).outcome is Outcome.CONFORMS
    assert judged(14.3).headline == "centred_sqnr = 14.3 dB, at least 15 dB"
    assert judged(14.3).details == ("bound: per-tensor gives 14.3",)


def test_units_must_agree() -> None:
    percent = Claim(Metric.TOP1, Figure("76.13"), "%", "top1", 57, 4)
    with pytest.raises(MeasureError, match="measured in 'share' and documented in '%'"):
        conforms(Measurement("top1", 0.7613, "share"), percent)


@pytest.mark.shows(
    '"not measured" reads as a pass', by="it has a word and a count of its own; `--require`"
)
def test_require_raises_everything_but_a_pass() -> None:
    require(Verdict(Outcome.CONFORMS, "fine"))
    with pytest.raises(NonConformance, match=r"bad\n  repeat: this"):
        require(Verdict(Outcome.DOES_NOT_CONFORM, "bad", ("repeat: this",)))
    for outcome in (Outcome.INCONCLUSIVE, Outcome.NOT_MEASURED):
        with pytest.raises(Unavailable, match=f"{outcome}: few images"):
            require(Verdict(outcome, "few images"))


@pytest.mark.parametrize(("value", "way"), [(16.2, "lower"), (17.4, "higher")])
def test_a_baseline_is_left_in_neither_direction(value: float, way: str) -> None:
    verdict = against_baseline(top1(value), top1(16.8), band=Decimal("0.5"), accept="make accept")
    with pytest.raises(Regression) as failure:
        require(verdict, failure=Regression)
    assert f"top1 = {value:.2f}, accepted 16.8 ± 0.5" in str(failure.value)
    assert f"{way} than accepted" in str(failure.value)
    assert "accept: make accept" in str(failure.value)


def test_within_the_band_the_baseline_stands() -> None:
    verdict = against_baseline(top1(17.3), top1(16.8), band=Decimal("0.5"))
    assert verdict.outcome is Outcome.CONFORMS


def test_without_a_baseline_nothing_is_concluded() -> None:
    verdict = against_baseline(top1(17.3), None, band=Decimal(1), accept="make accept")
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.details == ("accept: make accept",)


def test_a_baseline_of_another_unit_is_refused() -> None:
    with pytest.raises(MeasureError, match="cannot be held against"):
        against_baseline(Measurement("sqnr", 17, "dB"), Measurement("sqnr", 17), band=Decimal(1))
