"""A run that is broken off keeps what it had, and never passes for a whole one."""

from __future__ import annotations

import endings
import pytest
from small_runs import RunGate

from harness.reporting.results import CaseOutcome

pytest_plugins = ["pytester"]

DYING = """
import os, signal, pytest

def test_before(row_case, record): pass

def test_dies(row_case, record):
    if "mmcls" in row_case.id:
        {death}

def test_after(row_case, record): pass
"""


@pytest.mark.parametrize("death", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_dead_worker_costs_its_case_and_no_other(run_gate: RunGate, death: str) -> None:
    source = DYING.format(death=death)
    run = run_gate("-n2", row="resnext/*/resnext50_32x4d", apart=True, test_dying=source)
    errored = {case for case, one in run.outcomes.items() if one is not CaseOutcome.PASSED}
    assert errored == {"test_dies[resnext-mmcls-resnext50_32x4d]"}
    assert run.outcomes["test_dies[resnext-mmcls-resnext50_32x4d]"] is CaseOutcome.ERRORED
    assert (len(run.outcomes), run.code, run.log.complete) == (12, 1, True)


def test_a_dead_worker_is_told_with_its_row(run_gate: RunGate) -> None:
    source = DYING.format(death="os._exit(3)")
    run = run_gate("-n1", row="resnext/mmcls/resnext50_32x4d", apart=True, test_dying=source)
    result = run.results["test_dies[resnext-mmcls-resnext50_32x4d]"]
    assert result.row == "resnext/mmcls/resnext50_32x4d"
    assert "crashed while running" in result.reason


@pytest.mark.parametrize(
    "ending", ["raise KeyboardInterrupt", "os.kill(os.getpid(), signal.SIGKILL)"]
)
def test_the_log_of_a_run_that_was_broken_off_is_no_whole_one(
    run_gate: RunGate, ending: str
) -> None:
    run = run_gate(
        row="resnext/mmcls/resnext50_32x4d", apart=True, test_dying=DYING.format(death=ending)
    )
    assert run.outcomes == {"test_before[resnext-mmcls-resnext50_32x4d]": CaseOutcome.PASSED}
    assert run.log.problem == "incomplete: the run did not finish"


@pytest.mark.shows("a run that broke off looks complete")
def test_a_run_that_stops_at_the_first_failure_has_no_whole_log(run_gate: RunGate) -> None:
    run = run_gate("-x", test_endings=endings.SOURCE)
    assert (run.code, run.log.complete) == (1, False)


DEAF = """
from xdist.workermanage import WorkerController

send, seen = WorkerController.send_runtest_some, []

def kill_first(node, indices):
    seen.append(node.gateway.id)
    if seen.count("gw0") == 2 and node.gateway.id == "gw0":
        node.gateway._io.popen.kill()
        raise OSError("cannot send (already closed?)")
    send(node, indices)

WorkerController.send_runtest_some = kill_first
"""


def test_a_worker_that_dies_before_it_is_given_more_costs_no_run(run_gate: RunGate) -> None:
    """What it was to be given goes to others; the case that it was at is told."""
    free = "def test_row(row_case, record): pass"
    options = ("-n", "2", "-p", "deaf", "--max-worker-restart=1")
    run = run_gate(*options, row="resnext/*", apart=True, deaf=DEAF, test_free=free)
    assert "INTERNALERROR" not in run.printed
    outcomes = list(run.outcomes.values())
    assert len(outcomes) == 29
    assert outcomes.count(CaseOutcome.PASSED) >= 27
