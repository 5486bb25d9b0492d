"""The run as a whole: its log, its ending, and who runs what when."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.backends.registry import EMBEDDED
from harness.pipeline.limits import bytes_for
from harness.pipeline.pipeline import Workshop
from harness.plugin import recording
from harness.plugin.costs import Weight
from harness.plugin.options import GATE, Gate
from harness.plugin.probing import probe_backend
from harness.plugin.scheduling import make_scheduler
from harness.reporting import machine
from harness.reporting.results import CaseOutcome, Header, PageTotals
from harness.reporting.runlog import RunLog, now
from harness.reporting.runlog import read as read_log
from harness.reporting.summary import summarize
from harness.runtime.identity import tools
from harness.sources import library_versions

LOG = pytest.StashKey[RunLog]()
RUNS = Path(".zoo") / "runs"
_TOOLS = (
    *("thop", "onnx", "onnxruntime", "openvino", "nncf", "mlcommons-loadgen"),
    *("pytest", "pytest-xdist"),
)
"""What takes part in a run besides the source libraries."""
SECONDS_PER_PARAMETER = 1e-8  # of each test, roughly: all tests of 468 million take 100 s


def stamp() -> str:
    """The time of a run, as its files are named."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def _is_controller(config: pytest.Config) -> bool:
    return not hasattr(config, "workerinput")


class Recorder:
    """Writes each result into the run log, in the controlling process.

    The log is opened by the first result that is about a row, so that runs of other tests leave
    none. It gets its footer only where every collected case has a result.
    """

    def __init__(self, config: pytest.Config) -> None:
        """Raises pytest.UsageError where the log that was asked for is there already."""
        self._config = config
        self._started = now()
        self._collected = 0
        self._seen: set[str] = set()
        self._slugs = {one.slug: one.id for one in config.stash[GATE].catalogue.subjects}
        asked = config.getoption("--run-log")
        self._path = Path(asked) if asked else config.rootpath / RUNS / f"{stamp()}.jsonl"
        if self._path.exists():
            raise pytest.UsageError(f"{self._path} is there already; give another --run-log")

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
        if result.row or LOG in self._config.stash:
            self._log().record(result)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Close the run log; with its footer only if nothing is missing."""
        log = self._config.stash.get(LOG, None)
        if log is None:
            return
        stopped = exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if stopped or len(self._seen) < self._collected:
            log.abandon()
        else:
            log.finish(exit_status=int(exitstatus))

    def _log(self) -> RunLog:
        if LOG not in self._config.stash:
            pages = self._config.stash[GATE].catalogue.pages
            header = Header(
                started=self._started,
                machine=machine.describe(),
                command=tuple(sys.argv),
                tools=_tools(self._config.stash[GATE]),
                options=_options(self._config),
                pages=tuple(PageTotals.of(page) for page in pages),
            )
            self._config.stash[LOG] = RunLog(self._path, header)
        return self._config.stash[LOG]


def _tools(gate: Gate) -> dict[str, str]:
    """Versions of everything that takes part; what another backend's tools say of themselves."""
    others = [name for name in gate.backends if name != EMBEDDED]
    probes = (probe_backend(name, gate.settings.host) for name in others)
    return {**library_versions(), **tools(*_TOOLS), **{one.subject: one.told for one in probes}}


OPTIONS = (
    *("row", "source", "backend", "precision", "require", "require_backend", "weights"),
    *("nightly", "throughput", "vendor_tools", "cards", "keyword", "markexpr"),
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
    return Workshop(config.stash[GATE].settings).builder.ledger.budget_bytes


class _Weigher:
    """Tells the scheduler, who has only ids, what a test weighs."""

    def __init__(self, gate: Gate) -> None:
        self._variants = {one.slug: one.variant for one in gate.catalogue.subjects}

    def __call__(self, nodeid: str) -> Weight | None:
        """Weigh a test by the row in its brackets; None for one that is about no row."""
        slug = slug_of(nodeid, self._variants)
        if slug is None:
            return None
        variant = self._variants[slug]
        size = bytes_for("export", variant)
        return Weight(slug, (variant.params or 0) * SECONDS_PER_PARAMETER, size, variant.network)


def slug_of(nodeid: str, slugs: Collection[str]) -> str | None:
    """The slug that the brackets of a test id begin with, the longest one, or None.

    >>> slug_of("suites/test_int8.py::test_parity[zoo-a-b-int8]", {"zoo-a", "zoo-a-b"})
    'zoo-a-b'
    """
    slug = nodeid.partition("[")[2].removesuffix("]")
    while slug and slug not in slugs:
        slug = slug.rpartition("-")[0]
    return slug or None
