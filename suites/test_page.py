"""What a page says is possible at all."""

from __future__ import annotations

import pytest

from harness.pipeline import checks
from harness.plugin.collection import Case
from harness.plugin.recording import Record
from harness.records import Metric

pytestmark = pytest.mark.page


def test_top1_is_not_above_top5(row_case: Case, record: Record) -> None:
    """Whoever is right at once is right within five."""
    if not {Metric.TOP1, Metric.TOP5} <= {one.metric for one in row_case.subject.row.claims}:
        pytest.skip("the page does not document both")
    record.judge(checks.top_order_verdict(row_case.subject, command=record.command))
