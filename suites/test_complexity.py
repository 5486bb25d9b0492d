"""Documented operations and parameters are those of the real network, under a named rule."""

from __future__ import annotations

import pytest

from harness.complexity.judgement import judge_claim, judge_true
from harness.pipeline import Workshop
from harness.plugin.collection import Case
from harness.plugin.recording import Record
from harness.records import Metric

pytestmark = pytest.mark.complexity


def test_documented_operations_are_reproduced(
    row_case: Case, workshop: Workshop, record: Record
) -> None:
    """To the printed digit, by the counter that the figure was made with."""
    subject = row_case.subject
    claim, expected = subject.row.operations, subject.expected_complexity
    if claim is None:
        pytest.skip("the page makes no claim about operations")
    counts = workshop.counts_of(subject)[expected.operations.counter]
    record.note_defect(subject, expected.defect(claim.metric))
    record.judge(
        judge_claim(
            claim,
            counts.operations,
            expected.operations,
            expected.defect(claim.metric),
            where=subject.where,
            command=record.command,
        ),
        claim=claim,
    )


def test_documented_params_are_reproduced(
    row_case: Case, workshop: Workshop, record: Record
) -> None:
    """To the printed digit, by the counter that the figure was made with."""
    subject = row_case.subject
    claim, expected = subject.row.claim(Metric.PARAMS), subject.expected_complexity
    if claim is None:
        pytest.skip("the page makes no claim about parameters")
    counts = workshop.counts_of(subject)[expected.params.counter]
    record.note_defect(subject, expected.defect(claim.metric))
    record.judge(
        judge_claim(
            claim,
            counts.params,
            expected.params,
            expected.defect(claim.metric),
            where=subject.where,
            command=record.command,
        ),
        claim=claim,
    )


def test_true_params_are_those_of_the_pinned_network(
    row_case: Case, workshop: Workshop, record: Record
) -> None:
    """Learned parameters, counted one by one."""
    subject = row_case.subject
    counts = workshop.counts_of(subject)["true"]
    record.judge(
        judge_true(
            "params",
            counts.params,
            subject.expected_complexity.true_params,
            where=subject.where,
            command=record.command,
        )
    )


def test_true_macs_are_those_of_the_pinned_network(
    row_case: Case, workshop: Workshop, record: Record
) -> None:
    """Multiply-accumulates of convolutions and fully connected layers."""
    subject = row_case.subject
    counts = workshop.counts_of(subject)["true"]
    record.judge(
        judge_true(
            "conv+fc MACs",
            counts.operations,
            subject.expected_complexity.true_macs,
            where=subject.where,
            command=record.command,
        )
    )
