"""Tables of reStructuredText, of all its kinds: list, grid, simple and csv tables.

Docutils parses; nothing is included from other files, and raw output is off.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, Final

from docutils import nodes
from docutils.core import publish_doctree

from harness.errors import MalformedTable, PageError
from harness.pages.bounds import LONGEST_LINE, require_bounded
from harness.pages.cells import Cell, read_cell
from harness.pages.columns import read_header
from harness.pages.tables import Document, Table, TableLine, split_lines

_SETTINGS: Final[dict[str, Any]] = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 6,  # every fault is told by a node
    "line_length_limit": LONGEST_LINE,
    "doctitle_xform": False,
}
_CELLS: Final = re.compile(r"\||\s{2,}|[*-] |,|\"")  # what parts cells, in any kind of table
_ERROR: Final = 3  # docutils: a part of the document was lost
_OF_TABLES: Final = "table"


def parse(text: str, *, file: str = "page.rst") -> Document:
    """Parse a document; ``file`` is what errors name.

    Raises:
        PageError: a table cannot be read, with its line; or there is more in a line than any page
            has, or it is nested too deeply.
    """
    lines = split_lines(text)
    require_bounded(lines, file=file)
    try:
        tree = publish_doctree(
            "\n".join(lines), settings_overrides={**_SETTINGS, "warning_stream": io.StringIO()}
        )
    except RecursionError:
        raise PageError("nested too deeply", path=file, line=1) from None
    for message in tree.findall(nodes.system_message):
        told, _, block = message.astext().partition("\n")
        if message["level"] >= _ERROR and _may_have_rows(told, block):
            told = told.partition(") ")[2] or told
            raise MalformedTable(told, path=file, line=message.get("line", 1))
    tables = tuple(_tables(tree, lines))
    return Document(lines, (), tables, loose=False)


def _may_have_rows(told: str, block: str) -> bool:
    """Whether a block that was lost may have rows of models.

    Of a table one cell that is a figure, or is to have one, is enough: a part of it may be lost,
    and not its header. Of anything else, as what stands in an unknown directive, it takes both.
    """
    cells = [cell.strip() for line in block.splitlines() for cell in _CELLS.split(line)]
    figures = any(cell[:1].isdigit() for cell in cells)
    claims = any(read_header(cell).metric for cell in cells)
    if _OF_TABLES in told.lower():
        return figures or claims or not block.strip()
    return figures and claims


def _tables(tree: nodes.document, lines: Sequence[str]) -> Iterator[Table]:
    after = 0
    for table in tree.findall(nodes.table):
        own = (row for row in table.findall(nodes.row) if row.parent.parent.parent is table)
        rows = list(own)  # and none of a table in a cell
        heads = [row for row in rows if isinstance(row.parent, nodes.thead)] or rows[:1]
        body = [row for row in rows if row not in heads]
        spans = any("morecols" in one or "morerows" in one for one in table.findall(nodes.entry))
        first = after = _line(heads, lines, after)
        header = [_cells(row, first, lines) for row in heads]
        names = [
            " ".join(filter(None, (cell.whole for cell in column)))
            for column in zip(*header, strict=False)
        ]
        found = []
        for row in body:
            after = _line([row], lines, after)
            cells = _cells(row, after, lines)
            padded = (*cells, *[Cell("")] * (len(names) - len(cells)))[: len(names)]
            found.append(TableLine(after, padded, len(cells)))
        problem = "a table with cells that span several columns or rows" if spans else ""
        yield Table(first, after, tuple(map(read_header, names)), tuple(found), problem)


def _line(rows: Sequence[nodes.row], lines: Sequence[str], after: int) -> int:
    """The line of the first cell that says anything: docutils', where that is one further down.

    The lines of csv tables are counted from their own beginning, and are looked for.
    """
    for entry in (entry for row in rows for entry in row.children):
        words = entry.astext().split()
        told = next((node.line for node in entry.findall() if node.line), None)
        if not words:
            continue
        if told is not None and after < told <= len(lines) and words[0] in lines[told - 1]:
            return told
        found = (at for at in range(after, len(lines)) if words[0] in lines[at])
        return next(found, after) + 1
    return min(after + 1, len(lines))


def _cells(row: nodes.row, line: int, lines: Sequence[str]) -> tuple[Cell, ...]:
    """The cells of a row, each with its own line and column where its text stands."""
    cells = []
    for entry in row.children:
        told = next((node.line for node in entry.findall() if node.line), None)
        at = told if told is not None and line <= told <= len(lines) else line
        word = next(iter(entry.astext().split()), "")
        column = lines[at - 1].find(word) + 1 if word else 0
        cells.append(read_cell(_html(entry), line=at, column=column))
    return tuple(cells)


def _html(node: nodes.Node) -> str:
    """What a cell shows, as HTML: text, links, raised parts and the alternative texts of images."""
    if isinstance(node, nodes.Text):
        return escape(node.astext(), quote=False)
    if isinstance(node, nodes.image):
        return escape(str(node.get("alt", "")), quote=False)
    if isinstance(node, nodes.system_message | nodes.problematic | nodes.comment | nodes.target):
        return ""
    inner = (" " if isinstance(node, nodes.entry | nodes.line_block) else "").join(
        map(_html, node.children)
    )
    if isinstance(node, nodes.reference) and node.get("refuri"):
        return f'<a href="{escape(str(node["refuri"]))}">{inner}</a>'
    if isinstance(node, nodes.superscript | nodes.footnote_reference):
        return f"<sup>{inner}</sup>"
    return f"{inner} " if isinstance(node, nodes.Body) else inner
