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
from harness.judging.agreement import float_verdict
from harness.judging.int8 import (
    baseline_verdict,
    exact_verdict,
    parameters_verdict,
    parity_verdict,
    quantized_verdict,
    same_model_agreement,
    same_model_verdict,
)
from harness.judging.layers import measurements
from harness.pipeline.layers import compiled_layers, costliest, departure, export_layers
from harness.pipeline.pipeline import Pipeline
from harness.plugin.blocking import Rest
from harness.plugin.collection import Case
from harness.plugin.foundations import fp32, int8, operators, parameters
from harness.plugin.options import Gate
from harness.plugin.recording import Record
from harness.records import Outcome

pytestmark = pytest.mark.int8


def test_every_heavy_operator_is_int8(
    int8_case: Case, pipeline: Pipeline, float_operators: FloatOperators, record: Record
) -> None:
    """No convolution or matrix product fell back to floating point, in the file or when run."""
    model, backend = int8_case.model, int8_case.backend
    facts = pipeline.compiled_row(model, backend).facts
    record.judge(
        quantized_verdict(facts, declared=float_operators.of(model.id, backend=backend)),
        # what is wrongly quantized, a runtime may compute in float
        rests_on=[] if facts.get("unquantized") else [parameters(pipeline, model, backend)],
    )


def test_quantization_parameters_follow_from_the_calibration_images(
    int8_case: Case, pipeline: Pipeline, float_operators: FloatOperators, record: Record
) -> None:
    """Every scale, zero point and code is what images and weights ask for, without a baseline."""
    model, backend = int8_case.model, int8_case.backend
    facts = pipeline.compiled_row(model, backend).facts
    whole = operators(pipeline, model, backend, float_operators)
    record.judge(parameters_verdict(facts), rests_on=[whole] if facts.get("unquantized") else [])


def test_fp32_in_the_backend_agrees_with_its_source(
    fp32_case: Case, pipeline: Pipeline, record: Record
) -> None:
    """The float half of the parity comparison is right by itself."""
    model, backend = fp32_case.model, fp32_case.backend
    form = pipeline.form_for(model, backend)
    reference = pipeline.reference(model.variant, model.size)
    agreement, tolerance = reference.compared(pipeline.float_probes(model, backend))
    record.measured(*agreement.measurements(form=form.id))
    record.judge(
        float_verdict(agreement, tolerance),
        place=lambda: departure(export_layers(pipeline, model, form), backend=backend),
        rests_on=fp32(pipeline, model, backend),
    )


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
    foundations = int8(pipeline, model, backend, float_operators)
    if backend == EMBEDDED:  # others may round otherwise in another batch
        scale = pipeline.compiled_row(model, backend).facts.get("output_scale")
        answers = exact_verdict(*pipeline.in_company(model, backend, "int8"), scale)
        if answers.outcome is Outcome.DOES_NOT_CONFORM:
            record.judge(answers, rests_on=foundations)
    pipeline.require_judgeable(model.variant)
    layers = cache(partial(compiled_layers, pipeline, model, backend))
    if gate.layers:
        record.measured(*measurements(layers(), precision="int8", backend=backend))
    limits = tolerances.limits(model.row, precision="int8")
    record.judge(
        parity_verdict(compared, limits, precision="int8"),
        place=lambda: costliest(layers()),
        rests_on=foundations,
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
    float_operators: FloatOperators,
    record: Record,
) -> None:
    """Parity has not moved since it was last accepted, for the worse or for the better."""
    model, backend = int8_case.model, int8_case.backend
    accepted = parity_baselines[backend].accepted(model.id, "centred_sqnr")
    compared = pipeline.parity(model, backend, "int8")
    foundations = int8(pipeline, model, backend, float_operators)
    if pipeline.is_judgeable(model.variant):
        limits = tolerances.limits(model.row, precision="int8")
        within = partial(parity_verdict, compared, limits, precision="int8")
        foundations.append(Rest("test_parity", within))
    record.judge(
        baseline_verdict(compared, accepted, weights=pipeline.weights_kind),
        rests_on=foundations,
        failure=Regression,
    )
