"""Measured top-1 and top-5 are those documented, and int8 loses no more than it may."""

from __future__ import annotations

import pytest

from harness.backends.registry import EMBEDDED
from harness.pipeline import checks
from harness.plugin.accuracy import Accuracies
from harness.plugin.collection import Case
from harness.plugin.recording import Record
from harness.records import Measurement, Metric, Outcome

pytestmark = pytest.mark.accuracy


def test_accuracy_is_as_documented(
    accuracy_case: Case, accuracies: Accuracies, record: Record
) -> None:
    """On the validation set, or on a part of it that was drawn beforehand."""
    subject, metric = accuracy_case.subject, accuracy_case.metric
    record.weights = accuracies.workshop.weights_kind
    assert metric is not None
    claim = checks.claim_of(subject, metric)
    precision, backend = accuracy_case.precision, accuracy_case.backend or EMBEDDED
    assert precision
    verdict, halves = accuracies.judge_claim(
        subject, claim, precision, backend=backend, command=record.command
    )
    for half in halves:
        sample = half.top1 if metric is Metric.TOP1 else half.top5
        how = {"precision": precision, "backend": backend, "images": str(sample.images)}
        record.measured(Measurement(f"{metric}_{precision}", sample.percent, "%", how))
    record.judge(verdict, claim=claim)


def test_int8_loses_no_more_than_it_may(
    int8_case: Case, accuracies: Accuracies, record: Record
) -> None:
    """Against fp32 on the same images, image by image. Whose fault it is comes first."""
    subject = int8_case.subject
    record.weights = accuracies.workshop.weights_kind
    judgement = accuracies.judge(
        subject, "fp32", "int8", backend=int8_case.backend, command=record.command
    )
    assert judgement.paired is not None
    unread = len({one.file for half in judgement.halves for one in half.bad})
    record.measured(Measurement("unread", unread, "images"))
    record.measured(Measurement("flips", len(judgement.flips), "images"))
    verdict = judgement.paired
    blame = judgement.blame
    if blame is not None and blame.verdict.outcome is Outcome.DOES_NOT_CONFORM:
        verdict = blame.verdict
    record.judge(accuracies.with_flips(verdict, subject, judgement))
