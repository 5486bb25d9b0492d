"""Rows are as fast as they were, in units of a reference workload; int8 is no slower than fp32."""

from __future__ import annotations

import pytest

from harness.errors import Regression
from harness.plugin.collection import Case
from harness.plugin.recording import Record
from harness.plugin.throughput import Throughputs

pytestmark = pytest.mark.throughput


def test_speed_is_the_accepted_one(
    speed_case: Case, throughputs: Throughputs, record: Record
) -> None:
    """Against the same machine's accepted speed; a change for the better fails too."""
    model, backend, precision = speed_case.model, speed_case.backend, speed_case.precision
    record.measured(*throughputs.figures(model, backend, precision))
    ratios = throughputs.ratios(model, backend, precision)
    record.measured(*ratios)
    record.judge(throughputs.verdict(ratios, model), failure=Regression)


def test_int8_is_no_slower(int8_case: Case, throughputs: Throughputs, record: Record) -> None:
    """Both were measured in turns, offline."""
    record.judge(throughputs.int8_verdict(int8_case.model, int8_case.backend))
