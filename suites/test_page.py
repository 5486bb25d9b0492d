"""What a page says is possible at all."""

from __future__ import annotations

import pytest

from harness.judging.page import int8_verdict, read_verdict, top_order_verdict
from harness.plugin.collection import Case, PageCase
from harness.plugin.foundations import int8_in_order
from harness.plugin.recording import Record
from harness.records import Metric

pytestmark = pytest.mark.page


def test_page_of_the_zoo_can_be_read(page_case: PageCase, record: Record) -> None:
    """Where it cannot, none of its rows is judged."""
    record.judge(read_verdict(page_case.rows, page_case.problem))


def test_top1_is_not_above_top5(row_case: Case, record: Record) -> None:
    """Whoever is right at once is right within five."""
    row = row_case.model.row
    top1, top5 = row.claim(Metric.TOP1), row.claim(Metric.TOP5)
    if top1 is None or top5 is None:
        pytest.skip("the page does not document both")
    record.judge(top_order_verdict(top1, top5))


def test_documented_int8_accuracy_is_plausible(documented_int8_case: Case, record: Record) -> None:
    """Against the float accuracy of the same row; whether it is true, a backend has to show."""
    model, metric = documented_int8_case.model, documented_int8_case.metric
    verdict = int8_verdict(model.claim(metric), model.claim(metric.in_float))
    record.judge(verdict, rests_on=int8_in_order(model, metric))
