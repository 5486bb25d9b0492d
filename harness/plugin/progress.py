"""What a long run is at, on a terminal: below pytest's own lines, and gone when it ends.

Rows and cases finished, what runs and in which step, and how long it may still take. Nothing is
shown where nobody watches: in a file, a pipe, CI, or where tests print for themselves.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from io import TextIOBase
from pathlib import Path
from typing import Any, Final

import pytest
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from harness.errors import HarnessError
from harness.pipeline.pipeline import Pipeline
from harness.plugin.options import GATE
from harness.plugin.run import runs_folder, slug_of
from harness.reporting.comparing import LAST, named_run
from harness.reporting.runlog import read as read_log
from harness.runtime.memory import MemoryReservations
from harness.runtime.store.quantities import size_text

REFRESHED: Final = 2.0  # times a second
MOST_LINES: Final = 12  # of what runs
BAD: Final = ("failed", "error")  # as pytest calls the outcomes
ENOUGH: Final = 0.02  # of a run, before which nothing is said of the rest


@dataclass
class Tally:
    """What is done of a run, and what runs.

    Attributes:
        slugs: the rows' ids by their slugs.
        weights: seconds that cases took the last time, by case; others count as the mean.
        cases: those collected.
        running: cases that have begun, and when, on the monotonic clock.
        finished: cases that have ended.
        bad: how many of them failed.
    """

    slugs: Mapping[str, str]
    weights: Mapping[str, float] = field(default_factory=dict)
    cases: Sequence[str] = ()
    running: dict[str, float] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    bad: int = 0
    begun: float = field(default_factory=time.monotonic)
    _rows: dict[str, str] = field(default_factory=dict)

    def row(self, case: str) -> str:
        """The row of a case, or ""."""
        if case not in self._rows:
            slug = slug_of(case, self.slugs)
            self._rows[case] = self.slugs[slug] if slug else ""
        return self._rows[case]

    def rows(self) -> tuple[int, int]:
        """How many rows have all their cases done, and how many there are."""
        every = {self.row(case) for case in self.cases} - {""}
        open_ = {self.row(case) for case in self.cases if case not in self.finished}
        return len(every - open_), len(every)

    def left_s(self, elapsed_s: float) -> float | None:
        """How long the rest may take, if it goes on as up to now; None before that can be said."""
        known = [self.weights[case] for case in self.cases if case in self.weights]
        mean = sum(known) / len(known) if known else 1.0
        weights = {case: self.weights.get(case, mean) for case in self.cases}
        finished = list(self.finished)  # at once, as another thread adds to it
        done = sum(weights[case] for case in finished if case in weights)
        whole = sum(weights.values())
        return elapsed_s * (whole - done) / done if whole and done > ENOUGH * whole else None

    def headline(self, now: float) -> str:
        """Rows, cases and time in one line."""
        rows, every = self.rows()
        elapsed = now - self.begun
        left = self.left_s(elapsed)
        parts = [f"{rows} of {every} rows"] * bool(every)
        parts.append(f"{len(self.finished)} of {len(self.cases)} cases")
        parts += [f"{self.bad} failed"] * bool(self.bad)
        parts.append(f"{_clock(elapsed)} so far")
        parts += [] if left is None else [f"about {_clock(left)} to go"]
        return ", ".join(parts)


def _clock(seconds: float) -> str:
    """Minutes and seconds.

    >>> _clock(63.9), _clock(4000)
    ('1:03', '1:06:40')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def steps_of(reservations: MemoryReservations) -> dict[str, str]:
    """Row → the step that is built for it just now, or for which memory is waited."""
    if not reservations.path.exists():
        return {}  # nothing was ever built, and looking makes no folder
    try:
        books = reservations.books()
    except HarnessError:  # told by who has to write there
        return {}
    steps = {}
    for told, some in (("", books.held), ("waits for memory: ", books.waiting)):
        for one in some:
            step, _, row = one.owner.partition(" ")
            size = f" ({size_text(one.size)})" if told else ""
            steps[row] = f"{told}{step}{size}"
    return steps


class Lines(TextIOBase):
    """Stands in for the terminal that pytest writes to: whole lines go above what is shown."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self.open = ""

    def write(self, text: str, /) -> int:
        """Print what is whole, and keep the line that is not."""
        *whole, rest = (self.open + text).split("\n")
        for line in whole:
            self._console.print(_shown(line), soft_wrap=True)
        self.open = rest
        return len(text)

    def isatty(self) -> bool:
        """It is one."""
        return True


def _shown(line: str) -> Text:
    """A line as a terminal shows it in the end: what comes after a carriage return replaces it."""
    return Text.from_ansi(line.rstrip("\r").rpartition("\r")[2])


class Progress:
    """Shows the run below pytest's lines."""

    def __init__(self, config: pytest.Config, reporter: Any) -> None:
        gate = config.stash[GATE]
        self._config = config
        self._terminal = reporter._tw
        self._reservations = Pipeline(gate.settings).builder.reservations
        self.tally = Tally({one.slug: one.id for one in gate.catalogue.models})
        self._log_folder = runs_folder(config.rootpath)
        self._live: Live | None = None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know the cases, where this process collects."""
        self.tally.cases = [item.nodeid for item in session.items]

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Know the cases, where the workers collect."""
        self.tally.cases = ids

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Take everything away in the end, however it comes."""
        try:
            return (yield)
        finally:
            self._end()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A case begins; the first that does has everything shown."""
        if self._live is None:
            self._begin()
        self.tally.running[nodeid] = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """A case has ended."""
        self.tally.running.pop(nodeid, None)
        self.tally.finished.add(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what failed, and not what is blocked by it; a case whose worker died has no end of
        its own."""
        if report.failed:
            status = self._config.hook.pytest_report_teststatus(report=report, config=self._config)
            self.tally.bad += status[0] in BAD
            self.tally.running.pop(report.nodeid, None)
            self.tally.finished.add(report.nodeid)

    def view(self) -> Group:
        """The line that pytest has not finished, what runs, and how far it is."""
        now, tally = time.monotonic(), self.tally
        steps = steps_of(self._reservations)
        table = Table.grid(padding=(0, 2))
        running = list(tally.running.items())
        for case, since in running[:MOST_LINES]:
            row = tally.row(case)
            test = case.partition("[")[0].rpartition("::")[2]
            table.add_row(
                row or case.partition("::")[0], steps.get(row, ""), test, _clock(now - since)
            )
        more = len(running) - MOST_LINES
        if more > 0:
            table.add_row(f"and {more} more")
        headline = Text(tally.headline(now), style="bold")
        return Group(_shown(self._lines.open), Text(), table, headline)

    def _begin(self) -> None:
        self.tally.weights = _durations(self._log_folder)
        self.tally.begun = time.monotonic()
        self._original = self._terminal._file
        # its own descriptor, as pytest captures the other one while a test runs
        self._file = os.fdopen(os.dup(self._original.fileno()), "w", encoding="utf-8")
        console = Console(file=self._file, force_terminal=True, highlight=False)
        self._lines = Lines(console)
        self._terminal._file = self._lines
        self._live = Live(
            console=console,
            get_renderable=self.view,
            refresh_per_second=REFRESHED,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._original.flush()
        self._live.start()

    def _end(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._file.write(self._lines.open)
            self._file.close()
            self._terminal._file, self._live = self._original, None


def _durations(folder: Path) -> dict[str, float]:
    """Seconds that each case took in the last whole run, if there is one."""
    try:
        last = read_log(named_run(LAST, folder))
    except HarnessError:
        return {}
    return {one.case: one.duration_s for one in last.results}


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Show progress where somebody watches."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and _is_watched(config, reporter):
        config.pluginmanager.register(Progress(config, reporter), "zoo-progress")


def _is_watched(config: pytest.Config, reporter: Any) -> bool:
    """Whether lines below pytest's own would be seen, and would disturb nothing."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return False
    if config.getoption("capture") == "no" or config.getoption("usepdb"):
        return False
    dumb = os.environ.get("TERM", "dumb") == "dumb" or "CI" in os.environ
    return not dumb and bool(reporter._tw._file.isatty())
