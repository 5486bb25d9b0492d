"""Every row is compiled to int8, really computes in int8, and stays close to its float run."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from harness.backends.registry import EMBEDDED
from harness.errors import Regression
from harness.expected.baselines import Baseline
from harness.expected.float_operators import FloatOperators
from harness.expected.tolerances import Tolerances
from harness.judging.agreement import float_verdict
from harness.judging.int8 import (
    baseline_verdict,
    parity_verdict,
    require_parameters,
    require_quantized,
    same_model_agreement,
    same_model_verdict,
)
from harness.pipeline.layers import compiled_layers, costliest, departure, export_layers
from harness.pipeline.pipeline import Pipeline
from harness.plugin.collection import Case
from harness.plugin.recording import Record

pytestmark = pytest.mark.int8


def test_every_heavy_operator_is_int8(
    int8_case: Case, pipeline: Pipeline, float_operators: FloatOperators
) -> None:
    """No convolution or matrix product fell back to floating point, in the file or when run."""
    model, backend = int8_case.model, int8_case.backend
    declared = float_operators.of(model.id, backend=backend)
    require_quantized(pipeline.compiled_row(model, backend).facts, declared=declared)


def test_quantization_parameters_follow_from_the_calibration_images(
    int8_case: Case, pipeline: Pipeline
) -> None:
    """Every scale, zero point and code is what images and weights ask for, without a baseline."""
    require_parameters(pipeline.compiled_row(int8_case.model, int8_case.backend).facts)


def test_fp32_in_the_backend_agrees_with_its_source(
    fp32_case: Case, pipeline: Pipeline, record: Record
) -> None:
    """The float half of the parity comparison is right by itself."""
    model, backend = fp32_case.model, fp32_case.backend
    reference = pipeline.reference(model.variant, model.size)
    agreement, tolerance = reference.compared(pipeline.float_probes(model, backend))
    form = pipeline.form_for(model, backend)
    record.measured(*agreement.measurements(form=form.id))
    verdict = float_verdict(agreement, tolerance)
    if backend == EMBEDDED:  # which runs the export as it is
        case = f"{model.slug}-{form.id}"
        record.rests_on("test_exported_model_computes_the_same", verdict, case=case)
    record.judge(
        verdict,
        place=lambda: departure(export_layers(pipeline, model, form)),
    )


def test_parity(
    int8_case: Case, pipeline: Pipeline, tolerances: Tolerances, record: Record
) -> None:
    """On images that it was not calibrated on, int8 is within tolerance of fp32."""
    model, backend = int8_case.model, int8_case.backend
    compared = pipeline.parity(model, backend, "int8")
    record.measured(*compared.parity.measurements(precision="int8", backend=backend))
    pipeline.require_judgeable(model.variant)
    limits = tolerances.limits(model.row, precision="int8")
    verdict = parity_verdict(compared, limits, precision="int8")
    record.judge(
        verdict,
        other_half=test_fp32_in_the_backend_agrees_with_its_source,
        place=lambda: costliest(compiled_layers(pipeline, model, backend)),
    )


def test_the_same_int8_model_agrees_elsewhere(
    same_model_case: Case, pipeline: Pipeline, tolerances: Tolerances, record: Record
) -> None:
    """What the default backend compiled gives about the same on another one; how far is told."""
    model, backend = same_model_case.model, same_model_case.backend
    agreement = same_model_agreement(
        pipeline.int8_outputs(model), pipeline.int8_outputs(model, backend)
    )
    record.measured(*agreement)
    pipeline.require_judgeable(model.variant)
    record.judge(same_model_verdict(agreement, tolerances.limits(model.row, precision="int8")))


def test_parity_is_the_accepted_one(
    int8_case: Case,
    pipeline: Pipeline,
    tolerances: Tolerances,
    parity_baselines: Mapping[str, Baseline],
    record: Record,
) -> None:
    """Parity has not moved since it was last accepted, for the worse or for the better."""
    model, backend = int8_case.model, int8_case.backend
    accepted = parity_baselines[backend].accepted(model.id, "centred_sqnr")
    compared = pipeline.parity(model, backend, "int8")
    if pipeline.is_judgeable(model.variant):
        limits = tolerances.limits(model.row, precision="int8")
        record.rests_on("test_parity", parity_verdict(compared, limits, precision="int8"))
    verdict = baseline_verdict(compared, accepted, weights=pipeline.weights_kind)
    record.judge(verdict, failure=Regression)
