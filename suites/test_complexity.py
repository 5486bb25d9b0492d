"""Documented operations and parameters are those of the real network, under a named rule."""

from __future__ import annotations

import pytest

from harness.pipeline import checks
from harness.pipeline.catalogue import Subject
from harness.pipeline.count_claims import judge_true
from harness.pipeline.pipeline import Workshop
from harness.plugin.collection import Case
from harness.plugin.recording import Record
from harness.records import Claim, Metric

pytestmark = pytest.mark.complexity


def test_documented_operations_are_reproduced(
    row_case: Case, workshop: Workshop, record: Record
) -> None:
    """To the printed digit, by the counter that the figure was made with."""
    claim = row_case.subject.row.operations
    if claim is None:
        pytest.skip("the page makes no claim about operations")
    require_reproduced(row_case.subject, claim, workshop, record)


def test_documented_params_are_reproduced(
    row_case: Case, workshop: Workshop, record: Record
) -> None:
    """To the printed digit, by the counter that the figure was made with."""
    claim = row_case.subject.row.claim(Metric.PARAMS)
    if claim is None:
        pytest.skip("the page makes no claim about parameters")
    require_reproduced(row_case.subject, claim, workshop, record)


def require_reproduced(subject: Subject, claim: Claim, workshop: Workshop, record: Record) -> None:
    """Judge a documented count, and note the defect that the figure is known to be."""
    if defect := subject.expected_complexity.defect(claim.metric):
        record.note_defect(
            subject,
            str(defect.column),
            documented=defect.printed.text,
            true=f"{defect.true:_}",
            cause=defect.cause,
        )
    counts = workshop.counts_of(subject)
    verdict = checks.complexity_verdict(subject, claim, counts, command=record.command)
    record.judge(verdict, claim=claim)


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
