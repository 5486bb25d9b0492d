"""Rows of one network, given the same weights, compute the same in every framework."""

from __future__ import annotations

import pytest

from harness.judging.agreement import framework_verdict
from harness.pipeline.layers import departure, source_layers
from harness.pipeline.pipeline import Pipeline
from harness.plugin.collection import Case
from harness.plugin.foundations import networks
from harness.plugin.options import Gate
from harness.plugin.recording import Record

pytestmark = pytest.mark.export


def test_network_computes_what_arithmetic_says(
    row_case: Case, pipeline: Pipeline, record: Record
) -> None:
    """The source's float32 logits are those of the same network in float64, on torch."""
    model = row_case.model
    own = pipeline.reference(model.variant, model.size)
    exact = own.logits64
    record.judge(
        framework_verdict(exact, own.logits[: len(exact)], "float64"),
        rests_on=networks(pipeline, model),
    )


def test_same_network_from_another_source_agrees(
    row_case: Case, pipeline: Pipeline, gate: Gate, record: Record
) -> None:
    """Given the same weights, each row agrees with the first row of the same network."""
    model = row_case.model
    if pipeline.settings.weights is not None:
        pytest.skip("published weights differ from source to source")
    first = gate.catalogue.first_like(model)
    if first is model:
        pytest.skip("the first row of its network; the others are held against it")
    theirs, own = (pipeline.reference(one.variant, one.size) for one in (first, model))
    record.judge(
        framework_verdict(theirs.logits, own.logits, first.id),
        place=lambda: departure(source_layers(pipeline, first, model)),
        rests_on=networks(pipeline, model, first),
    )
