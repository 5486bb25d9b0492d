"""Past runs as a site that opens offline: an index, and a page a row with its figures over time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from markupsafe import Markup

from harness.errors import HarnessError
from harness.reporting.history import Course, History, PastRun, Series
from harness.reporting.html import filled
from harness.reporting.plots import over_time
from harness.runtime import atomic

INDEX: Final = "index.html"
SLOWEST: Final = 10
"""Rows that are listed by what they took."""
MARK: Final = ".zoo-history"
"""In a folder that a site was written to, so that no other is overwritten."""


@dataclass(frozen=True, slots=True)
class RowPage:
    """A row over time, and the page that tells of it."""

    row: str
    file: str
    series: tuple[Series, ...]
    courses: tuple[Course, ...]

    @property
    def name(self) -> str:
        """As the site tells it."""
        return self.row or "about no row"

    @property
    def unsteady(self) -> list[Course]:
        """Cases that came to something else from run to run, the least steady first."""
        return sorted((one for one in self.courses if one.changes), key=lambda one: -one.changes)

    @property
    def seconds(self) -> float:
        """What its cases took in the last run."""
        return sum(one.seconds for one in self.courses)

    @property
    def moved(self) -> str:
        """The day on which a figure last moved beyond its noise, or ""."""
        days = [one.steps[-1] for one in self.series if one.steps]
        return f"{max(days):%Y-%m-%d}" if days else ""


def write_site(
    history: History,
    out: Path,
    *,
    last: int | None = None,
    accepted: Callable[[Series], tuple[float, float] | None] = lambda _: None,
) -> int:
    """Write the site into a folder, which is new or has an earlier one; how many rows it tells of.

    ``accepted``: within which a figure has been accepted, or None.

    Raises:
        HarnessError: there is no run, or the folder has something else or cannot be written.
    """
    if out.exists() and not (out / MARK).exists() and (not out.is_dir() or any(out.iterdir())):
        raise HarnessError(f"{out}: has something that is no site of past runs; give a new folder")
    runs, rows = _told(history.runs(last=last)), _rows(history, last)
    changes = {run.started for run, changed in runs if changed}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HarnessError(f"cannot write {out}: {error.strerror or error}") from error
    atomic.write_text(out / MARK, "written by: python -m harness history site\n")
    for one in rows:
        plots = [
            (series, _plot(series, accepted(series), changes))
            for series in one.series
            if not series.is_constant
        ]
        constant = [series for series in one.series if series.is_constant]
        shown = filled("history_row.html", page=one, plots=plots, constant=constant)
        atomic.write_text(out / one.file, shown)
    slowest = sorted(rows, key=lambda one: -one.seconds)[:SLOWEST]
    told = filled("history_index.html", runs=runs, rows=rows, slowest=slowest, known=_known(rows))
    atomic.write_text(out / INDEX, told)  # last, as it names the others
    return len(rows)


def _plot(series: Series, band: tuple[float, float] | None, changes: Set[datetime]) -> Markup:
    here = changes & {when for when, _ in series.points}
    points, steps = series.points, series.steps
    return over_time(series.name, series.unit, points, steps, band=band, changes=here)


def _known(rows: Sequence[RowPage]) -> list[tuple[Course, int]]:
    """What was a known issue in the last run of its case, and for how many days; oldest first."""
    found = [
        (course, (course.outcomes[-1][0] - since).days)
        for row in rows
        for course in row.courses
        if (since := course.known_since) is not None
    ]
    return sorted(found, key=lambda one: -one[1])


def _rows(history: History, last: int | None) -> list[RowPage]:
    series: dict[str, list[Series]] = {}
    for one in history.figures(last=last):
        series.setdefault(one.row, []).append(one)
    courses: dict[str, list[Course]] = {}
    for course in history.courses("*", last=last):
        courses.setdefault(course.row, []).append(course)
    return [
        RowPage(row, _file(row), tuple(series.get(row, ())), tuple(courses.get(row, ())))
        for row in sorted(series.keys() | courses.keys())
    ]


def _file(row: str) -> str:
    return f"row-{hashlib.sha256(row.encode()).hexdigest()[:16]}.html"


def _told(runs: Sequence[PastRun]) -> list[tuple[PastRun, list[str]]]:
    """The runs, the newest first, each with the versions that are others than in the run before it
    on the same machine."""
    before: dict[str, PastRun] = {}
    found = []
    for run in runs:
        old = before.get(run.machine, run)
        found.append((run, _changed(old.tools, run.tools)))
        before[run.machine] = run
    return found[::-1]


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    names = sorted(old.keys() | new.keys())
    return [
        f"{name} {old.get(name, 'none')} → {new.get(name, 'none')}"
        for name in names
        if old.get(name) != new.get(name)
    ]
