"""Rows of one network, given the same weights, compute the same in every framework."""

from __future__ import annotations

import pytest

from harness.pipeline import checks
from harness.pipeline.pipeline import Workshop
from harness.plugin.collection import Case
from harness.plugin.options import Gate
from harness.plugin.recording import Record

pytestmark = pytest.mark.export


def test_network_computes_what_arithmetic_says(
    row_case: Case, workshop: Workshop, record: Record
) -> None:
    """The source's float32 logits are those of the same network in float64, on torch."""
    subject = row_case.subject
    record.weights = workshop.weights_kind
    own = workshop.reference(subject.variant, subject.size)
    verdict = checks.framework_verdict(
        own.logits64, own.logits[: len(own.logits64)], "float64", subject, command=record.command
    )
    record.judge(verdict)


def test_same_network_from_another_source_agrees(
    row_case: Case, workshop: Workshop, gate: Gate, record: Record
) -> None:
    """Given the same weights, each row agrees with the first row of the same network."""
    subject = row_case.subject
    if workshop.settings.weights is not None:
        pytest.skip("published weights differ from source to source")
    first = next(
        one for one in gate.catalogue.rows if one.variant.network == subject.variant.network
    )
    if first is subject:
        pytest.skip("the first row of its network; the others are held against it")
    record.weights = workshop.weights_kind
    theirs = workshop.reference(first.variant, first.size)
    own = workshop.reference(subject.variant, subject.size)
    verdict = checks.framework_verdict(
        theirs.logits, own.logits, first.id, subject, command=record.command
    )
    record.judge(verdict)
