"""What a page claims now against what it claimed before, wherever on the page it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from harness.records import Claim, DocumentedFailure, Metric, Page, Row


class Change(StrEnum):
    """What came of a claim, row or note between two states of a page."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Changed:
    """One thing that two states of a page do not both say.

    ``old`` and ``new`` are what they say, and the lines where; None and 0 is nothing.
    """

    change: Change
    subject: str
    what: str
    old: str | None
    new: str | None
    old_line: int = 0
    new_line: int = 0

    def describe(self, *, old: str, new: str) -> str:
        """One line; ``old`` and ``new`` are the files to name."""
        place = f"{new}:{self.new_line}" if self.new_line else f"{old}:{self.old_line}"
        values = " -> ".join(value for value in (self.old, self.new) if value is not None)
        return f"{place}: {self.change} {self.subject} {self.what}: {values}"


def changes(old: Page, new: Page) -> list[Changed]:
    """What was added, removed or changed, in the order of the new page, then what is gone.

    Rows are the same if source and name are, whatever page and line they stand in; moving or
    reordering changes nothing.
    """
    before = {_key(row.id): row for row in old.rows}
    after = {_key(row.id): row for row in new.rows}
    found: list[Changed] = []
    for key, row in after.items():
        if key in before:
            found += _row(key, before[key], row)
        else:
            found.append(Changed(Change.ADDED, key, "row", None, _summary(row), 0, row.line))
    for key, row in before.items():
        if key not in after:
            found.append(Changed(Change.REMOVED, key, "row", _summary(row), None, row.line, 0))
    return found + list(_failures(old, new))


def _key(id_: str) -> str:
    """A row id without its page."""
    return id_.partition("/")[2]


def _row(key: str, old: Row, new: Row) -> Iterator[Changed]:
    for what in ("source", "name", "link"):
        before, after = getattr(old, what), getattr(new, what)
        if before != after:
            yield Changed(
                Change.CHANGED, key, what, before or "none", after or "none", old.line, new.line
            )
    for metric in Metric:
        yield from _claim(key, metric, old.claim(metric), new.claim(metric))


def _claim(key: str, metric: Metric, old: Claim | None, new: Claim | None) -> Iterator[Changed]:
    if old is not None and new is not None:
        if (old.figure, old.unit) != (new.figure, new.unit):
            same = " (the same value)" if old.value == new.value else ""
            yield Changed(
                Change.CHANGED, key, metric, _figure(old), _figure(new) + same, old.line, new.line
            )
    elif new is not None:
        yield Changed(Change.ADDED, key, metric, None, _figure(new), 0, new.line)
    elif old is not None:
        yield Changed(Change.REMOVED, key, metric, _figure(old), None, old.line, 0)


def _figure(claim: Claim) -> str:
    return f"{claim.figure.text} {claim.unit}"


def _summary(row: Row) -> str:
    return ", ".join(f"{claim.metric} {_figure(claim)}" for claim in row.claims) or "no claims"


def _failures(old: Page, new: Page) -> Iterator[Changed]:
    before = {_failure_key(failure): failure for failure in old.failures}
    after = {_failure_key(failure): failure for failure in new.failures}
    for key, failure in after.items():
        if key not in before:
            yield Changed(Change.ADDED, *key, None, failure.text, 0, failure.line)
    for key, failure in before.items():
        if key not in after:
            yield Changed(Change.REMOVED, *key, failure.text, None, failure.line, 0)


def _failure_key(failure: DocumentedFailure) -> tuple[str, str]:
    return _key(failure.id), f"documented {failure.format} failure"
