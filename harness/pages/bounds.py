"""How large a page may be: held against it before it is parsed.

Parsing Markdown, and matching headers and figures, takes time that grows with the square of what
stands in one line or paragraph. Each bound lies far above what the vendor's pages have, and all of
them together keep the parser to some seconds on any text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from harness.errors import MalformedTable, PageError

MAX_BYTES: Final = 2**20
"""Of a page; a zoo of 500 rows is about 0.1 MiB."""

MOST_LINES: Final = 20_000
"""The longest real page has 187."""

LONGEST_LINE: Final = 20_000
"""Characters; the longest line of a real page has 253, a whole table in HTML some thousands."""

MOST_COLUMNS: Final = 100
"""Of a table; real ones have up to 10."""

MOST_MARKS: Final = 2_000
"""Characters that Markdown or HTML may give a meaning, in a line or paragraph; real ones have up to
39. As many as these of one kind take a tenth of a second."""

MOST_MARKS_IN_ALL: Final = 100_000
"""Such characters on a page; a zoo of 500 rows has about 20,000."""

LONGEST_HEADER: Final = 200
"""Characters of a column's header; real ones have up to 30."""

LONGEST_CELL: Final = 1_000
"""Characters of a name, a source or a figure as they are shown; real ones have up to 50."""

LONGEST_TAG: Final = 10_000
"""Characters of a tag in HTML, from ``<`` on, before it is said never to end."""

_MARK: Final = re.compile(r"[*_`\[\]<>&!^~\\|]")
_PIPE: Final = re.compile(r"(?<!\\)\|")


def require_bounded(lines: Sequence[str], *, file: str) -> None:
    """Refuse a page that has more in a line, or of lines, than any has.

    Raises:
        PageError: file and line, how much there is, and how much may be.
    """

    def refuse(line: int, found: str, most: str) -> PageError:
        return PageError(f"{found}, expected at most {most}", path=file, line=line)

    if len(lines) > MOST_LINES:
        raise refuse(MOST_LINES + 1, f"{len(lines):,} lines", f"{MOST_LINES:,}")
    in_all = 0
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            raise refuse(number, f"{len(line):,} characters in a line", f"{LONGEST_LINE:,}")
        marks = len(_MARK.findall(line))
        in_all += marks
        if marks > MOST_MARKS:
            raise refuse(number, f"{marks:,} characters of markup in a line", f"{MOST_MARKS:,}")
        if in_all > MOST_MARKS_IN_ALL:
            found = f"more than {MOST_MARKS_IN_ALL:,} characters of markup up to here"
            raise refuse(number, found, "that on a page")
        pipes = len(_PIPE.findall(line)) if marks > MOST_COLUMNS else 0
        if pipes > MOST_COLUMNS + 1:
            message = f"{pipes:,} columns, expected at most {MOST_COLUMNS}"
            raise MalformedTable(message, path=file, line=number)


class Crowded(ValueError):
    """A paragraph with too many marks; ``line`` is 1-based."""

    def __init__(self, line: int, marks: int) -> None:
        self.line = line
        super().__init__(
            f"{marks:,} characters of markup in a paragraph, expected at most {MOST_MARKS:,}"
        )


def refuse_crowded(state: Any) -> None:
    """A rule of the Markdown parser, between blocks and what is in them.

    Raises:
        Crowded: of the first paragraph with more marks than may be.
    """
    for token in state.tokens:
        if token.type == "inline" and len(token.content) > MOST_MARKS:
            marks = len(_MARK.findall(token.content))
            if marks > MOST_MARKS:
                raise Crowded((token.map or (0, 0))[0] + 1, marks)
