"""What of a page cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from harness.lint.findings import Evidence, Fault, Rule, Severity
from harness.lint.rules.duplicates import rows_in
from harness.lint.zoo import LintedPage, Zoo
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


RULES: Final = (
    Rule(
        "unreadable",
        Severity.ERROR,
        "Part of a page cannot be understood",
        "A column, unit, figure, row, table or note that may be a claim and cannot be read. It is "
        "left out of everything else that is checked. Tables about something else, and cells that "
        "say there is no figure, are not meant.",
        _unreadable,
    ),
)
