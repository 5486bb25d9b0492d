"""Failures by cause: what many rows fail with in the same words is told once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.reporting.results import CaseResult

_FIGURES = re.compile(r"\d[\d_.,]*")


@dataclass(frozen=True, slots=True)
class FailureCause:
    """Failures of one stage and source whose first lines differ in rows and figures alone.

    Attributes:
        results: in the order of their cases; at least one.
    """

    results: tuple[CaseResult, ...]

    @property
    def first(self) -> CaseResult:
        """The one that stands for all."""
        return self.results[0]

    @property
    def rows(self) -> tuple[str, ...]:
        """The rows that fail so, each once."""
        return tuple(sorted({one.row for one in self.results if one.row}))

    @property
    def source(self) -> str:
        """The source of the rows, or "" where a case is about none."""
        return source_of(self.first)


def explanation(result: CaseResult) -> list[str]:
    """What a case has to say about its outcome: its verdict, or else its reason."""
    if result.verdict is not None:
        return [result.verdict.headline, *result.verdict.details]
    return result.reason.strip().splitlines() or ["no reason given"]


def source_of(result: CaseResult) -> str:
    """The second part of a row's id."""
    return result.row.split("/")[1] if result.row.count("/") >= 2 else ""


def causes(results: Iterable[CaseResult]) -> tuple[FailureCause, ...]:
    """Failures grouped, what touches most rows first."""
    groups: dict[tuple[str, str, str], list[CaseResult]] = {}
    for result in results:
        key = (result.stage, source_of(result), _words(result))
        groups.setdefault(key, []).append(result)
    found = (FailureCause(tuple(group)) for group in groups.values())
    return tuple(sorted(found, key=lambda one: (-len(one.rows), one.first.case)))


def _words(result: CaseResult) -> str:
    """The first line without what differs from row to row: names, figures and the page's file."""
    line = explanation(result)[0]
    file = result.place.rpartition(":")[0]
    names: Sequence[str] = (result.row, result.row.rpartition("/")[2], file)
    for name in filter(None, names):
        line = line.replace(name, "…")
    return _FIGURES.sub("#", line)
