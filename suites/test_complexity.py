"""Documented operations and parameters are those of the real network, under a named rule."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from harness.counting.claims import judge_claim, judge_layers, judge_true
from harness.counting.counts import Counts
from harness.judging.verdicts import worst_of
from harness.pipeline.catalogue import DocumentedModel
from harness.pipeline.pipeline import Pipeline
from harness.plugin.collection import Case
from harness.plugin.recording import Record
from harness.records import Claim, Metric, Verdict

pytestmark = pytest.mark.complexity

TRUE_PARAMS = "test_true_params_are_those_of_the_pinned_network"
TRUE_MACS = "test_true_macs_are_those_of_the_pinned_network"


def test_documented_operations_are_reproduced(
    row_case: Case, pipeline: Pipeline, record: Record
) -> None:
    """To the printed digit, by the counter that the figure was made with."""
    claim = row_case.model.row.operations
    if claim is None:
        pytest.skip("the page makes no claim about operations")
    judge_count(row_case.model, claim, pipeline, record)


def test_documented_params_are_reproduced(
    row_case: Case, pipeline: Pipeline, record: Record
) -> None:
    """To the printed digit, by the counter that the figure was made with."""
    claim = row_case.model.row.claim(Metric.PARAMS)
    if claim is None:
        pytest.skip("the page makes no claim about parameters")
    judge_count(row_case.model, claim, pipeline, record)


def judge_count(model: DocumentedModel, claim: Claim, pipeline: Pipeline, record: Record) -> None:
    """Under the rule that is pinned for the figure; a known defect has to be the known one."""
    expected = model.expected_complexity
    pinned, defect = expected.pinned(claim.metric), expected.defect(claim.metric)
    if defect:
        record.note_defect(model, defect.column, defect.printed.text, defect.true, defect.cause)
    counted = pipeline.counts_of(model)
    record.rests_on(TRUE_PARAMS, true_params(model, counted))
    if claim.metric is not Metric.PARAMS:
        record.rests_on(TRUE_MACS, true_macs(model, counted))
    found = counted[pinned.counter].of(claim.metric)
    record.judge(judge_claim(claim, found, pinned, defect), claim=claim)


def test_true_params_are_those_of_the_pinned_network(
    row_case: Case, pipeline: Pipeline, record: Record
) -> None:
    """Learned parameters, counted one by one."""
    record.judge(true_params(row_case.model, pipeline.counts_of(row_case.model)))


def test_true_macs_are_those_of_the_pinned_network(
    row_case: Case, pipeline: Pipeline, record: Record
) -> None:
    """Multiply-accumulates of convolutions and fully connected layers; and what no count shows:
    strides, padding, epsilons, activations, and their order."""
    counted = pipeline.counts_of(row_case.model)
    record.rests_on(TRUE_PARAMS, true_params(row_case.model, counted))
    macs, pinned = true_macs(row_case.model, counted), row_case.model.expected_complexity.layers
    record.judge(worst_of([macs, judge_layers(pipeline.layers_of(row_case.model), pinned)]))


def true_params(model: DocumentedModel, counted: Mapping[str, Counts]) -> Verdict:
    return judge_true("params", counted["true"].params, model.expected_complexity.true_params)


def true_macs(model: DocumentedModel, counted: Mapping[str, Counts]) -> Verdict:
    return judge_true(
        "conv+fc MACs", counted["true"].operations, model.expected_complexity.true_macs
    )
