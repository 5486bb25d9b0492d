"""One change makes a good page malformed: the error names the line, and what is wrong there."""

from __future__ import annotations

import re

import pytest

from harness.errors import DuplicateRow, MalformedTable, PageError, UnknownColumn
from harness.pages.reading import read_page

TOP1 = "| 72.956 |"
DELIMITERS = "| :---: | :--: | :--: | :--: | :---: | :----: | :---: |\n"
WIDE = "| wide_net | [timm](https://example.org/timm/wide.py)"

CELLS = {
    "|  |": "top1: the cell is empty",
    "| - |": "'-' is not a plain decimal number",
    "| nan |": "'nan' is not a plain decimal number",
    "| inf |": "'inf' is not a plain decimal number",
    "| -72.9 |": "'-72.9' is not a plain decimal number",
    "| +72.9 |": "'+72.9' is not",
    "| 7e1 |": "'7e1' is not",
    "| 72,956 |": "'72,956' is not",
    "| 72_956 |": "'72_956' is not",
    "| 072.9 |": "'072.9' is not",
    "| 72. |": "'72.' is not",
    "| ~72.9 |": "'~72.9' is not",
    "| ٧٢ |": "'٧٢' is not",
    "| 72.9¹ |": "'72.9¹' is not",
    "| 72.9<sup>1</sup> |": "'72.9 1' is not",
    "| 172.956 |": "172.956 is more than 100 %",
    "| 0.72956 |": "0.72956 looks like a fraction",
    "| 72.9 M |": "unknown unit 'M' of top1; known: %",
}


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_that_is_no_figure_is_refused(edited, cell):
    with pytest.raises(MalformedTable, match=rf"zoo\.md:18: .*{re.escape(CELLS[cell])}"):
        read_page(edited(TOP1, cell))


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        pytest.param("| 3.50 |", "|", 18, "6 cells, the header has 7", id="a cell is missing"),
        pytest.param("| 3.50 |", "| 3 | 50 |", 18, "8 cells", id="a cell too many"),
        pytest.param("0.300 | 3.50", "0.300 \\| 3.50", 18, "6 cells", id="a pipe is escaped"),
        pytest.param(f"{WIDE} ", f"\n{WIDE} ", 20, "outside of its table", id="a blank line"),
        pytest.param(WIDE, f"    {WIDE}", 19, "outside of its table", id="an indented line"),
        pytest.param(WIDE, f"\nAlso:\n\n{WIDE}", 22, "outside of its table", id="prose between"),
        pytest.param(WIDE, f"<p>{WIDE}", 19, "outside of its table", id="a tag before a row"),
        pytest.param(WIDE, f"# {WIDE}", 19, "outside of its table", id="a row as a heading"),
        pytest.param(WIDE, f"```\n{WIDE}", 20, "outside of its table", id="a stray fence"),
        pytest.param(WIDE, f"<!-- {WIDE}", 19, "outside of its table", id="an unclosed comment"),
        pytest.param(DELIMITERS, "| --- |\n", 15, "delimiter line", id="short delimiter line"),
        pytest.param(DELIMITERS, "", 15, "delimiter line", id="no delimiter line"),
        pytest.param("| 3.5M |", "| 3.5 |", 23, "#params: no unit", id="no unit anywhere"),
        pytest.param("| 602.5 |", "| 602.5G |", 23, "cell says G, the header M", id="two units"),
        pytest.param("| 602.5 |", "| 0 |", 23, "0 is zero", id="zero operations"),
        pytest.param("224x224", "224x192", 23, "is not square", id="an oblong input"),
        pytest.param("224x224", "(224, 224", 23, "not an input size", id="an open bracket"),
        pytest.param("| top5 |", "| acc@1 |", 15, "a second time", id="one metric twice"),
        pytest.param("| ppcls |", "| |", 23, "'' makes no id", id="no source"),
        pytest.param("| wide_net |", "| 宽网络 |", 19, "'宽网络' makes no id", id="no ASCII name"),
        pytest.param(
            "| ppcls |", "| [a](b) [c](d) |", 23, "more than one link", id="two links in a source"
        ),
        pytest.param("`huge_net`", "`a b 网`", 25, "'a b 网' makes no id", id="a note without id"),
    ],
)
def test_a_malformed_line_is_refused(edited, old, new, line, words):
    with pytest.raises(MalformedTable, match=rf"zoo\.md:{line}: .*{re.escape(words)}"):
        read_page(edited(old, new))


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("| top5 |", "| Top 7 |", 15, "unknown column 'Top 7'; did you mean 'top"),
        ("MACs(G)", "MACs(furlongs)", 15, "unknown unit 'furlongs' of macs; known: K, M, G, B, T"),
        ("params(M)", "params(MB)", 15, "unknown unit 'MB' of params"),
        ("model | library |", "model | Libary |", 21, "column 'Libary'; did you mean 'library'?"),
        ("| model | library |", "| modle | library |", 21, "unknown column 'modle'"),
    ],
)
def test_an_unknown_column_or_unit_is_refused_with_its_header(edited, old, new, line, words):
    with pytest.raises(UnknownColumn, match=rf"zoo\.md:{line}: .*{re.escape(words)}"):
        read_page(edited(old, new))


def test_a_row_that_comes_twice_is_refused_with_both_lines(edited):
    with pytest.raises(DuplicateRow, match=r"zoo\.md:19: zoo/timm/small_net .* in line 18"):
        read_page(edited("| wide_net |", "| small_net |"))


def test_rows_that_would_share_a_test_id_are_refused(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("|model|source|top1|\n|-|-|-|\n|a-b|timm|70|\n|b|timm-a|70|\n")
    with pytest.raises(DuplicateRow, match="in line 3 as page/timm/a-b, with the same test id"):
        read_page(path)


def test_a_page_without_a_model_table_is_refused(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# Results\n\n| model | top1 |\n| --- | --- |\n| net | 70.0 |\n")
    with pytest.raises(MalformedTable, match=r"page\.md:1: no model table; a table with a name"):
        read_page(path)


def test_a_model_table_without_rows_is_refused(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("| model | source | top1 |\n| --- | --- | --- |\n")
    with pytest.raises(MalformedTable, match=r"page\.md:1: a model table without rows"):
        read_page(path)


def test_a_model_table_in_html_is_refused(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("<table><tr><th>Model</th><th>Source</th><th>Top-1 (%)</th></tr></table>\n")
    with pytest.raises(MalformedTable, match=r"page\.md:1: a model table in HTML"):
        read_page(path)


def test_a_note_below_two_sources_is_refused(edited):
    with pytest.raises(
        MalformedTable, match=r"zoo\.md:26: .* needs one source .* there: ppcls, timm"
    ):
        read_page(edited("| ImageNet |", "| ImageNet |\n| net | timm | 70 | 1 | 1M | 224 | x |"))


def test_a_page_whose_name_makes_no_id_is_refused(tmp_path):
    path = tmp_path / "页面.md"
    path.write_text("")
    with pytest.raises(PageError, match="page name '页面' makes no id"):
        read_page(path)
