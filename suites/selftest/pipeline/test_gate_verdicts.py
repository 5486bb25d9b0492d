"""Verdicts of the gate on figures made wrong on purpose, each beside the right one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.counting.claims import judge_claim, judge_true
from harness.errors import MeasureError
from harness.judging.agreement import framework_verdict
from harness.judging.page import top_order_verdict
from harness.pipeline.catalogue import DocumentedModel, read_catalogue
from harness.records import Figure, Metric, Outcome, Verdict

ROW = "resnext/timm/resnext50_32x4d"
LOGITS = np.random.Generator(np.random.PCG64(1)).standard_normal((4, 1000))


@pytest.fixture(scope="module")
def model() -> DocumentedModel:
    return read_catalogue().one(ROW)


def test_top1_above_top5_is_noticed(model: DocumentedModel) -> None:
    top5 = model.claim(Metric.TOP5)
    assert top_order_verdict(model.claim(Metric.TOP1), top5).outcome is Outcome.CONFORMS
    above = replace(model.claim(Metric.TOP1), figure=Figure("95.327"))
    verdict = top_order_verdict(above, top5)
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert verdict.headline == "top1 = 95.327, at most top5 = 95.326"
    assert "swapped" in verdict.details[0]


def test_a_verdict_says_once_where_it_belongs_and_what_repeats_it(model: DocumentedModel) -> None:
    fails = Verdict(Outcome.DOES_NOT_CONFORM, "top1 = 1", ("likely cause: x",))
    recorded = fails.recorded(model.where, "pytest this")
    assert str(recorded).splitlines() == [
        f"top1 = 1 [{model.id}] resnext.md:49",
        "  likely cause: x",
        "  repeat: pytest this",
    ]
    holds = Verdict(Outcome.CONFORMS, "top1 = 1").recorded(model.where, "pytest this")
    assert holds.details == ()


def test_frameworks_that_differ_are_noticed() -> None:
    largest = np.abs(LOGITS).max()
    for share, outcome in ((2e-5, Outcome.CONFORMS), (5e-5, Outcome.DOES_NOT_CONFORM)):
        other = LOGITS.copy()
        other[2, 3] += share * largest
        verdict = framework_verdict(LOGITS, other, "float64")
        assert verdict.outcome is outcome


def test_a_framework_that_gives_nan_never_agrees() -> None:
    broken = LOGITS.copy()
    broken[1, 0] = np.nan
    with pytest.raises(MeasureError, match="NaN"):
        framework_verdict(LOGITS, broken, "float64")


def test_one_parameter_too_many_is_noticed() -> None:
    assert judge_true("params", 7, 7).outcome is Outcome.CONFORMS
    verdict = judge_true("params", 8, 7)
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "another network than the pinned one (+1)" in str(verdict)


@pytest.mark.parametrize(
    ("factor", "cause"),
    [
        (2.0, "FLOPs where MACs are meant"),
        (10 / 9, "divided by 9e8"),
        (0.25, "bytes of float32 where a count is meant"),
        (1.024**3, "a unit of 2**30 where 1e9 is meant"),
        (1000.0, "off by a thousand"),
        (1.01, "a digit of the page was changed"),
        (3.0, "another network"),
    ],
)
def test_a_count_that_does_not_fit_leads_to_its_cause(
    model: DocumentedModel, factor: float, cause: str
) -> None:
    pinned = model.expected_complexity.operations
    claim = model.row.operations
    assert claim is not None
    assert judge_claim(claim, pinned.raw, pinned, None).outcome is Outcome.CONFORMS
    verdict = judge_claim(claim, round(pinned.raw * factor), pinned, None)
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert cause in str(verdict)
