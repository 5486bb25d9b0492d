"""Every row is compiled to int8, really computes in int8, and stays close to its float run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

import pytest

from harness.backends.registry import EMBEDDED
from harness.errors import Regression
from harness.expected.baselines import Baseline
from harness.expected.float_operators import FloatOperators
from harness.expected.tolerances import Tolerances
from harness.judging.agreement import (
    Agreement,
    FloatTolerance,
    company_verdict,
    float_verdict,
)
from harness.judging.int8 import (
    baseline_verdict,
    parameters_verdict,
    parity_verdict,
    quantized_verdict,
    same_model_agreement,
    same_model_verdict,
)
from harness.judging.layers import measurements
from harness.pipeline.catalogue import DocumentedModel
from harness.pipeline.layers import compiled_layers, costliest, departure, export_layers
from harness.pipeline.pipeline import Pipeline
from harness.plugin.collection import Case
from harness.plugin.options import Gate
from harness.plugin.recording import Record
from harness.records import Outcome

pytestmark = pytest.mark.int8

SAME = "test_exported_model_computes_the_same"
HEAVY = "test_every_heavy_operator_is_int8"
PARAMETERS = "test_quantization_parameters_follow_from_the_calibration_images"


def test_every_heavy_operator_is_int8(
    int8_case: Case, pipeline: Pipeline, float_operators: FloatOperators, record: Record
) -> None:
    """No convolution or matrix product fell back to floating point, in the file or when run."""
    model, backend = int8_case.model, int8_case.backend
    facts = pipeline.compiled_row(model, backend).facts
    if not facts.get("unquantized"):  # what is wrongly quantized, a runtime may compute in float
        record.rests_on(PARAMETERS, partial(parameters_verdict, facts))
    record.judge(quantized_verdict(facts, declared=float_operators.of(model.id, backend=backend)))


def test_quantization_parameters_follow_from_the_calibration_images(
    int8_case: Case, pipeline: Pipeline, float_operators: FloatOperators, record: Record
) -> None:
    """Every scale, zero point and code is what images and weights ask for, without a baseline."""
    model, backend = int8_case.model, int8_case.backend
    facts = pipeline.compiled_row(model, backend).facts
    if facts.get("unquantized"):
        declared = float_operators.of(model.id, backend=backend)
        record.rests_on(HEAVY, partial(quantized_verdict, facts, declared=declared))
    record.judge(parameters_verdict(facts))


def test_fp32_in_the_backend_agrees_with_its_source(
    fp32_case: Case, pipeline: Pipeline, record: Record
) -> None:
    """The float half of the parity comparison is right by itself."""
    model, backend = fp32_case.model, fp32_case.backend
    form, agreement = pipeline.form_for(model, backend), float_agreement(pipeline, model, backend)
    record.measured(*agreement[0].measurements(form=form.id))
    verdict = float_verdict(*agreement)
    if backend == EMBEDDED:  # which runs the export as it is
        record.rests_on(SAME, verdict, case=f"{model.slug}-{form.id}")
    record.judge(
        verdict,
        place=lambda: departure(export_layers(pipeline, model, form)),
    )


def float_agreement(
    pipeline: Pipeline, model: DocumentedModel, backend: str
) -> tuple[Agreement, FloatTolerance]:
    """How far a backend's fp32 is from the source library, and how far it may be."""
    reference = pipeline.reference(model.variant, model.size)
    return reference.compared(pipeline.float_probes(model, backend))


def test_parity(
    int8_case: Case,
    pipeline: Pipeline,
    gate: Gate,
    tolerances: Tolerances,
    float_operators: FloatOperators,
    record: Record,
) -> None:
    """On images that it was not calibrated on, int8 is within tolerance of fp32."""
    model, backend = int8_case.model, int8_case.backend
    compared = pipeline.parity(model, backend, "int8")
    record.measured(*compared.parity.measurements(precision="int8", backend=backend))
    if backend == EMBEDDED:  # others may round otherwise in another batch
        company = company_verdict(*pipeline.in_company(model, backend, "int8"))
        if company.outcome is Outcome.DOES_NOT_CONFORM:
            record.judge(company)
    pipeline.require_judgeable(model.variant)
    rest_on_quantization(int8_case, pipeline, float_operators, record)
    limits = tolerances.limits(model.row, precision="int8")
    layers = cache(partial(compiled_layers, pipeline, model, backend))
    if gate.layers:
        record.measured(*measurements(layers(), precision="int8", backend=backend))
    record.judge(
        parity_verdict(compared, limits, precision="int8"),
        other_half=test_fp32_in_the_backend_agrees_with_its_source,
        place=lambda: costliest(layers()),
    )


def rest_on_quantization(
    case: Case, pipeline: Pipeline, float_operators: FloatOperators, record: Record
) -> None:
    """Parity is about a model that is int8 throughout, with the scales that it should have."""
    facts = pipeline.compiled_row(case.model, case.backend).facts
    declared = float_operators.of(case.model.id, backend=case.backend)
    record.rests_on(PARAMETERS, partial(parameters_verdict, facts))
    record.rests_on(HEAVY, partial(quantized_verdict, facts, declared=declared))


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
    float_operators: FloatOperators,
    record: Record,
) -> None:
    """Parity has not moved since it was last accepted, for the worse or for the better."""
    model, backend = int8_case.model, int8_case.backend
    accepted = parity_baselines[backend].accepted(model.id, "centred_sqnr")
    compared = pipeline.parity(model, backend, "int8")
    rest_on_quantization(int8_case, pipeline, float_operators, record)
    if pipeline.is_judgeable(model.variant):
        limits = tolerances.limits(model.row, precision="int8")
        record.rests_on("test_parity", parity_verdict(compared, limits, precision="int8"))
    if backend == EMBEDDED:
        form = pipeline.form_for(model, backend)
        record.rests_on(
            SAME,
            lambda: float_verdict(*float_agreement(pipeline, model, backend)),
            case=f"{model.slug}-{form.id}",
        )
    verdict = baseline_verdict(compared, accepted, weights=pipeline.weights_kind)
    record.judge(verdict, failure=Regression)
