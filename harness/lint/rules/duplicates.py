"""The same row twice: under one id, in another spelling, or on another page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

from harness.lint.findings import Evidence, Fault, LintRule, Severity
from harness.lint.naming import fold, library_of
from harness.lint.zoo import LintedPage, Zoo
from harness.pages.cells import Cell, without_marks
from harness.pages.columns import ColumnRole
from harness.pages.identity import model_id
from harness.pages.sourcecells import read_sources
from harness.records import Metric, Omission, Row


def rows_in(page: LintedPage, omission: Omission) -> list[Row]:
    """The rows of a page that an omitted line names once more."""
    if page.page is None or omission.what != "row":
        return []
    slugs = {row.slug: row for row in page.rows}
    named = _names(page, omission.line)
    return [slugs[id_.replace("/", "-")] for id_ in named if id_.replace("/", "-") in slugs]


def _names(page: LintedPage, line: int) -> list[str]:
    """The ids that a line of a table names, whether or not the rest of it can be read."""
    assert page.page is not None
    for table in page.document.tables:
        for row in table.rows:
            if row.line == line and row.printed == len(table.columns):
                at = {
                    column.role: cell for column, cell in zip(table.columns, row.cells, strict=True)
                }
                return _ids(page.page.name, at)
    return []


def _ids(page: str, at: dict[ColumnRole, Cell]) -> list[str]:
    try:
        name, _ = without_marks(at[ColumnRole.NAME])
        sources = read_sources(at[ColumnRole.SOURCE]) if ColumnRole.SOURCE in at else (("", ""),)
        return [model_id(page=page, source=source, name=name) for source, _ in sources]
    except (KeyError, ValueError):
        return []


def _duplicates(zoo: Zoo) -> Iterator[Fault]:
    return chain(_refused(zoo), _alike(zoo))


def _refused(zoo: Zoo) -> Iterator[Fault]:
    """Rows that the reader refuses, as another one has their id."""
    for page in zoo.pages:
        for omission in page.page.omissions if page.page else ():
            for row in rows_in(page, omission):
                place = page.at(omission.line, row.name)
                yield Fault(
                    place,
                    row.id,
                    f"{row.source} {row.name} stands here a second time".replace("  ", " "),
                    f"take out this line or line {row.line}, or give one of them another name",
                    evidence=(Evidence(f"the first time as {row.id}", page.of_row(row)),),
                )


def _alike(zoo: Zoo) -> Iterator[Fault]:
    """Rows of one source whose names differ in spelling only, and rows of other pages.

    Pages of one name are the same page in other languages.
    """
    seen: dict[tuple[str, str, str], tuple[LintedPage, Row]] = {}
    for page, row in zoo.rows():
        size = row.claim(Metric.INPUT_SIZE)
        shown = size.figure.text if size else ""
        key = library_of(row.source) or fold(row.source), fold(row.name), shown
        first_page, first = seen.setdefault(key, (page, row))
        if first is row or (first_page is not page and _title(first_page) == _title(page)):
            continue
        what = "on another page" if first_page is not page else "in another spelling"
        if first_page is page and row.name == first.name:
            what = "a second time"
        yield Fault(
            page.of_row(row),
            row.id,
            f"{row.source} {row.name} stands here and {what}".strip(),
            "keep one of the two, or give them names that tell them apart",
            evidence=(Evidence(f"{first.source} {first.name}".strip(), first_page.of_row(first)),),
            severity=Severity.WARNING,
        )


def _title(page: LintedPage) -> str:
    return page.page.name if page.page else page.file


RULES: Final = (
    LintRule(
        "duplicate-row",
        Severity.ERROR,
        "The same row stands twice",
        "Two rows of one source and name on one page. As a warning: two whose names differ in case "
        "or separators only, and a row that stands on two pages; a page and its translation, which "
        "have one name, may share rows.",
        _duplicates,
    ),
)
