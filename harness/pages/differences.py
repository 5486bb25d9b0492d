"""What a page says today against what was extracted from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.records import Claim, Metric, Page, Row


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that page and expected file do not agree on.

    ``line`` is the page's, or where the page once had what is gone. ``found`` is what the page
    says and ``expected`` what the file says; None is nothing.
    """

    line: int
    subject: str
    what: str
    found: str | None
    expected: str | None

    def describe(self, *, page: str, expected: str) -> str:
        """One line with both values; ``page`` and ``expected`` are the files to name."""
        says = "nothing" if self.expected is None else self.expected
        if self.found is None:
            return f"{page}:{self.line}: {self.subject} has no {self.what}, {expected} says {says}"
        return (
            f"{page}:{self.line}: {self.subject} {self.what} = {self.found}, {expected} says {says}"
        )


def compare(page: Page, expected: Page) -> list[Difference]:
    """Every difference, by line; empty exactly if both render to the same bytes.

    A changed checksum is a difference of its own only where nothing else has changed: then it
    is prose that did.
    """
    differences = [
        *_field(1, page.name, "page", page.name, expected.name),
        *_field(1, page.name, "path", page.path, expected.path),
        *_rows(page, expected),
        *_failures(page, expected),
        *_omissions(page, expected),
    ]
    if not differences:
        differences += _field(1, page.name, "sha256", page.sha256, expected.sha256)
    if not differences and page != expected:
        differences.append(Difference(1, page.name, "order", "by line", "another order"))
    return sorted(differences, key=lambda difference: difference.line)


def _field(
    line: int, subject: str, what: str, found: object, expected: object
) -> Iterator[Difference]:
    """A difference where two values differ; None on one side is nothing."""
    if found != expected:
        yield Difference(
            line,
            subject,
            what,
            None if found is None else str(found),
            None if expected is None else str(expected),
        )


def _rows(page: Page, expected: Page) -> Iterator[Difference]:
    found = {row.id: row for row in page.rows}
    known = {row.id: row for row in expected.rows}
    for row in expected.rows:
        if row.id not in found:
            yield Difference(row.line, row.id, "row", None, f"{row.name!r} in line {row.line}")
    for row in page.rows:
        if row.id in known:
            yield from _row(row, known[row.id])
        else:
            yield Difference(row.line, row.id, "row", f"{row.name!r}", None)


def _row(row: Row, known: Row) -> Iterator[Difference]:
    for what in ("source", "name", "link", "line", "table"):
        yield from _field(row.line, row.id, what, getattr(row, what), getattr(known, what))
    for metric in Metric:
        yield from _claim(row, metric, row.claim(metric), known.claim(metric))
    moved = [
        metric
        for metric in Metric
        if (here := _place(row, metric)) and (there := _place(known, metric)) and here != there
    ]
    if moved:
        yield Difference(row.line, row.id, "place", _places(row, moved), _places(known, moved))


def _claim(
    row: Row, metric: Metric, found: Claim | None, known: Claim | None
) -> Iterator[Difference]:
    """Differences of one claim, except of where it stands."""
    if found is None or known is None:
        yield from _field(
            row.line, row.id, metric, found and found.figure.text, known and known.figure.text
        )
        return
    yield from _field(row.line, row.id, metric, found.figure.text, known.figure.text)
    yield from _field(row.line, row.id, f"{metric} unit", found.unit, known.unit)
    yield from _field(row.line, row.id, f"{metric} header", found.header, known.header)


def _place(row: Row, metric: Metric) -> str:
    """Where in its line a claim stands, "" for no claim; the line only if it is not the row's."""
    claim = row.claim(metric)
    if claim is None:
        return ""
    line = "" if claim.line == row.line else f" of line {claim.line}"
    return f"{metric} in column {claim.column}{line}"


def _places(row: Row, metrics: list[Metric]) -> str:
    return ", ".join(_place(row, metric) for metric in metrics)


def _failures(page: Page, expected: Page) -> Iterator[Difference]:
    found = {(failure.id, failure.format): failure for failure in page.failures}
    known = {(failure.id, failure.format): failure for failure in expected.failures}
    for key in dict.fromkeys((*found, *known)):
        id_, format_ = key
        here, there = found.get(key), known.get(key)
        what = f"documented {format_} failure"
        if here is None or there is None:
            line = here.line if here else there.line if there else 1
            yield from _field(line, id_, what, here and here.text, there and there.text)
            continue
        for field in ("source", "name", "line", "text"):
            yield from _field(
                here.line, id_, f"{what} {field}", getattr(here, field), getattr(there, field)
            )


def _omissions(page: Page, expected: Page) -> Iterator[Difference]:
    for omission in page.omissions:
        if omission not in expected.omissions:
            yield Difference(omission.line, page.name, omission.title, omission.reason, None)
    for omission in expected.omissions:
        if omission not in page.omissions:
            yield Difference(omission.line, page.name, omission.title, None, omission.reason)
