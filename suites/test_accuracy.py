"""Documented accuracy. It is not measured yet, and each claim says so."""

from __future__ import annotations

import pytest

from harness import checks
from harness.pipeline import Workshop
from harness.plugin.collection import Case
from harness.plugin.recording import Record

pytestmark = pytest.mark.accuracy


def test_accuracy_is_as_documented(accuracy_case: Case, workshop: Workshop, record: Record) -> None:
    """top-1 and top-5 over the ImageNet validation set."""
    subject, metric = accuracy_case.subject, accuracy_case.metric
    record.weights = workshop.weights_kind
    claim = checks.claim_of(subject, metric)
    verdict = checks.unmeasured_accuracy(weights=workshop.weights_kind)
    record.judge(verdict, claim=claim)
