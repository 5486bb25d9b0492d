"""Rows in are rows out and rows listed: the account that no reader of a page gets around."""

from __future__ import annotations

from collections import Counter
from typing import Final

from harness.errors import LostRow
from harness.pages.tables import Document
from harness.records import Page

TABLES: Final = frozenset({"table", "other table"})
"""Omissions that stand for all rows of the table in their line."""


def settle(document: Document, page: Page) -> None:
    """Hold the rows of all tables of a document against what became of them.

    Every body row of every table has to be a row of the page or be counted by an omission: one
    of its own, or that of its table. And no row of the page may be without one.

    Raises:
        LostRow: names the first line of which neither is true.
    """
    printed = Counter(line.line for table in document.tables for line in table.rows)
    read = Counter(row.line for row in page.rows)
    accounted = Counter(read)
    whole = [(table.line, len(table.rows), table) for table in document.tables]
    for omission in page.omissions:
        if omission.what not in TABLES:
            accounted[omission.line] += omission.rows
            continue
        table = next(
            (t for line, n, t in whole if (line, n) == (omission.line, omission.rows)), None
        )
        if table is None:
            raise LostRow(
                f"no table of {omission.rows} rows, as listed", path=page.path, line=omission.line
            )
        whole.remove((omission.line, omission.rows, table))
        accounted.update(line.line for line in table.rows)
    for line, rows in sorted(printed.items()):
        if accounted[line] < rows:
            raise LostRow("a row was neither read nor listed", path=page.path, line=line)
    for line in sorted(read):
        if line not in printed:
            raise LostRow("a row was read where the page has none", path=page.path, line=line)
