"""Measured top-1 and top-5 are those documented, and int8 loses no more than it may."""

from __future__ import annotations

import pytest

from harness.backends.registry import EMBEDDED
from harness.plugin.accuracy import Accuracies
from harness.plugin.collection import Case
from harness.plugin.recording import Record

pytestmark = pytest.mark.accuracy


def test_accuracy_is_as_documented(
    accuracy_case: Case, accuracies: Accuracies, record: Record
) -> None:
    """On the validation set, or on a part of it that was drawn beforehand."""
    metric, precision = accuracy_case.metric, accuracy_case.precision
    assert metric is not None
    assert precision
    claim = accuracy_case.model.claim(metric)
    backend = accuracy_case.backend or EMBEDDED
    verdict, halves = accuracies.judge_claim(
        accuracy_case.model, claim, precision, backend=backend, case=record.case
    )
    for half in halves:
        record.measured(*half.measurements(metric, backend=backend))
    record.judge(verdict, claim=claim)


def test_int8_loses_no_more_than_it_may(
    int8_case: Case, accuracies: Accuracies, record: Record
) -> None:
    """Against fp32 on the same images, image by image. Whose fault it is comes first."""
    verdict, judgement = accuracies.judge_pair(
        int8_case.model, backend=int8_case.backend, case=record.case
    )
    record.measured(*judgement.measurements())
    record.answered_otherwise(*accuracies.changed(judgement))
    record.judge(verdict)
