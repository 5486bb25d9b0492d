"""Every row is compiled to int8, really computes in int8, and stays close to its float run."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from harness.errors import Regression
from harness.expected.baselines import Baseline
from harness.expected.float_operators import FloatOperators
from harness.expected.tolerances import Tolerances
from harness.judging.parity import compare
from harness.pipeline import checks
from harness.pipeline.pipeline import Workshop
from harness.plugin.collection import Case
from harness.plugin.recording import Record

pytestmark = pytest.mark.int8


def test_every_heavy_operator_is_int8(
    int8_case: Case, workshop: Workshop, float_operators: FloatOperators, record: Record
) -> None:
    """No convolution or matrix product fell back to floating point, in the file or when run."""
    subject, backend = int8_case.subject, int8_case.backend
    checks.require_quantized(
        workshop.compiled_row(subject, backend).facts,
        subject,
        declared=float_operators.of(subject.id, backend=backend),
        command=record.command,
    )


def test_quantization_parameters_follow_from_the_calibration_images(
    int8_case: Case, workshop: Workshop, record: Record
) -> None:
    """Every scale, zero point and code is what images and weights ask for, without a baseline."""
    subject, backend = int8_case.subject, int8_case.backend
    checks.require_parameters(
        workshop.compiled_row(subject, backend).facts, subject, command=record.command
    )


def test_fp32_in_the_backend_agrees_with_its_source(
    fp32_case: Case, workshop: Workshop, record: Record
) -> None:
    """The float half of the parity comparison is right by itself."""
    subject, backend = fp32_case.subject, fp32_case.backend
    record.weights = workshop.weights_kind
    form = workshop.form_for(subject, backend)
    outputs = workshop.float_probes(subject, backend)
    reference = workshop.reference(subject.variant, subject.size)
    agreement, tolerance = checks.compare_floats(reference, outputs, subject)
    record.measured(*agreement.measurements(form=form.id))
    record.judge(checks.float_verdict(agreement, tolerance, subject, command=record.command))


def test_parity(
    int8_case: Case, workshop: Workshop, tolerances: Tolerances, record: Record
) -> None:
    """On images that it was not calibrated on, int8 is within tolerance of fp32."""
    subject, backend = int8_case.subject, int8_case.backend
    record.weights = workshop.weights_kind
    reference = workshop.float_outputs(subject, backend)
    candidate = workshop.evaluated(subject, backend, "int8")
    parity = compare(reference, candidate, case=subject.id)
    record.measured(*parity.measurements(precision="int8", backend=backend))
    workshop.require_judgeable(subject.variant)
    record.judge(
        checks.parity_verdict(
            reference, candidate, tolerances, subject, precision="int8", command=record.command
        )
    )


def test_the_same_int8_model_agrees_elsewhere(
    same_model_case: Case, workshop: Workshop, tolerances: Tolerances, record: Record
) -> None:
    """What the embedded backend compiled gives about the same on another one; how far is told."""
    subject, backend = same_model_case.subject, same_model_case.backend
    record.weights = workshop.weights_kind
    agreement = checks.same_model_agreement(
        workshop.int8_outputs(subject), workshop.int8_outputs(subject, backend), subject
    )
    record.measured(*agreement)
    workshop.require_judgeable(subject.variant)
    record.judge(checks.same_model_verdict(agreement, tolerances, subject, command=record.command))


def test_parity_is_the_accepted_one(
    int8_case: Case,
    workshop: Workshop,
    parity_baselines: Mapping[str, Baseline],
    record: Record,
) -> None:
    """Parity has not moved since it was last accepted, for the worse or for the better."""
    subject, backend = int8_case.subject, int8_case.backend
    record.weights = workshop.weights_kind
    reference = workshop.float_outputs(subject, backend)
    candidate = workshop.evaluated(subject, backend, "int8")
    verdict = checks.baseline_verdict(
        compare(reference, candidate, case=subject.id),
        parity_baselines[backend],
        subject,
        weights=workshop.weights_kind,
        command=record.command,
    )
    record.judge(verdict, failure=Regression)
