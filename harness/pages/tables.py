"""Tables of a page, in Markdown and in HTML alike, with the source line of every row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

from harness.errors import PageError
from harness.pages.bounds import Crowded, refuse_crowded, require_bounded
from harness.pages.cells import Cell, read_cell, split_line
from harness.pages.columns import Column, is_model_header, read_header
from harness.pages.htmltables import HtmlTable, merged_header, read_html_tables

_LINE_END: Final = re.compile(r"\r\n?|\n")  # CommonMark's line ends; str.splitlines knows more
_QUOTE_PREFIX: Final = re.compile(r"[\s>]*")
_HTML_TABLE: Final = re.compile(r"<(?:table|tr|td|th)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TableLine:
    """A body row: its cells, padded or cut to the header, and how many are printed."""

    line: int
    cells: tuple[Cell, ...]
    printed: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table from its header line to its last line (1-based, both included).

    ``problem`` says why its rows may not be all there is, "" where they are.
    """

    line: int
    end: int
    columns: tuple[Column, ...]
    rows: tuple[TableLine, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed page: its source lines, its tokens, its tables by line.

    ``loose``: whether rows may stand outside of all tables without a word from the parser.
    ``settings``: what besides the text decides what is read, "" where nothing does.
    """

    lines: tuple[str, ...]
    tokens: tuple[Token, ...]
    tables: tuple[Table, ...]
    loose: bool = True
    settings: str = ""


def split_lines(text: str) -> tuple[str, ...]:
    """The lines of a text, as editors number them."""
    return tuple(_LINE_END.split(text))


@cache
def markdown() -> MarkdownIt:
    """The parser of pages: CommonMark with GitHub's tables and footnotes."""
    parser = MarkdownIt("commonmark").enable("table").use(footnote_plugin)
    parser.core.ruler.after("block", "crowded", refuse_crowded)
    parser.add_render_rule("footnote_ref", _footnote)
    return parser


def parse(text: str, *, file: str = "page") -> Document:
    """Parse a page; ``file`` is what errors name.

    Raises:
        PageError: there is more in a line or paragraph than any page has.
    """
    lines = split_lines(text)
    require_bounded(lines, file=file)
    try:
        tokens = tuple(markdown().parse(text))
    except Crowded as error:
        raise PageError(str(error), path=file, line=error.line) from None
    opens = [at for at, token in enumerate(tokens) if token.type == "table_open"]
    tables = [_table(tokens[at:end], lines) for at, end in pairwise((*opens, len(tokens)))]
    tables += _html_tables(tokens, lines)
    return Document(lines, tokens, tuple(sorted(tables, key=lambda table: table.line)))


def markdown_cell(tokens: Sequence[Token], *, line: int = 0, column: int = 0) -> Cell:
    """The cell that inline Markdown makes."""
    if all(token.type == "text" for token in tokens):
        html = "".join(token.content for token in tokens)
        return read_cell(html.replace("&", "&amp;").replace("<", "&lt;"), line=line, column=column)
    html = markdown().renderer.render(tokens, markdown().options, {})
    return read_cell(html, line=line, column=column)


def _footnote(_self: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    return f"<sup>[{tokens[index].meta.get('label') or tokens[index].meta['id']}]</sup>"


def _table(tokens: Sequence[Token], lines: Sequence[str]) -> Table:
    """The Markdown table that the first token opens."""
    header: list[Column] = []
    rows: list[TableLine] = []
    cells: list[Token] = []
    for token in tokens:
        if token.type == "tr_open":
            cells = []
        elif token.type == "inline":
            cells.append(token)
        elif token.type == "thead_close":
            header = [read_header(markdown_cell(cell.children or ()).whole) for cell in cells]
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
            markdown_cell(cell.children or (), line=index + 1, column=column)
            for cell, column in zip(cells, columns, strict=False)
        ),
        printed=len(printed),
    )


def _html_tables(tokens: Sequence[Token], lines: Sequence[str]) -> Iterator[Table]:
    """The tables in HTML: blocks of their own, or within a paragraph, where they are no good."""
    read_to = 0  # a table goes on over blank lines, which end a block of Markdown
    for token in tokens:
        if not token.map or token.map[1] <= read_to or not _HTML_TABLE.search(token.content):
            continue
        inline = token.type == "inline" and any(
            child.type == "html_inline" and _HTML_TABLE.match(child.content)
            for child in token.children or ()
        )
        if inline or token.type == "html_block":
            first = max(read_to, token.map[0]) + 1
            for table in read_html_tables(lines, first=first, last=token.map[1]):
                problem = "a table in HTML within a paragraph" if inline else table.problem
                yield _html_table(table, problem)
                read_to = table.end


def _html_table(table: HtmlTable, problem: str) -> Table:
    """A table whose header is its first row, or all the rows of header cells that it starts with.

    Where there is a problem, a model table may start further below, and is the one that matters.
    """
    if problem:
        starts = (at for at, row in enumerate(table.rows) if is_model_header(_headers(row.cells)))
        table = replace(table, rows=table.rows[next(starts, 0) :])
    heads = 1
    while heads < len(table.rows) and all(row.is_header for row in table.rows[: heads + 1]):
        heads += 1
    if not table.rows:
        return Table(table.line, table.end, (), (), problem)
    header = _headers(merged_header(table.rows[:heads]))
    rows = tuple(
        TableLine(
            line=row.line,
            cells=(*row.cells, *[Cell("")] * (len(header) - len(row.cells)))[: len(header)],
            printed=len(row.cells),
        )
        for row in table.rows[heads:]
    )
    return Table(table.line, table.end, tuple(header), rows, problem)


def _headers(cells: Sequence[Cell]) -> list[Column]:
    return [read_header(cell.whole) for cell in cells]
