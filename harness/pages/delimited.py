"""Tables as comma- or tab-separated values: one table, whose first line that says anything is its
header."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from harness.errors import MalformedTable
from harness.pages.bounds import LONGEST_LINE, MAX_BYTES, MOST_COLUMNS, require_bounded
from harness.pages.cells import Cell, read_cell
from harness.pages.columns import (
    ColumnRole,
    is_close_to_claim,
    is_close_to_name,
    is_model_header,
    read_header,
)
from harness.pages.tables import Document, Table, TableLine, split_lines

_DELIMITERS: Final = (",", ";", "\t")
_QUOTE: Final = '"'


def parse(text: str, *, file: str = "page.csv") -> Document:
    """Parse a file; ``file`` is what errors name.

    Values are parted by what parts the header into most cells: a comma, a semicolon, as
    spreadsheets write it where the comma is a decimal one, or a tab, as always in ``.tsv``. A file
    whose header is not one of models has no table: such files hold anything.

    Raises:
        PageError: there is more in a line than any page has, a quote is not as it should be, or the
            file has more columns than any.
    """
    lines = split_lines(text)
    header = next((line for line in lines if line.strip()), "")
    delimiter = "\t" if file.lower().endswith(".tsv") else max(_DELIMITERS, key=header.count)
    if len(header) > LONGEST_LINE or not _names_models(header, delimiter):
        return Document(lines, (), (), loose=False)
    require_bounded(lines, file=file)
    records = list(_records(lines, delimiter, file))
    if not records:
        return Document(lines, (), (), loose=False)
    (first, names), *body = records
    columns = tuple(read_header(name) for name in names)
    rows = tuple(
        TableLine(at, _cells(values, lines[at - 1], at, delimiter, len(columns)), len(values))
        for at, values in body
    )
    end = rows[-1].line if rows else first
    return Document(lines, (), (Table(first, end, columns, rows),), loose=False)


def _names_models(header: str, delimiter: str) -> bool:
    """Whether a header has what makes a table one of models, or would but for a misspelling."""
    try:
        names = next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error:
        return False
    columns = [read_header(name) for name in names[:MOST_COLUMNS]]
    roles = {column.role for column in columns}
    close = any(map(is_close_to_claim, columns)) or any(map(is_close_to_name, columns))
    claims = any(column.metric for column in columns)
    return is_model_header(columns) or (close and (claims or ColumnRole.NAME in roles))


def _records(lines: Sequence[str], delimiter: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """Each record that says anything, with the line on which it begins."""
    csv.field_size_limit(MAX_BYTES)
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True)
    while True:
        begin = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise MalformedTable(str(error), path=file, line=begin) from None
        if len(values) > MOST_COLUMNS:
            told = f"{len(values):,} columns, expected at most {MOST_COLUMNS}"
            raise MalformedTable(told, path=file, line=begin)
        if any(value.strip() for value in values):
            yield begin, values


def _cells(
    values: Sequence[str], source: str, line: int, delimiter: str, width: int
) -> tuple[Cell, ...]:
    """As many cells as there are columns."""
    begins = _begins(source, delimiter)
    cells = [
        read_cell(escape(value, quote=False), line=line, column=column)
        for value, column in zip(values, [*begins, *[0] * len(values)], strict=False)
    ]
    return (*cells, *[Cell("")] * (width - len(cells)))[:width]


def _begins(source: str, delimiter: str) -> list[int]:
    """The columns, from 1, on which the values of a line begin; behind a quote.

    >>> _begins('a,"b,c",d', ",")
    [1, 4, 9]
    """
    begins, quoted, start = [], False, True
    for at, char in enumerate(source, 1):
        if start:
            begins.append(at + (char == _QUOTE))
            start = False
        if char == _QUOTE:
            quoted = not quoted
        elif char == delimiter and not quoted:
            start = True
    return begins
