"""Where a backend runs in 16 bits, its output stays close to fp32, and is not fp32 itself."""

from __future__ import annotations

import pytest

from harness.expected.tolerances import Tolerances
from harness.judging.parity import compare
from harness.pipeline import checks
from harness.pipeline.pipeline import Workshop
from harness.plugin.collection import Case
from harness.plugin.recording import Record

pytestmark = pytest.mark.half


def test_half_precision_parity(
    half_case: Case, workshop: Workshop, tolerances: Tolerances, record: Record
) -> None:
    """fp16 and bf16 are within tolerance of fp32, each within its own."""
    subject, backend, precision = half_case.subject, half_case.backend, half_case.precision
    assert precision
    record.weights = workshop.weights_kind
    reference = workshop.float_outputs(subject, backend)
    candidate = workshop.evaluated(subject, backend, precision)
    parity = compare(reference, candidate, case=subject.id)
    record.measured(*parity.measurements(precision=precision, backend=backend))
    workshop.require_judgeable(subject.variant)
    record.judge(
        checks.parity_verdict(
            reference, candidate, tolerances, subject, precision=precision, command=record.command
        )
    )
