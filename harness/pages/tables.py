"""Tables of a Markdown document, with the source line of every row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from harness.pages.cells import Cell, links_in, plain_text, split_line
from harness.pages.columns import Column, read_header

_LINE_END: Final = re.compile(r"\r\n?|\n")  # CommonMark's line ends; str.splitlines knows more
_QUOTE_PREFIX: Final = re.compile(r"[\s>]*")


@dataclass(frozen=True, slots=True)
class TableLine:
    """A body line: its cells as the parser padded or cut them, and how many are printed."""

    line: int
    cells: tuple[Cell, ...]
    printed: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table from its header line to its last line (1-based, both included)."""

    line: int
    end: int
    columns: tuple[Column, ...]
    rows: tuple[TableLine, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed page: its source lines, its tokens, its tables in order."""

    lines: tuple[str, ...]
    tokens: tuple[Token, ...]
    tables: tuple[Table, ...]


def markdown() -> MarkdownIt:
    """The parser of pages: CommonMark with GitHub's tables."""
    return MarkdownIt("commonmark").enable("table")


def parse(text: str) -> Document:
    """Parse a page."""
    lines = _LINE_END.split(text)
    tokens = markdown().parse(text)
    opens = [at for at, token in enumerate(tokens) if token.type == "table_open"]
    tables = tuple(_table(tokens[at:], lines) for at in opens)
    return Document(lines=tuple(lines), tokens=tuple(tokens), tables=tables)


def _table(tokens: Sequence[Token], lines: Sequence[str]) -> Table:
    """The table that the first token opens."""
    header: list[Column] = []
    rows: list[TableLine] = []
    cells: list[Token] = []
    for token in tokens:
        if token.type == "tr_open":
            cells = []
        elif token.type == "inline":
            cells.append(token)
        elif token.type == "thead_close":
            header = [read_header(plain_text(cell.children or ())) for cell in cells]
        elif token.type == "tr_close" and header:
            rows.append(_table_line(cells, lines, nested=tokens[0].level > 0))
        elif token.type == "table_close":
            break
    first, end = tokens[0].map or (0, 0)
    return Table(line=first + 1, end=end, columns=tuple(header), rows=tuple(rows))


def _table_line(cells: Sequence[Token], lines: Sequence[str], *, nested: bool) -> TableLine:
    """A body line; the parser pads and cuts silently, so the source line is split again."""
    index = (cells[0].map or (0, 0))[0]
    source = lines[index]
    prefix = _QUOTE_PREFIX.match(source) if nested else None
    skipped = prefix.end() if prefix else 0
    printed = split_line(source[skipped:])
    columns = [skipped + column for column, _ in printed]
    columns += [0] * max(0, len(cells) - len(columns))
    return TableLine(
        line=index + 1,
        cells=tuple(
            Cell(plain_text(children), links_in(children), column)
            for children, column in zip(
                (cell.children or () for cell in cells), columns, strict=False
            )
        ),
        printed=len(printed),
    )
