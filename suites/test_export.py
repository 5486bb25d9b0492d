"""Every row is exported from its source library, and the exported model computes the same."""

from __future__ import annotations

import pytest

from harness.pipeline import checks
from harness.pipeline.pipeline import Workshop
from harness.plugin.collection import Case
from harness.plugin.recording import Record
from harness.records import Metric

pytestmark = pytest.mark.export


def test_exported_model_computes_the_same(
    working_export_case: Case, workshop: Workshop, record: Record
) -> None:
    """Alone and in a batch, the export gives what the source framework gives."""
    subject, form = working_export_case.subject, working_export_case.form
    record.weights = workshop.weights_kind
    reference = workshop.reference(subject.variant, subject.size)
    outputs = workshop.probe_outputs(subject, form)
    agreement, tolerance = checks.compare_floats(reference, outputs, subject)
    record.measured(*agreement.measurements(form=form.id))
    record.judge(checks.float_verdict(agreement, tolerance, subject, command=record.command))


def test_export_is_complete_and_as_promised(
    export_case: Case, workshop: Workshop, record: Record
) -> None:
    """The file is whole and valid, and opset, names, shapes and types are those asked for."""
    subject, form = export_case.subject, export_case.form
    exported = workshop.exported(subject.variant, subject.size, form)
    checks.require_as_promised(exported.facts, form, subject, command=record.command)


def test_export_takes_the_documented_input_size(
    onnx_case: Case, workshop: Workshop, record: Record
) -> None:
    """The input size of the page is the one that the exported model is made for."""
    subject, form = onnx_case.subject, onnx_case.form
    exported = workshop.exported(subject.variant, subject.size, form)
    claim = checks.claim_of(subject, Metric.INPUT_SIZE)
    verdict = checks.input_size_verdict(exported.facts, claim, subject, command=record.command)
    record.judge(verdict, claim=claim)


def test_exporting_again_gives_the_same_model(
    repeated_case: Case, workshop: Workshop, record: Record
) -> None:
    """Nothing in an export depends on the moment, or on what was exported before."""
    subject, form = repeated_case.subject, repeated_case.form
    exported = workshop.exported(subject.variant, subject.size, form)
    checks.require_repeatable(exported.facts, subject, command=record.command)
