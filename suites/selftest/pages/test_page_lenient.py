"""Leniency lists what it leaves out: rows in are rows out and rows listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import MalformedTable
from harness.expected.pages import read_expected, write_expected
from harness.pages.reading import read_page
from harness.records import Metric

FAULTY = Path(__file__).resolve().parents[3] / "fixtures/pages/faulty.md"
ROW_LINES = {5, 6, 7, 8, 9, 11}


def test_every_row_is_read_or_listed():
    page = read_page(FAULTY, lenient=True)
    read = {row.line for row in page.rows}
    listed = {omission.line for omission in page.omissions if omission.what == "row"}
    assert (read, listed) == ({5, 8, 9}, {6, 7, 11})
    assert read | listed == ROW_LINES


def test_an_unknown_column_is_listed_and_the_others_are_read():
    page = read_page(FAULTY, lenient=True)
    (column,) = (omission for omission in page.omissions if omission.what == "column")
    assert (column.line, column.reason) == (3, "unknown column 'gizmo'")
    assert {claim.metric for claim in page.rows[0].claims} == {Metric.TOP1, Metric.PARAMS}


def test_a_figure_that_cannot_be_read_is_listed_and_its_row_kept():
    page = read_page(FAULTY, lenient=True)
    (figure,) = (omission for omission in page.omissions if omission.what == "figure")
    assert (figure.line, figure.reason) == (8, "top1: 'nan' is not a plain decimal number")
    (row,) = (row for row in page.rows if row.line == 8)
    assert {claim.metric for claim in row.claims} == {Metric.PARAMS}


def test_what_was_left_out_stays_on_record(tmp_path):
    page = read_page(FAULTY, lenient=True)
    write_expected(page, tmp_path / "faulty.toml")
    assert read_expected(tmp_path / "faulty.toml").omissions == page.omissions != ()


def test_a_good_page_is_read_the_same_leniently(zoo):
    assert read_page(zoo, lenient=True) == read_page(zoo)


def test_a_page_without_a_model_table_is_refused_all_the_same(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# nothing\n")
    with pytest.raises(MalformedTable, match="no model table"):
        read_page(path, lenient=True)
