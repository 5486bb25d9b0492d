"""Model rows that are not in any table, though whoever wrote them thought so.

A blank line, four spaces of indentation, a tag, a stray fence or a wrong delimiter line end or
undo a table without a word, and tables in HTML are no Markdown: their rows would be lost, so
they are looked for. Rows in a fence of their own or in a closed comment are meant to be out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Final

from harness.pages.cells import fold, plain_text, split_line
from harness.pages.columns import is_model_header, read_header
from harness.pages.tables import Document, markdown

_CONTAINER: Final = re.compile(r"[\s>]*(?:(?:[-*+]|\d+[.)])\s+)?")
_FENCE: Final = re.compile(r"`{3}|~{3}")
_DELIMITERS: Final = re.compile(r"[|:\-\s]+")
_FEWEST_CELLS: Final = 3  # a name, a source, a claim


def stray_rows(document: Document) -> Iterator[tuple[int, str]]:
    """Lines outside of all tables that read as model rows or headers: (1-based line, reason)."""
    code = _lines_set_apart(document)
    in_table = {n: table for table in document.tables for n in range(table.line, table.end + 1)}
    width = 0  # columns of the model table above
    attached = False  # nothing but blank lines since then
    for number, line in enumerate(document.lines, 1):
        if number in in_table:
            attached = is_model_header(in_table[number].columns)
            width = len(in_table[number].columns) if attached else width
            continue
        text = line[match.end() :] if (match := _CONTAINER.match(line)) else line
        if not text or (_DELIMITERS.fullmatch(text) and "|" in text):
            continue
        cells = [cell for _, cell in split_line(text)]
        if number in code:
            attached = False
        elif width and (len(cells) == width or (attached and len(cells) >= _FEWEST_CELLS)):
            yield number, "a row outside of its table; does a blank or indented line end it?"
        elif len(cells) >= _FEWEST_CELLS and _is_header(cells):
            yield number, "a model table without a delimiter line of as many cells"
            width, attached = len(cells), True
        elif not _FENCE.match(text):
            attached = False


def html_tables(document: Document) -> Iterator[tuple[int, str]]:
    """Model tables written in HTML: (1-based line, reason)."""
    for token in document.tokens:
        if token.type != "html_block" or not token.map or token.content.lstrip().startswith("<!--"):
            continue
        if "<table" in token.content.lower():
            first_row = _FirstRow()
            first_row.feed(token.content)
            if is_model_header([read_header(fold(text)) for text in first_row.cells]):
                yield token.map[0] + 1, "a model table in HTML; only Markdown tables are read"


def _is_header(cells: list[str]) -> bool:
    tokens = [markdown().parseInline(cell)[0].children or () for cell in cells]
    return is_model_header([read_header(plain_text(children)) for children in tokens])


def _lines_set_apart(document: Document) -> set[int]:
    """Lines of code and comments, save a fence right below a table and an unclosed comment."""
    table_ends = {table.end for table in document.tables}
    apart: set[int] = set()
    for token in document.tokens:
        if token.map is None:
            continue
        fence = token.type == "fence" and token.map[0] not in table_ends
        comment = token.type == "html_block" and "<!--" in token.content and "-->" in token.content
        if fence or comment:
            apart.update(range(token.map[0] + 1, token.map[1] + 1))
    return apart


class _FirstRow(HTMLParser):
    """The cell texts of the first row of an HTML table."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self._rows = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag == "tr":
            self._rows += 1
        elif tag in ("th", "td") and self._rows == 1:
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self._rows == 1 and self.cells:
            self.cells[-1] += f" {data}"
