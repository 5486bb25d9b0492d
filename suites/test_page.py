"""What a page says is possible at all."""

from __future__ import annotations

import pytest

from harness.errors import NonConformance
from harness.plugin.collection import Case
from harness.plugin.recording import Record
from harness.records import Metric

pytestmark = pytest.mark.page


def test_top1_is_not_above_top5(row_case: Case, record: Record) -> None:
    """Whoever is right at once is right within five."""
    row = row_case.subject.row
    top1, top5 = row.claim(Metric.TOP1), row.claim(Metric.TOP5)
    if top1 and top5 and top1.figure.value > top5.figure.value:
        raise NonConformance(
            f"top1 = {top1.figure.text} is above top5 = {top5.figure.text} "
            f"{row_case.subject.where}\n  likely cause: the two cells are swapped\n"
            f"  repeat: {record.command}"
        )
