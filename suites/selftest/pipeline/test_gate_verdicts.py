"""Verdicts of the gate on figures made wrong on purpose, each beside the right one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.counting.counts import Counts
from harness.errors import MeasureError
from harness.pipeline import checks
from harness.pipeline.catalogue import Subject, read_catalogue
from harness.pipeline.count_claims import judge_true
from harness.records import Figure, Metric, Outcome, Row

ROW = "resnext/timm/resnext50_32x4d"
LOGITS = np.random.Generator(np.random.PCG64(1)).standard_normal((4, 1000))


@pytest.fixture(scope="module")
def subject() -> Subject:
    return read_catalogue().one(ROW)


def printed(subject: Subject, metric: Metric, text: str) -> Subject:
    """The row with another figure in one of its cells."""
    claims = tuple(
        replace(claim, figure=Figure(text)) if claim.metric is metric else claim
        for claim in subject.row.claims
    )
    row: Row = replace(subject.row, claims=claims)
    return replace(subject, documented=row)


def test_top1_above_top5_is_noticed(subject: Subject) -> None:
    assert checks.top_order_verdict(subject, command="").outcome is Outcome.CONFORMS
    verdict = checks.top_order_verdict(printed(subject, Metric.TOP1, "95.327"), command="again")
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    told = ("top1 = 95.327, at most top5 = 95.326", "resnext.md:49", "swapped", "repeat: again")
    assert all(part in str(verdict) for part in told)


def test_frameworks_that_differ_are_noticed(subject: Subject) -> None:
    largest = np.abs(LOGITS).max()
    for share, outcome in ((2e-5, Outcome.CONFORMS), (5e-5, Outcome.DOES_NOT_CONFORM)):
        other = LOGITS.copy()
        other[2, 3] += share * largest
        verdict = checks.framework_verdict(LOGITS, other, "float64", subject, command="")
        assert verdict.outcome is outcome


def test_a_framework_that_gives_nan_never_agrees(subject: Subject) -> None:
    broken = LOGITS.copy()
    broken[1, 0] = np.nan
    with pytest.raises(MeasureError, match="NaN"):
        checks.framework_verdict(LOGITS, broken, "float64", subject, command="")


def test_one_parameter_too_many_is_noticed() -> None:
    assert judge_true("params", 7, 7, where="", command="").outcome is Outcome.CONFORMS
    verdict = judge_true("params", 8, 7, where="", command="")
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "another network than the pinned one (+1)" in str(verdict)


@pytest.mark.parametrize(
    ("factor", "cause"),
    [
        (2.0, "FLOPs where MACs are meant"),
        (10 / 9, "divided by 9e8"),
        (1000.0, "off by a thousand"),
        (1.01, "a digit of the page was changed"),
        (3.0, "another network"),
    ],
)
def test_a_count_that_does_not_fit_leads_to_its_cause(
    subject: Subject, factor: float, cause: str
) -> None:
    right = subject.expected_complexity.operations.raw
    claim = subject.row.operations
    assert claim is not None
    counts = {"thop": Counts(operations=right, params=1)}
    good = checks.complexity_verdict(subject, claim, counts, command="")
    assert good.outcome is Outcome.CONFORMS
    counts = {"thop": Counts(operations=round(right * factor), params=1)}
    verdict = checks.complexity_verdict(subject, claim, counts, command="")
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert cause in str(verdict)
