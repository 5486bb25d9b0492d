"""The run as a whole: its log, its ending, and who runs what when."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from harness.backends.registry import EMBEDDED
from harness.errors import HarnessError, one_line
from harness.images.thumbnails import thumbnail
from harness.pipeline.declared import ONNX
from harness.pipeline.keys import step_tools
from harness.pipeline.limits import bytes_for
from harness.pipeline.pipeline import Pipeline
from harness.plugin import recording
from harness.plugin.hosts import HOSTS
from harness.plugin.options import GATE, Gate
from harness.plugin.probing import probe_backend
from harness.plugin.scheduling import RowGroup, make_scheduler
from harness.reporting import machine
from harness.reporting.comparing import since_last
from harness.reporting.history import History, Series
from harness.reporting.html import no_picture, write_html
from harness.reporting.results import CaseOutcome, CaseResult, Header, PageTotals, Run
from harness.reporting.runlog import RunLog, now
from harness.reporting.runlog import read as read_log
from harness.reporting.summary import summarize
from harness.runtime import atomic
from harness.runtime.identity import tools

PAST_RUNS = 200
"""Of which the page of a run shows parity."""
RUNS = Path(".zoo") / "runs"


def stamp() -> str:
    """The time of a run, as its files are named."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def runs_folder(root: Path) -> Path:
    """Where runs leave their files: below the suite, or where that is read-only, the user's own."""
    own = root / RUNS
    return own if not _unwritable(own) else platformdirs.user_state_path("zoo-conformance") / "runs"


def _unwritable(folder: Path) -> str:
    """Why no file can be made in a folder, which may have to be made first, or ""."""
    there = next(one for one in (folder, *folder.parents) if os.path.lexists(one))
    if not there.is_dir():
        return f"{there} is no folder"
    return "" if os.access(there, os.W_OK | os.X_OK) else f"{there} cannot be written to"


def _is_controller(config: pytest.Config) -> bool:
    return not hasattr(config, "workerinput")


class Recorder:
    """Writes each result into the run log, in the controlling process.

    The log is opened by the first result that is about a row, so that runs of other tests leave
    none; what came before is written then. It gets its footer only where every collected case has
    a result. Where it cannot be written, on a full disk, the run goes on without it, and does not
    pass.
    """

    def __init__(self, config: pytest.Config) -> None:
        """Raises pytest.UsageError where the log is there already, or cannot be made."""
        self._config = config
        self._log: RunLog | None = None
        self._problem = ""
        self._files: list[str] = []
        self._whole = False
        self._past: list[Series] = []
        self._results: list[CaseResult] = []
        self._written_results = 0
        self._started = now()
        self._collected = 0
        self._seen: set[str] = set()
        self._slugs = {one.slug: one.id for one in config.stash[GATE].catalogue.models}
        asked = config.getoption("--run-log")
        self._path = Path(asked) if asked else runs_folder(config.rootpath) / f"{stamp()}.jsonl"
        if self._path.exists():
            raise pytest.UsageError(f"{self._path} is there already; give another --run-log")
        if reason := _unwritable(self._path.absolute().parent):
            raise pytest.UsageError(f"cannot write {self._path}: {reason}; give another --run-log")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know how many cases there are, where this process collects."""
        self._collected = len(session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Know how many cases there are, where the workers collect."""
        self._collected = len(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write a case's result."""
        node = getattr(report, "node", None)
        worker = node.gateway.id if node is not None else "main"
        result = recording.read(report, worker=worker)
        if result is None:
            return
        self._seen.add(report.nodeid)
        if report.when not in recording.PHASES:  # made by xdist, of a worker that died
            slug = slug_of(report.nodeid, self._slugs)
            result = replace(result, row=self._slugs[slug] if slug else "")
        self._results.append(result)
        if result.row or self._log is not None:
            written, self._written_results = self._written_results, len(self._results)
            for one in self._results[written:]:
                self._write(one)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Close the run log; with its footer only if nothing is missing."""
        stopped = exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if self._log is not None and not self._problem:
            if stopped or len(self._seen) < self._collected:
                self._log.abandon()
            else:
                try:
                    self._log.finish(exit_status=int(exitstatus))
                    self._whole = True
                except HarnessError as error:
                    self._problem = str(error)
        if self._problem and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._log is not None and not self._problem:
            folder = self._config.getoption("--history")
            kept = [self._kept(History(Path(folder)))] if self._whole and folder else []
            self._files = [self._written(), *kept]

    def _written(self) -> str:
        """Write the page beside the log, and say where it is, or why there is none.

        Whatever goes wrong with it, the log is whole and the outcome stands.
        """
        path = self._path.with_name(f"{self._path.name}.html")
        try:
            run = self._run()
            shown = no_picture if self._config.getoption("--no-images") else thumbnail
            since = since_last(run, self._path)
            page = write_html(run, since=since, thumbnail=shown, past=self._past)
            atomic.write_text(path, page)
        except Exception as error:
            return f"WARNING: no report page: {one_line(error)}"
        return f"report: {_shown(path, self._config.rootpath)}"

    def _kept(self, history: History) -> str:
        """Add the run to past ones, and say where they are, or what failed."""
        try:
            history.add(self._path)
        except Exception as error:
            return f"WARNING: not among past runs: {one_line(error)}"
        try:
            self._past = history.parity(last=PAST_RUNS)
        except HarnessError as error:
            return f"WARNING: added, but past runs cannot be read: {one_line(error)}"
        return f"history: {_shown(history.root, self._config.rootpath)}"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """End with what was shown, and what was not: what is on disk, or could not be put there."""
        if not any(result.row for result in self._results):
            return
        run = self._run()
        terminalreporter.section("model zoo conformance")
        bad = {CaseOutcome.FAILED, CaseOutcome.ERRORED, CaseOutcome.BLOCKED}
        failed = self._problem or any(one.outcome in bad for one in run.results)
        lines = summarize(run, width=min(terminalreporter._tw.fullwidth, 120))
        terminalreporter.write_line(lines[0], bold=True, **{"red" if failed else "green": True})
        for line in lines[1:]:
            terminalreporter.write_line(line)
        if self._problem:
            told = f"ERROR: {self._problem}: this run has no whole log, and does not pass"
            terminalreporter.write_line(told, red=True)
        else:
            path = _shown(self._path, self._config.rootpath)
            terminalreporter.write_line(f"run log: {path}")
            for line in self._files:
                terminalreporter.write_line(line, yellow=line.startswith("WARNING"))

    def _write(self, result: CaseResult) -> None:
        if self._problem:
            return
        try:
            if self._log is None:
                self._log = RunLog(self._path, self._header())
            self._log.record(result)
        except HarnessError as error:
            self._problem = str(error)

    def _run(self) -> Run:
        if self._log is not None and not self._problem:
            return read_log(self._path, allow_incomplete=True)
        return Run(self._header(), tuple(self._results), problem=self._problem)

    def _header(self) -> Header:
        gate = self._config.stash[GATE]
        chosen = {model.id for model in gate.selected}
        return Header(
            started=self._started,
            machine=machine.describe(),
            command=tuple(sys.argv),
            tools=_tools(gate),
            options=_options(self._config),
            pages=(
                *(PageTotals.of(page, chosen) for page in gate.catalogue.pages),
                *(PageTotals(one.name, one.path, "", (), {}) for one in gate.catalogue.unread),
            ),
        )


def _tools(gate: Gate) -> dict[str, str]:
    """Versions of everything that takes part; what another backend's tools say of themselves."""
    others = [name for name in gate.backends if name != EMBEDDED]
    probes = (probe_backend(name, gate.settings.host) for name in others)
    told = {one.subject: one.told for one in probes}
    return step_tools() | tools("pytest", "pytest-xdist") | told


OPTIONS = (
    *(
        "row",
        "source",
        "changed_since",
        "survey",
        "backend",
        "precision",
        "require",
        "require_backend",
        "weights",
    ),
    *("nightly", "throughput", "vendor_tools", "cards", "cluster", "keyword", "markexpr"),
)
"""What of the command line stands in the run log."""


def _options(config: pytest.Config) -> dict[str, str]:
    given = {name: config.getoption(name, None) for name in OPTIONS}
    return {name: str(value) for name, value in given.items() if value}


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the recorder where the reports arrive."""
    if _is_controller(config):
        config.pluginmanager.register(Recorder(config), "zoo-recorder")


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Distribute by rows, unless another distribution was asked for."""
    groups = _Groups(config.stash[GATE])
    return make_scheduler(config, log, group_of=groups, budget_bytes=_budget(config))


def _budget(config: pytest.Config) -> int:
    if (hosts := config.stash.get(HOSTS, None)) is not None:
        return hosts.memory_bytes
    return Pipeline(config.stash[GATE].settings).builder.reservations.budget_bytes


class _Groups:
    """Tells the scheduler, who has only ids, which row a test is about."""

    def __init__(self, gate: Gate) -> None:
        self._variants = {one.slug: one.variant for one in gate.catalogue.models}

    def __call__(self, nodeid: str) -> RowGroup:
        """The row in a test's brackets, or its file where it is about no row."""
        slug = slug_of(nodeid, self._variants)
        if slug is None:
            return RowGroup(nodeid.partition("::")[0])
        return RowGroup(slug, bytes_for(ONNX.copies, self._variants[slug]))


def slug_of(nodeid: str, slugs: Collection[str]) -> str | None:
    """The slug that the brackets of a test id begin with, the longest one, or None.

    >>> slug_of("suites/test_int8.py::test_parity[zoo-a-b-int8]", {"zoo-a", "zoo-a-b"})
    'zoo-a-b'
    """
    slug = nodeid.partition("[")[2].removesuffix("]")
    while slug and slug not in slugs:
        slug = slug.rpartition("-")[0]
    return slug or None
