"""The run as a whole: its log, its ending, and who runs what when."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.pipeline import Workshop, tool_versions
from harness.plugin import recording
from harness.plugin.costs import Weight
from harness.plugin.options import GATE, Gate
from harness.plugin.scheduling import make_scheduler
from harness.reporting import machine
from harness.reporting.results import CaseOutcome, Header, PageTotals
from harness.reporting.runlog import RunLog, now
from harness.reporting.runlog import read as read_log
from harness.reporting.summary import summarize

LOG = pytest.StashKey[RunLog]()
RUNS = Path(".zoo") / "runs"
SECONDS_PER_PARAMETER = 1e-8  # of each test, roughly: all tests of 468 million take 100 s


def _is_controller(config: pytest.Config) -> bool:
    return not hasattr(config, "workerinput")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Without xdist: open the run log as soon as there is something to run."""
    if _is_controller(session.config) and not session.config.option.collectonly:
        _open_log(session.config)


def pytest_sessionstart(session: pytest.Session) -> None:
    """With xdist: the controller collects nothing itself."""
    if _is_controller(session.config) and session.config.getoption("numprocesses", None):
        _open_log(session.config)


def _open_log(config: pytest.Config) -> None:
    if LOG in config.stash:
        return
    gate = config.stash[GATE]
    asked = config.getoption("--run-log")
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    path = Path(asked) if asked else config.rootpath / RUNS / f"{stamp}.jsonl"
    header = Header(
        started=now(),
        machine=machine.describe(),
        command=tuple(sys.argv),
        tools=tool_versions(),
        options=_options(config),
        pages=tuple(PageTotals.of(page) for page in gate.catalogue.pages),
    )
    try:
        config.stash[LOG] = RunLog(path, header)
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error


def _options(config: pytest.Config) -> dict[str, str]:
    names = ("row", "source", "backend", "precision", "require", "weights", "keyword", "markexpr")
    given = {name: config.getoption(name, None) for name in names}
    return {name: str(value) for name, value in given.items() if value}


class Recorder:
    """Writes each result into the run log, in the controlling process."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write a case's result."""
        log = self._config.stash.get(LOG, None)
        node = getattr(report, "node", None)
        worker = node.gateway.id if node is not None else "main"
        result = recording.read(report, worker=worker)
        if log is not None and result is not None:
            log.record(result)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the recorder where the reports arrive."""
    if _is_controller(config):
        config.pluginmanager.register(Recorder(config), "zoo-recorder")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Close the run log with its footer."""
    log = session.config.stash.get(LOG, None)
    if log is not None:
        log.finish(exit_status=int(exitstatus))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """End with what was shown, and what was not."""
    log = config.stash.get(LOG, None)
    if log is None:
        return
    run = read_log(log.path, allow_incomplete=True)
    if not any(result.row for result in run.results):
        return
    terminalreporter.section("model zoo conformance")
    bad = {CaseOutcome.FAILED, CaseOutcome.ERRORED}
    colour = {"red": True} if any(one.outcome in bad for one in run.results) else {"green": True}
    lines = summarize(run, width=min(terminalreporter._tw.fullwidth, 120))
    terminalreporter.write_line(lines[0], bold=True, **colour)
    for line in lines[1:]:
        terminalreporter.write_line(line)
    terminalreporter.write_line(f"run log: {_shown(log.path, config.rootpath)}")


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Distribute by cost and memory, unless another distribution was asked for."""
    return make_scheduler(
        config, log, weigh=_Weigher(config.stash[GATE]), budget_bytes=_budget(config)
    )


def _budget(config: pytest.Config) -> int:
    return Workshop(config.stash[GATE].settings).ledger.budget_bytes


class _Weigher:
    """Tells the scheduler, who has only ids, what a test weighs."""

    def __init__(self, gate: Gate) -> None:
        self._variants = {one.slug: one.variant for one in gate.catalogue.subjects}
        self._workshop = Workshop(gate.settings)

    def __call__(self, nodeid: str) -> Weight | None:
        """Weigh a test by the row in its brackets; None for one that is about no row."""
        slug = nodeid.partition("[")[2].removesuffix("]")
        while slug not in self._variants:  # the longest one that the brackets begin with
            slug = slug.rpartition("-")[0]
            if not slug:
                return None
        variant = self._variants[slug]
        size = self._workshop.bytes_for("export", variant)
        return Weight(slug, (variant.params or 0) * SECONDS_PER_PARAMETER, size, variant.network)
