"""Documented accuracies are those that upstream publishes for exactly the documented variant.

Nothing is measured: a documented figure that passes here is not a reproduced one.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from harness.expected.published import ExpectedPublished
from harness.judging.page import printed_elsewhere, top_order_verdict
from harness.judging.published import METRICS, judge_figure, judge_preprocessing
from harness.pipeline.catalogue import DocumentedModel
from harness.pipeline.pipeline import Pipeline
from harness.plugin.blocking import Rest
from harness.plugin.collection import Case
from harness.plugin.options import Gate
from harness.plugin.recording import Record
from harness.records import Measurement, Metric

pytestmark = pytest.mark.page


@pytest.fixture
def facts(row_case: Case, gate: Gate) -> ExpectedPublished:
    """What is known of upstream's figures for the row's page."""
    return gate.standards.published_of(row_case.model.page)


@pytest.mark.parametrize("metric", METRICS, ids=str)
def test_documented_accuracy_is_the_published_one(
    row_case: Case,
    metric: Metric,
    facts: ExpectedPublished,
    gate: Gate,
    pipeline: Pipeline,
    record: Record,
) -> None:
    """For the pinned variant at the documented input size."""
    model = row_case.model
    claim = model.row.claim(metric)
    if claim is None:
        pytest.skip(f"the page documents no {metric}")
    upstream = pipeline.upstream(model, facts)
    published = upstream.at(model.size)
    difference = claim.figure.value - published.value(metric)
    record.measured(
        Measurement(f"documented_minus_published_{metric}", float(difference), "points")
    )
    defect = facts.figures.get((model.id, metric))
    if defect is not None:
        told = defect.documented.text, defect.published, defect.cause
        record.note_defect(model, metric, *told)
    record.judge(
        judge_figure(
            claim,
            published,
            noise=upstream.noise,
            copied=upstream.copied,
            others=upstream.current,
            defect=defect,
        ),
        place=lambda: printed_elsewhere(
            claim,
            model.row,
            gate.catalogue.others(model),
            str(claim.figure.round(Fraction(published.value(metric)))),
        ),
        rests_on=in_order(model),
    )


def test_documented_accuracy_was_measured_as_the_page_describes(
    row_case: Case, facts: ExpectedPublished, pipeline: Pipeline, record: Record
) -> None:
    """At the documented input size, with the crop and the kernel of the page's own pipeline."""
    model = row_case.model
    if not any(model.row.claim(metric) for metric in METRICS):
        pytest.skip("the page documents no accuracy")
    page = facts.page_at(model.size)
    defect = facts.preprocessing.get(model.id)
    if defect is not None:
        record.note_defect(model, "measured at", str(page), defect.measured, defect.cause)
    record.judge(
        judge_preprocessing(
            page,
            pipeline.upstream(model, facts).measured(model.row, size=model.size),
            defect=defect,
        )
    )


def in_order(model: DocumentedModel) -> list[Rest]:
    """Documented top-1 is not above top-5, as it is where the two are swapped."""
    top1, top5 = (model.row.claim(metric) for metric in METRICS)
    if top1 is None or top5 is None:
        return []
    return [Rest("test_top1_is_not_above_top5", top_order_verdict(top1, top5), model.slug)]
