"""A test file in which a case ends in every way there is, and what each comes to."""

from __future__ import annotations

from harness.reporting.results import CaseOutcome

SOURCE = """
import pytest

from harness.errors import ExportError, MeasureError, MissingBackend, Regression
from harness.records import Measurement, Metric, Outcome, Verdict

def verdict(outcome):
    return Verdict(outcome, f"top1 = 3, {outcome}", ("likely cause: chance",))

@pytest.mark.export
def test_holds(row_case, record):
    claim = row_case.model.claim(Metric.TOP1)
    record.measured(Measurement("top1", 3.0, "%"))
    record.judge(verdict(Outcome.CONFORMS), claim=claim)

def test_does_not_hold(row_case, record):
    record.judge(verdict(Outcome.DOES_NOT_CONFORM))

def test_moved(row_case, record):
    record.judge(verdict(Outcome.DOES_NOT_CONFORM), failure=Regression)

def test_undecided(row_case, record):
    record.judge(verdict(Outcome.INCONCLUSIVE))

@pytest.mark.accuracy
def test_not_measured(row_case, record):
    record.judge(verdict(Outcome.NOT_MEASURED))

def test_not_here(row_case, record):
    raise MissingBackend("no chip here")

def test_step_broke(row_case, record):
    raise ExportError("nothing was written", case="a")

def test_not_a_number(row_case, record):
    raise MeasureError("the candidate's logits hold NaN at image 7")

def test_bug(row_case, record):
    raise KeyError("a bug")

def test_left_out(row_case, record):
    pytest.skip("the page makes no claim")

@pytest.fixture
def broken():
    raise OSError("no space left")

def test_fixture_broke(row_case, record, broken): pass
"""
OUTCOMES = {
    "test_holds": CaseOutcome.PASSED,
    "test_does_not_hold": CaseOutcome.FAILED,
    "test_moved": CaseOutcome.FAILED,
    "test_undecided": CaseOutcome.INCONCLUSIVE,
    "test_not_measured": CaseOutcome.NOT_MEASURED,
    "test_not_here": CaseOutcome.NOT_MEASURED,
    "test_step_broke": CaseOutcome.ERRORED,
    "test_not_a_number": CaseOutcome.ERRORED,
    "test_bug": CaseOutcome.ERRORED,
    "test_left_out": CaseOutcome.SKIPPED,
    "test_fixture_broke": CaseOutcome.ERRORED,
}
"""By the test's name."""
