"""Every row is exported from its source library, and the exported model computes the same."""

from __future__ import annotations

from functools import cache, partial

import pytest

from harness.judging.agreement import float_verdict
from harness.judging.exports import input_size_verdict, repeatable_verdict
from harness.judging.layers import measurements
from harness.pipeline.layers import departure, export_layers
from harness.pipeline.pipeline import Pipeline
from harness.plugin.collection import Case
from harness.plugin.foundations import promised
from harness.plugin.options import Gate
from harness.plugin.recording import Record
from harness.records import Metric
from harness.sources.forms import require_as_promised

pytestmark = pytest.mark.export


def test_export_is_complete_and_as_promised(export_case: Case, pipeline: Pipeline) -> None:
    """The file is whole and valid, and opset, names, shapes and types are those asked for."""
    model, form = export_case.model, export_case.form
    exported = pipeline.exported(model.variant, model.size, form)
    require_as_promised(exported.facts, form, model.variant, size=model.size)


def test_exported_model_computes_the_same(
    working_export_case: Case, pipeline: Pipeline, gate: Gate, record: Record
) -> None:
    """Alone and in a batch, the export gives what the source framework gives."""
    model, form = working_export_case.model, working_export_case.form
    reference = pipeline.reference(model.variant, model.size)
    agreement, tolerance = reference.compared(pipeline.probe_outputs(model, form))
    record.measured(*agreement.measurements(form=form.id))
    layers = cache(partial(export_layers, pipeline, model, form))
    if gate.layers:
        record.measured(*measurements(layers(), form=form.id))
    record.judge(
        float_verdict(agreement, tolerance),
        place=lambda: departure(layers()),
        rests_on=[promised(pipeline, model, form)],
    )


def test_export_takes_the_documented_input_size(
    onnx_case: Case, pipeline: Pipeline, record: Record
) -> None:
    """The input size of the page is the one that the exported model is made for."""
    model, claim = onnx_case.model, onnx_case.model.claim(Metric.INPUT_SIZE)
    exported = pipeline.complete(model.variant, model.size, onnx_case.form)
    record.judge(input_size_verdict(exported.facts, claim), claim=claim)


def test_exporting_again_gives_the_same_model(
    repeated_case: Case, pipeline: Pipeline, record: Record
) -> None:
    """Nothing in an export depends on the moment, or on what was exported before."""
    model, form = repeated_case.model, repeated_case.form
    record.judge(
        repeatable_verdict(pipeline.complete(model.variant, model.size, form).facts),
        rests_on=[promised(pipeline, model, form)],
    )
