"""What of a page cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from harness.errors import quoted
from harness.lint.findings import Evidence, Fault, LintRule, Severity
from harness.lint.rules.duplicates import rows_in
from harness.lint.zoo import LintedPage, Zoo
from harness.pages.cells import code_point
from harness.pages.columns import ColumnRole
from harness.records import Omission

_QUOTED: Final = re.compile(r"'(?P<text>[^']+)'")  # what of the line a reason is about
_SUGGESTIONS: Final = {
    "row": "write the line as the header of its table promises, or take it out",
    "column": "use a header that is known, with its unit, as MACs(G) or params(M)",
    "figure": "write a plain number in the unit of its column, or - where there is none",
    "table": "give each column a header that is known, and each row as many cells",
    "note": "place the note below the one table that it is about",
}


def _unreadable(zoo: Zoo) -> Iterator[Fault]:
    for page in zoo.pages:
        if page.problem:
            line = page.problem.line or 1
            suggestion = "write the page in UTF-8, with a table that names models and has figures"
            yield Fault(page.at(line), page.file, page.problem.message, suggestion)
        for omission in page.page.omissions if page.page else ():
            if omission.on_request and not rows_in(page, omission):
                yield _left_out(page, omission)


def _left_out(page: LintedPage, omission: Omission) -> Fault:
    line = page.document.lines[omission.line - 1]
    quoted = _QUOTED.search(omission.reason)
    what = quoted["text"] if quoted and quoted["text"] in line else line.lstrip()
    return Fault(
        page.at(omission.line, what),
        f"{page.file} {omission.what} {omission.reason}",
        f"{omission.title}: {omission.reason}",
        _SUGGESTIONS[omission.what],
        evidence=(Evidence("extract refuses the page for it"),),
    )


def _lookalikes(zoo: Zoo) -> Iterator[Fault]:
    for page in zoo.pages:
        lines = {row.line for row in page.rows}
        for table in page.document.tables:
            for row in (one for one in table.rows if one.line in lines):
                for column, cell in zip(table.columns, row.cells, strict=True):
                    if column.role in (ColumnRole.NAME, ColumnRole.SOURCE) and cell.lookalike:
                        yield Fault(
                            page.at(row.line, cell.lookalike),
                            f"{page.file} {cell.text} {column.role.name.lower()}",
                            f"{quoted(cell.text)} is written with {code_point(cell.lookalike)}",
                            f"the letters and digits of ASCII: {cell.text}",
                        )


RULES: Final = (
    LintRule(
        "unreadable",
        Severity.ERROR,
        "Part of a page cannot be understood",
        "A column, unit, figure, row, table or note that may be a claim and cannot be read. It is "
        "left out of everything else that is checked. Tables about something else, and cells that "
        "say there is no figure, are not meant.",
        _unreadable,
    ),
    LintRule(
        "lookalike",
        Severity.WARNING,
        "A name is written with letters that only look like its own",
        "A full-width or mathematical letter or digit in the name or source of a row: read as the "
        "plain one, and not found by whoever searches for it.",
        _lookalikes,
    ),
)
