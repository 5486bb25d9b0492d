"""Model rows that are not in any table, though whoever wrote them thought so.

A blank line, four spaces of indentation, a tag, a stray fence, full-width pipes or a wrong
delimiter line end or undo a table without a word: its rows would be lost, so they are looked for.
Rows in a fence of their own or in a closed comment are meant to be out.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.pages.cells import split_line
from harness.pages.columns import Column, ColumnRole, is_model_header, read_header
from harness.pages.tables import Document, markdown, markdown_cell

_CONTAINER: Final = re.compile(r"[\s>]*(?:(?:[-*+]|\d+[.)])\s+)?")
_FENCE: Final = re.compile(r"`{3}|~{3}")
_DELIMITERS: Final = re.compile(r"[|:\-\s]+")
_FULL_WIDTH_PIPE: Final = "\uff5c"
_FEWEST_CELLS: Final = 3  # a name and two more


@dataclass(frozen=True, slots=True)
class Stray:
    """A line that should be in a table and is not: how many rows it is, and what is wrong."""

    line: int
    rows: int
    reason: str


def stray_lines(document: Document, *, models: Container[int]) -> Iterator[Stray]:
    """Lines outside of all tables that read as rows, header or delimiter line of a model table.

    Args:
        models: the header lines of the model tables among those of the document.
    """
    if not document.loose:
        return
    code = _lines_set_apart(document)
    in_table = {n: table for table in document.tables for n in range(table.line, table.end + 1)}
    width = 0  # columns of the model table above
    attached = False  # nothing but blank lines since then
    header = 0  # the last line that was found to be one
    for number, source in enumerate(document.lines, 1):
        if number in in_table:
            attached = in_table[number].line in models
            width = len(in_table[number].columns) if attached else width
            continue
        line = source.replace(_FULL_WIDTH_PIPE, "|")
        text = line[match.end() :] if (match := _CONTAINER.match(line)) else line
        cells = [cell for _, cell in split_line(text)]
        if _DELIMITERS.fullmatch(text) and "|" in text:
            if number not in code and number - 1 not in (header, *in_table):
                yield from _lone_delimiters(document.lines, number, len(cells))
            continue
        if not text:
            continue
        if number in code:
            attached = False
        elif _is_row(text, len(cells), width, attached=attached):
            reason = "a row outside of its table; does a blank or indented line end it?"
            yield Stray(number, 1, reason)
        elif len(cells) >= _FEWEST_CELLS and is_model_header(_columns(cells)):
            yield Stray(number, 0, "a model table without a delimiter line of as many cells")
            width, attached, header = len(cells), True, number
        elif not _FENCE.match(text):
            attached = False


def _is_row(text: str, cells: int, width: int, *, attached: bool) -> bool:
    """Whether a line is a row of the model table above it, of ``width`` columns.

    Few cells are a row only right below the table and behind a pipe, which prose does not begin
    with.
    """
    if min(cells, width) < _FEWEST_CELLS:
        return attached and cells == width and text.startswith("|")
    return attached or cells == width


def _lone_delimiters(lines: Sequence[str], number: int, count: int) -> Iterator[Stray]:
    """A delimiter line that makes no table, if what stands above it could be a header."""
    above = [cell for _, cell in split_line(lines[number - 2])] if number > 1 else []
    roles = {column.role for column in _columns(above)}
    if roles & {ColumnRole.NAME, ColumnRole.SOURCE, ColumnRole.CLAIM}:
        reason = f"a delimiter line of {count} cells below {len(above)} cells makes no table"
        yield Stray(number, 0, reason)


def _columns(cells: Sequence[str]) -> list[Column]:
    tokens = [markdown().parseInline(cell)[0].children or () for cell in cells]
    return [read_header(markdown_cell(children).whole) for children in tokens]


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
