"""Rows in are rows out and rows listed: a reader that loses one is found out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.errors import LostRow
from harness.pages.ledger import settle
from harness.pages.reading import _Reading, read_page
from harness.pages.tables import parse

pytestmark = [pytest.mark.shows("a row vanishes from the page, or cannot be read")]

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures/pages"
MIXED = FIXTURES / "mixed.md"


def document(path):
    return parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["zoo.md", "dialects.md", "faulty.md", "mixed.md"])
def test_every_page_settles(name):
    path = FIXTURES / name
    page = read_page(path, lenient=True)
    settle(document(path), page)
    tables = sum(len(table.rows) for table in document(path).tables)
    listed = sum(omission.rows for omission in page.omissions)
    stray = sum("outside of its table" in omission.reason for omission in page.omissions)
    assert len({row.line for row in page.rows}) + listed == tables + stray


def test_any_dropped_row_is_found_with_its_line():
    page = read_page(MIXED)
    for line in {row.line for row in page.rows}:
        kept = tuple(row for row in page.rows if row.line != line)
        with pytest.raises(LostRow, match=rf"mixed\.md:{line}: a row was neither read nor listed"):
            settle(document(MIXED), dataclasses.replace(page, rows=kept))


def test_any_omission_not_listed_is_found():
    page = read_page(MIXED)
    for lost in (omission for omission in page.omissions if omission.rows):
        kept = tuple(omission for omission in page.omissions if omission != lost)
        with pytest.raises(LostRow, match=r"mixed\.md:\d+: a row was neither read nor listed"):
            settle(document(MIXED), dataclasses.replace(page, omissions=kept))


def test_a_table_listed_with_too_few_rows_is_found():
    page = read_page(MIXED)
    short = tuple(dataclasses.replace(o, rows=min(o.rows, 1)) for o in page.omissions)
    with pytest.raises(LostRow, match=r"mixed\.md:5: no table of 1 rows, as listed"):
        settle(document(MIXED), dataclasses.replace(page, omissions=short))


def test_a_row_out_of_nowhere_is_found():
    page = read_page(MIXED)
    moved = (dataclasses.replace(page.rows[0], line=1), *page.rows)
    with pytest.raises(LostRow, match=r"mixed\.md:1: a row was read where the page has none"):
        settle(document(MIXED), dataclasses.replace(page, rows=moved))


def test_a_reader_that_drops_a_row_cannot_finish(monkeypatch):
    whole = _Reading._rows
    monkeypatch.setattr(_Reading, "_rows", lambda *arguments: whole(*arguments)[1:])
    with pytest.raises(LostRow, match=r"mixed\.md:14: a row was neither read nor listed"):
        read_page(MIXED)
