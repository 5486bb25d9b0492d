"""Two runs against each other: what got worse, what was mended, which figures moved, and why maybe.

Only rows that both runs were asked for are compared, so that a run of one row says nothing of the
others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import HarnessError, one_line
from harness.records import Measurement
from harness.reporting.results import CaseOutcome, CaseResult, Run
from harness.reporting.runlog import read

LAST, LAST_GREEN = "last", "last-green"
"""Names of runs: the newest whole one, and the newest in which nothing failed."""

FAILING: Final = frozenset({CaseOutcome.FAILED, CaseOutcome.ERRORED, CaseOutcome.BLOCKED})
GREEN: Final = frozenset({CaseOutcome.PASSED, CaseOutcome.KNOWN_ISSUE})

ABSOLUTE: Final[Mapping[str, float]] = {"dB": 0.3, "share": 0.02, "points": 0.005, "%": 0.005}
"""By how much figures of a unit move without a cause; as parity's own band for decibels."""

RELATIVE: Final = 0.01
"""The same of other figures, as a share of the old one."""

ROUNDING: Final = frozenset({"float_difference", "relative_float_difference", "max_abs_difference"})
"""Figures that are rounding themselves: they count as moved where they double."""


@dataclass(frozen=True, slots=True)
class CaseChange:
    """A case that came to something else; "" where a run does not have it."""

    case: str
    old: str
    new: str
    told: str = ""

    def __str__(self) -> str:
        change = f"{self.old or 'not there'} → {self.new or 'not there'}"
        return f"{self.case}: {change}" + (f": {self.told}" if self.told else "")


@dataclass(frozen=True, slots=True)
class Moved:
    """A figure of a case that moved beyond its noise."""

    case: str
    figure: Measurement
    old: float

    def __str__(self) -> str:
        up = "up" if self.figure.value > self.old else "down"
        where = " ".join(map(str, self.figure.conditions.values()))
        name = " ".join(filter(None, (self.figure.name, where)))
        figures = f"{self.old:.6g} → {self.figure.value:.6g} {self.figure.unit}".rstrip()
        return f"{self.case}: {name} {up}, {figures}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one run to another.

    Attributes:
        failing: cases that fail now and did not.
        blocked: cases that are blocked now, and neither failed nor were blocked before.
        unmeasured: cases that passed, and are not judged any more, or not there.
        mended: cases that failed, and pass now.
        other: cases with any other change of outcome, new ones included.
        moved: figures beyond their noise.
        claims: documented figures that changed: row and metric, old and new.
        setting: versions, options and machine that differ, and could explain the rest.
    """

    failing: tuple[CaseChange, ...]
    blocked: tuple[CaseChange, ...]
    unmeasured: tuple[CaseChange, ...]
    mended: tuple[CaseChange, ...]
    other: tuple[CaseChange, ...]
    moved: tuple[Moved, ...]
    claims: tuple[str, ...]
    setting: tuple[str, ...]

    @property
    def is_worse(self) -> bool:
        """Whether something fails, or is not judged, that was not so before."""
        return bool(self.failing or self.blocked or self.unmeasured)

    def sections(self) -> Iterator[tuple[str, tuple[object, ...]]]:
        """Titles with what is below them, the gravest first; the empty ones too."""
        yield "newly failing", self.failing
        yield "newly blocked", self.blocked
        yield "not judged any more", self.unmeasured
        yield "mended", self.mended
        yield "otherwise changed", self.other
        yield "figures that moved", self.moved
        yield "claims that changed", self.claims
        yield "what could explain it", self.setting

    def sentences(self) -> tuple[str, ...]:
        """The same in a sentence each, for the top of a report."""
        return tuple(
            f"{len(found)} {title}: {_first(found)}" for title, found in self.sections() if found
        )


def compare_runs(old: Run, new: Run) -> Comparison:
    """Compare what both runs were asked for; the same results in any order give the same."""
    asked = _rows(old) & _rows(new)
    before, after = (_cases(run, asked) for run in (old, new))
    changes = [
        CaseChange(
            case, _outcome(before.get(case)), _outcome(after.get(case)), _why(after.get(case))
        )
        for case in sorted(before.keys() | after.keys())
        if _outcome(before.get(case)) != _outcome(after.get(case))
    ]
    red = [one for one in changes if one.new in FAILING and one.old not in FAILING]
    failing = [one for one in red if one.new != CaseOutcome.BLOCKED]
    blocked = [one for one in red if one.new == CaseOutcome.BLOCKED]
    unmeasured = [one for one in changes if one.old in GREEN and one.new not in FAILING | GREEN]
    mended = [one for one in changes if one.old in FAILING and one.new in GREEN]
    told = {id(one) for one in (*red, *unmeasured, *mended)}
    return Comparison(
        tuple(failing),
        tuple(blocked),
        tuple(unmeasured),
        tuple(mended),
        tuple(one for one in changes if id(one) not in told),
        tuple(_moved(before, after)),
        tuple(_claims(before, after)),
        tuple(_setting(old, new)),
    )


def named_run(name: str, folder: Path, *, other_than: Path | None = None) -> Path:
    """The log that a name stands for: a path, or :data:`LAST` or :data:`LAST_GREEN` in a folder.

    Raises:
        HarnessError: no run of that kind is in the folder.
    """
    if name not in (LAST, LAST_GREEN):
        return Path(name)
    for path in sorted(folder.glob("*.jsonl"), reverse=True):
        if other_than is not None and path.resolve() == other_than.resolve():
            continue
        try:
            run = read(path)
        except HarnessError:
            continue  # not whole
        if name == LAST or not any(one.outcome in FAILING for one in run.results):
            return path
    what = "whole run" if name == LAST else "run in which nothing failed"
    raise HarnessError(f"{folder}: no {what} is here, as {name!r} asks for")


def since_last(run: Run, path: Path) -> tuple[str, ...] | None:
    """What is new since the last whole run beside a log; None where there is none to compare."""
    try:
        last = read(named_run(LAST, path.parent, other_than=path))
    except HarnessError:
        return None
    if not _rows(last) & _rows(run):
        return None
    found = compare_runs(last, run)
    return found.sentences()


def _first(found: tuple[object, ...], most: int = 3) -> str:
    shown = "; ".join(str(one) for one in found[:most])
    return f"{shown}; and {len(found) - most} more" if len(found) > most else shown


def _rows(run: Run) -> set[str]:
    """The rows, and pages as a whole, that a run was asked for; "" is what is about none."""
    pages = run.header.pages
    return {row for page in pages for row in (page.name, *page.rows)} | {""}


def _cases(run: Run, rows: set[str]) -> dict[str, CaseResult]:
    return {one.case: one for one in run.results if one.row in rows}


def _outcome(result: CaseResult | None) -> str:
    return "" if result is None else str(result.outcome)


def _why(result: CaseResult | None) -> str:
    if result is None or result.outcome is CaseOutcome.PASSED:
        return ""
    if result.verdict is not None:
        return result.verdict.headline
    return one_line(HarnessError(result.reason)) if result.reason else ""


def _figures(result: CaseResult) -> dict[tuple[str, ...], Measurement]:
    return {
        (
            one.name,
            one.unit,
            *(f"{key}={value}" for key, value in sorted(one.conditions.items())),
        ): one
        for one in result.measurements
    }


def _moved(before: Mapping[str, CaseResult], after: Mapping[str, CaseResult]) -> Iterator[Moved]:
    for case in sorted(before.keys() & after.keys()):
        old, new = (_figures(run[case]) for run in (before, after))
        for key in new.keys() & old.keys():
            if is_beyond(old[key], new[key]):
                yield Moved(case, new[key], old[key].value)


def is_beyond(old: Measurement, new: Measurement) -> bool:
    """Whether a figure moved beyond the noise that it has without a cause."""
    if not (math.isfinite(old.value) and math.isfinite(new.value)):
        return str(old.value) != str(new.value)
    apart = abs(new.value - old.value)
    if new.name in ROUNDING:
        return max(abs(new.value), abs(old.value)) > 2 * min(abs(new.value), abs(old.value))
    allowed = ABSOLUTE.get(new.unit, RELATIVE * abs(old.value))
    return apart > allowed * (1 + 1e-9)


def _claims(before: Mapping[str, CaseResult], after: Mapping[str, CaseResult]) -> Iterator[str]:
    told = [
        {
            (one.row, str(claim.metric)): claim.documented
            for one in run.values()
            for claim in one.claims
        }
        for run in (before, after)
    ]
    for row, metric in sorted(told[0].keys() & told[1].keys()):
        old, new = (found[row, metric] for found in told)
        if old != new:
            yield f"{row}: {metric} documented {old} → {new}"


def _setting(old: Run, new: Run) -> Iterator[str]:
    parts: Iterable[tuple[str, Mapping[str, object], Mapping[str, object]]] = (
        ("", old.header.tools, new.header.tools),
        ("option ", old.header.options, new.header.options),
        ("", _machine(old), _machine(new)),
        ("page ", _pages(old), _pages(new)),
    )
    for what, one, other in parts:
        for name in sorted(one.keys() | other.keys()):
            if one.get(name) != other.get(name):
                yield f"{what}{name}: {one.get(name, 'none')} → {other.get(name, 'none')}"


def _machine(run: Run) -> dict[str, object]:
    machine = run.header.machine
    return {"processor": machine.cpu, "cores": machine.cores, "platform": machine.platform}


def _pages(run: Run) -> dict[str, object]:
    return {page.name: page.sha256[:12] for page in run.header.pages}
