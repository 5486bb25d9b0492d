"""Where a backend runs in 16 bits, its output stays close to fp32, and is not fp32 itself."""

from __future__ import annotations

import pytest

from harness.expected.tolerances import Tolerances
from harness.judging.int8 import parity_verdict
from harness.pipeline.pipeline import Pipeline
from harness.plugin.collection import Case
from harness.plugin.foundations import fp32
from harness.plugin.recording import Record

pytestmark = pytest.mark.half


def test_half_precision_parity(
    half_case: Case, pipeline: Pipeline, tolerances: Tolerances, record: Record
) -> None:
    """fp16 and bf16 are within tolerance of fp32, each within its own."""
    model, backend, precision = half_case.model, half_case.backend, half_case.precision
    assert precision
    compared = pipeline.parity(model, backend, precision)
    record.measured(*compared.parity.measurements(precision=precision, backend=backend))
    pipeline.require_judgeable(model.variant)
    limits = tolerances.limits(model.row, precision=precision)
    record.judge(
        parity_verdict(compared, limits, precision=precision),
        rests_on=fp32(pipeline, model, backend),
    )
