"""Tables written in HTML inside a Markdown page, with the source line of every row and cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Final

from harness.pages.bounds import LONGEST_TAG, MOST_COLUMNS
from harness.pages.cells import Cell, read_cell

_STRAY: Final = "rows in HTML that are in no table"
_MOST_SPANNED: Final = 1000  # rows or columns; HTML itself allows no more columns


@dataclass(frozen=True, slots=True)
class HtmlRow:
    """A row of an HTML table, its spans filled in: a cell for each column it takes part in."""

    line: int
    cells: tuple[Cell, ...]
    is_header: bool


@dataclass(frozen=True, slots=True)
class HtmlTable:
    """A table from the line of its first tag to that of its last (1-based, both included).

    ``problem`` says why its rows may not be all there is, "" where they are.
    """

    line: int
    end: int
    rows: tuple[HtmlRow, ...]
    problem: str = ""


def read_html_tables(lines: Sequence[str], *, first: int, last: int) -> list[HtmlTable]:
    """The tables whose first tag stands in the 1-based lines ``first`` to ``last``, in order.

    A table may end below them; one that never ends, or has another in it, has a ``problem``. So
    have rows outside of any table, which are taken for one that ends with these lines.
    """
    reader = _Tables(offset=first - 1, last=last)
    for number in range(first - 1, len(lines)):
        if reader.at_rest and reader.getpos()[0] > last - first + 1:
            break
        reader.feed(f"{lines[number]}\n")
        if len(reader.rawdata) > LONGEST_TAG:  # what is fed next is read together with it
            reader.refuse("a tag in HTML that never ends")
            break
    return reader.finish()


@dataclass(slots=True)
class _Open:
    """A cell that is being read; the text starts at ``line`` and ``column``."""

    tag: str
    line: int
    column: int
    across: int
    down: int
    parts: list[str] = field(default_factory=list)
    begun: bool = False

    def cell(self) -> Cell:
        return read_cell("".join(self.parts), line=self.line, column=self.column)


class _Tables(HTMLParser):
    """Collects rows as browsers do: a cell or row ends where the next one starts."""

    def __init__(self, *, offset: int, last: int) -> None:
        super().__init__(convert_charrefs=False)
        self._offset, self._last = offset, last
        self._tables: list[HtmlTable] = []
        self._start = 0  # line of the open table, 0 for none
        self._nested = 0
        self._problem = ""
        self._rows: list[tuple[int, list[_Open]]] = []
        self._cell: _Open | None = None

    @property
    def at_rest(self) -> bool:
        """Whether no table is open, or none that could end."""
        return not self._start or self._problem == _STRAY

    def refuse(self, problem: str) -> None:
        """Say of the open table what is wrong with it, and forget what was not read yet."""
        self._problem = self._problem or problem
        self.rawdata = ""

    def finish(self) -> list[HtmlTable]:
        self.close()
        if self._start:
            self._problem = self._problem or "a table in HTML that never ends"
            fed_to = self.getpos()[0] - 1 + self._offset
            self._end_table(min(fed_to, self._last) if self._problem == _STRAY else fed_to)
        return self._tables

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line, column = self.getpos()[0] + self._offset, self.getpos()[1] + 1
        text = self.get_starttag_text() or ""
        if tag in ("tr", "td", "th") and not self._start and line <= self._last:
            self._start, self._problem = line, _STRAY
        if tag == "table":
            if self._problem == _STRAY:
                self._end_table(line)
            if self._start:
                self._nested += 1
                self._problem = "a table in HTML with another table in it"
            elif line <= self._last:
                self._start = line
        elif not self._start:
            return
        elif tag == "tr":
            self._cell = None
            self._rows.append((line, []))
        elif tag in ("td", "th"):
            if not self._rows:
                self._rows.append((line, []))
            if len(self._rows[-1][1]) == MOST_COLUMNS:
                self._cell, self._problem = None, f"more than {MOST_COLUMNS} cells in a row"
                return
            spans = dict(attrs)
            self._cell = _Open(
                tag, line, column + len(text), _span(spans, "colspan"), _span(spans, "rowspan")
            )
            self._rows[-1][1].append(self._cell)
        elif tag in ("thead", "tbody", "tfoot", "caption", "colgroup", "col"):
            self._cell = None
        elif self._cell:
            self._cell.parts.append(text)
            self._cell.begun = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            if self._nested:
                self._nested -= 1
            elif self._start:
                self._end_table(self.getpos()[0] + self._offset)
        elif tag in ("td", "th", "tr", "thead", "tbody", "tfoot"):
            self._cell = None
        elif self._cell:
            self._cell.parts.append(f"</{tag}>")
            self._cell.begun = True

    def handle_data(self, data: str) -> None:
        if not self._cell:
            return
        if not self._cell.begun and data.strip():
            self._cell.begun = True
            line, column = self.getpos()
            before = data[: len(data) - len(data.lstrip())]
            self._cell.line = line + self._offset + before.count("\n")
            self._cell.column = column + 1 + len(before) if "\n" not in before else 1
        self._cell.parts.append(data)

    def handle_entityref(self, name: str) -> None:
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.handle_data(f"&#{name};")

    def _end_table(self, end: int) -> None:
        rows = _filled(self._rows)
        if any(len(row.cells) > MOST_COLUMNS for row in rows):
            self._problem = self._problem or f"more than {MOST_COLUMNS} columns"
        self._tables.append(HtmlTable(self._start, end, rows, self._problem))
        self._start, self._nested, self._problem, self._rows, self._cell = 0, 0, "", [], None


def _span(attributes: dict[str, str | None], name: str) -> int:
    printed = (attributes.get(name) or "1").strip()
    return min(max(int(printed), 1), _MOST_SPANNED) if printed.isdecimal() else 1


def _filled(rows: Sequence[tuple[int, list[_Open]]]) -> tuple[HtmlRow, ...]:
    """Rows with a cell wherever one spans into; what spans below the last row is cut."""
    filled: list[HtmlRow] = []
    hanging: dict[int, tuple[int, Cell]] = {}  # column → rows still to fill, cell
    for line, opened in rows:
        cells: list[Cell] = []
        waiting = list(opened)
        below: dict[int, tuple[int, Cell]] = {}
        while (waiting or len(cells) in hanging) and len(cells) <= MOST_COLUMNS:
            if len(cells) in hanging:
                left, cell = hanging.pop(len(cells))
                if left > 1:
                    below[len(cells)] = (left - 1, cell)
                cells.append(cell)
                continue
            one = waiting.pop(0)
            cell = one.cell()
            for _ in range(min(one.across, MOST_COLUMNS + 1 - len(cells))):
                if one.down > 1:
                    below[len(cells)] = (one.down - 1, cell)
                cells.append(cell)
        hanging = below | {column: rest for column, rest in hanging.items() if column > len(cells)}
        is_header = bool(opened) and all(one.tag == "th" for one in opened)
        if cells:
            filled.append(HtmlRow(line, tuple(cells), is_header))
    return tuple(filled)


def merged_header(rows: Sequence[HtmlRow]) -> tuple[Cell, ...]:
    """One header out of the rows that make it: what stands above each other is read as one."""
    width = max(len(row.cells) for row in rows)
    merged: list[Cell] = []
    for column in range(width):
        stacked = [row.cells[column] for row in rows if column < len(row.cells)]
        texts = dict.fromkeys(cell.whole for cell in stacked if cell.whole)
        merged.append(replace(stacked[-1], text=" ".join(texts), superscripts=()))
    return tuple(merged)
