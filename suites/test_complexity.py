"""Documented operations and parameters are those of the real network, under a named rule."""

from __future__ import annotations

import pytest

from harness.counting.claims import judge_claim
from harness.counting.counts import printed
from harness.judging.page import printed_elsewhere
from harness.pipeline.catalogue import Catalogue, DocumentedModel
from harness.pipeline.pinned import pinned_macs, pinned_params
from harness.pipeline.pipeline import Pipeline
from harness.plugin.collection import Case
from harness.plugin.foundations import networks, true_params
from harness.plugin.options import Gate
from harness.plugin.recording import Record
from harness.records import Claim, Metric

pytestmark = pytest.mark.complexity


def test_documented_operations_are_reproduced(
    row_case: Case, pipeline: Pipeline, gate: Gate, record: Record
) -> None:
    """To the printed digit, by the counter that the figure was made with."""
    claim = row_case.model.row.operations
    if claim is None:
        pytest.skip("the page makes no claim about operations")
    judge_count(row_case.model, claim, pipeline, gate.catalogue, record)


def test_documented_params_are_reproduced(
    row_case: Case, pipeline: Pipeline, gate: Gate, record: Record
) -> None:
    """To the printed digit, by the counter that the figure was made with."""
    claim = row_case.model.row.claim(Metric.PARAMS)
    if claim is None:
        pytest.skip("the page makes no claim about parameters")
    judge_count(row_case.model, claim, pipeline, gate.catalogue, record)


def judge_count(
    model: DocumentedModel,
    claim: Claim,
    pipeline: Pipeline,
    catalogue: Catalogue,
    record: Record,
) -> None:
    """Under the rule that is pinned for the figure; a known defect has to be the known one."""
    expected = model.expected_complexity
    pinned, defect = expected.pinned(claim.metric), expected.defect(claim.metric)
    if defect:
        record.note_defect(model, defect.column, defect.printed.text, defect.true, defect.cause)
    found = pipeline.counts_of(model)[pinned.counter].of(claim.metric)
    right = printed(claim.figure, found, pinned.divisor, pinned.printing)
    record.judge(
        judge_claim(claim, found, pinned, defect),
        claim=claim,
        place=lambda: printed_elsewhere(claim, model.row, catalogue.others(model), str(right)),
        rests_on=[true_params(pipeline, model)]
        if claim.metric is Metric.PARAMS
        else networks(pipeline, model),
    )


def test_true_params_are_those_of_the_pinned_network(
    row_case: Case, pipeline: Pipeline, record: Record
) -> None:
    """Learned parameters, counted one by one."""
    record.judge(pinned_params(pipeline, row_case.model))


def test_true_macs_are_those_of_the_pinned_network(
    row_case: Case, pipeline: Pipeline, record: Record
) -> None:
    """Multiply-accumulates of convolutions and fully connected layers; and what no count shows:
    strides, padding, epsilons, activations, and their order."""
    model = row_case.model
    record.judge(pinned_macs(pipeline, model), rests_on=[true_params(pipeline, model)])
