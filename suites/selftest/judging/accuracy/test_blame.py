"""Documented, fp32 and int8 together say which half broke."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from harness.judging.accuracy.blame import Culprit, assign_blame
from harness.records import Outcome, Verdict

GOOD = Verdict(Outcome.CONFORMS, "good")
BAD = Verdict(Outcome.DOES_NOT_CONFORM, "bad")
OPEN = Verdict(Outcome.INCONCLUSIVE, "open")
UNMEASURED = Verdict(Outcome.NOT_MEASURED, "not measured")


def blame(
    fp32: float,
    int8: float,
    verdicts: tuple[Verdict, Verdict],
    documented: Decimal | None = Decimal("76.13"),
    *,
    differs: str = "",
) -> tuple[Culprit, Verdict]:
    found = assign_blame(
        documented=documented,
        fp32_percent=fp32,
        int8_percent=int8,
        fp32=verdicts[0],
        int8=verdicts[1],
        differs=differs,
    )
    return found.culprit, found.verdict


@pytest.mark.parametrize(
    ("fp32", "int8", "verdicts", "culprit"),
    [
        (76.1, 75.9, (GOOD, GOOD), Culprit.NOBODY),
        (71.0, 70.9, (BAD, GOOD), Culprit.FLOAT),
        (76.1, 70.0, (GOOD, BAD), Culprit.QUANTIZATION),
        (76.1, 0.1, (GOOD, BAD), Culprit.QUANTIZATION),
        (71.0, 60.0, (BAD, BAD), Culprit.BOTH),
        (71.0, 70.9, (BAD, OPEN), Culprit.FLOAT),
        (76.1, 70.0, (UNMEASURED, BAD), Culprit.QUANTIZATION),
        (0.1, 0.1, (BAD, GOOD), Culprit.SHARED),
        (30.0, 29.0, (BAD, BAD), Culprit.SHARED),
    ],
)
def test_the_half_that_broke_is_named(
    fp32: float, int8: float, verdicts: tuple[Verdict, Verdict], culprit: Culprit
) -> None:
    found, verdict = blame(fp32, int8, verdicts)
    assert found is culprit
    expected = Outcome.CONFORMS if culprit is Culprit.NOBODY else Outcome.DOES_NOT_CONFORM
    assert verdict.outcome is expected


def test_quantization_is_not_blamed_alone_where_preprocessing_differs_too() -> None:
    told = "preprocessing differs too: a for fp32, b for int8"
    culprit, verdict = blame(76.1, 70.0, (GOOD, BAD), differs=told)
    assert culprit is Culprit.DEVICE
    assert f"\n  {told}\n  likely cause: a run-time file" in str(verdict)
    assert blame(71.0, 70.0, (BAD, BAD), differs=told)[0] is Culprit.BOTH
    assert told not in str(blame(76.1, 76.0, (GOOD, GOOD), differs=told)[1])


@pytest.mark.parametrize(("documented"), [Decimal("76.13"), None])
def test_halves_that_collapse_together_fail_although_they_agree(documented: Decimal | None) -> None:
    agreeing = (UNMEASURED, GOOD)
    culprit, verdict = blame(0.1, 0.15, agreeing, documented)
    assert culprit is Culprit.SHARED
    assert "labels in another class order" in str(verdict)


@pytest.mark.parametrize("int8", [20.0, 0.1])
def test_far_below_but_better_than_guessing_points_to_the_input(int8: float) -> None:
    _, verdict = blame(20.0, int8, (UNMEASURED, GOOD))
    assert "channel order" in str(verdict)
    assert "labels in another class order" not in str(verdict)


@pytest.mark.parametrize("percent", [math.nan, math.inf])
def test_what_is_no_number_never_conforms(percent: float) -> None:
    culprit, verdict = blame(percent, 75.0, (GOOD, GOOD))
    assert culprit is Culprit.UNKNOWN
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((GOOD, OPEN), Outcome.INCONCLUSIVE),
        ((UNMEASURED, OPEN), Outcome.INCONCLUSIVE),
        ((UNMEASURED, GOOD), Outcome.NOT_MEASURED),
    ],
)
def test_what_is_open_is_no_pass(verdicts: tuple[Verdict, Verdict], expected: Outcome) -> None:
    culprit, verdict = blame(76.0, 75.9, verdicts)
    assert culprit is Culprit.UNKNOWN
    assert verdict.outcome is expected


def test_a_verdict_reads_as_documented() -> None:
    _, verdict = blame(76.1, 70.0, (GOOD, BAD))
    assert str(verdict) == (
        "documented 76.13, fp32 76.10, int8 70.00: quantization\n"
        "  good\n"
        "  bad\n"
        "  likely cause: calibration images unlike the evaluated ones, calibrated with another "
        "preprocessing, weights quantized per tensor, or a layer that cannot bear 8 bits"
    )


def test_no_class_is_refused() -> None:
    with pytest.raises(ValueError, match="classes = 0"):
        assign_blame(
            documented=None,
            fp32_percent=1.0,
            int8_percent=1.0,
            fp32=GOOD,
            int8=GOOD,
            classes=0,
        )
