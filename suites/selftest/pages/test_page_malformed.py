"""One change makes a good page malformed: the error names the line, and what is wrong there."""

from __future__ import annotations

import pickle
import re
from contextlib import suppress

import pytest

from harness.errors import DuplicateRow, MalformedTable, PageError, UnknownColumn
from harness.expected.pages import read_expected, write_expected
from harness.pages import reading
from harness.pages.reading import read_page

pytestmark = [
    pytest.mark.shows(
        "a row vanishes from the page, or cannot be read", by="refusal with line; `extract --check`"
    )
]

TOP1 = "| 72.956 |"
DELIMITERS = "| :---: | :--: | :--: | :--: | :---: | :----: | :---: |\n"
SMALL_AGAIN = "| small_net | timm | 76.13 | 92.9 | 4.288 | 25.029 | 224 |"
WIDE = "| wide_net | [timm](https://example.org/timm/wide.py)"

CELLS = {
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
    "| 72½ |": "'72½' is not",
    "| 72.9<sup>+0.3</sup> |": "'72.9 +0.3' ends in a superscript that is no footnote mark",
    "| 72<sub>9</sub> |": "'72 9' is not",
    "| 72.9<del>71.3</del> |": "'72.9 71.3' is not",
    "| 72.9 / 71.3 |": "'72.9 / 71.3' is not",
    "| 10<sup>6</sup> |": "'10 6' may be a power of ten or a figure with a footnote",
    "| 1,217 |": "'1,217' is not",
    "| 72.9[^none] |": "'72.9[^none]' is not",
    "| 7*2*.9 |": "'7 2 .9' is not",
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
            "| ppcls |",
            "| [a](b), see [c](d) |",
            23,
            "more than one link",
            id="two links and words",
        ),
        pytest.param(
            "| ppcls |", "| [a](b) [a](d) |", 23, "more than one link", id="one name twice"
        ),
        pytest.param(
            "| ppcls |", "| [a](b <br>[c](d) |", 23, "an unfinished link", id="half a link"
        ),
        pytest.param(
            "模型 | 源码 | top1 | top5",
            "模型 \\| 源码 | top1 | top5",
            16,
            "7 cells below 6 cells",
            id="no cell",
        ),
        pytest.param(
            "模型 | 源码 | top1 | top5",
            "模型\n| 源码 | top1 | top5",
            17,
            "7 cells below 6 cells",
            id="a broken header",
        ),
        pytest.param("small_net | ppcls", "- | ppcls", 23, "the name cell is empty", id="no name"),
        pytest.param(
            "| ppcls |", "| - |", 23, "the source cell is empty", id="a dash for a source"
        ),
        pytest.param(
            "small_net | ppcls", "net<sup>d</sup> | ppcls", 23, "no footnote mark", id="sup"
        ),
        pytest.param("224x224", "3x224", 23, "is not square", id="channels and a side"),
        pytest.param("224x224", "4x224x224", 23, "1 or 3 channels", id="four channels"),
        pytest.param("224x224", "3*224*224", 23, "not an input size", id="times as emphasis"),
        pytest.param("224x224", "900000", 23, "more than 100000 pixels", id="too large"),
        pytest.param(WIDE, f"\n{WIDE.replace('|', '｜')} ", 20, "outside of its", id="wide pipes"),
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
        ("MACs(G)", "GMACs (M)", 15, "unit 'M' does not go with 'GMACs'"),
        ("MACs(G)", "计算量(G)", 15, "column '计算量(G)' says neither MACs nor FLOPs"),
        ("input size", "size", 15, "column 'size' says neither pixels of the input nor bytes"),
        ("| top5 |", "| accuracy |", 15, "column 'accuracy' says neither top-1 nor top-5"),
        ("| top5 |", "| top1/top5 |", 15, "unknown column 'top1/top5'"),
        ("| top5 |", "| |", 15, "unknown column ''"),
        ("model | library |", "model | Libary |", 21, "column 'Libary'; did you mean 'library'?"),
        ("| model | library |", "| modle | library |", 21, "unknown column 'modle'"),
        ("| model | library |", "| who | library |", 21, "no column is known to name models"),
    ],
)
def test_an_unknown_column_or_unit_is_refused_with_its_header(edited, old, new, line, words):
    with pytest.raises(UnknownColumn, match=rf"zoo\.md:{line}: .*{re.escape(words)}"):
        read_page(edited(old, new))


def test_no_character_can_go_missing_and_take_a_row_along(zoo, tmp_path):
    text, rows = zoo.read_text(encoding="utf-8"), len(read_page(zoo).rows)
    path = tmp_path / "zoo.md"
    for at in range(len(text)):
        path.write_text(text[:at] + text[at + 1 :], encoding="utf-8")
        with suppress(MalformedTable, UnknownColumn, DuplicateRow):
            assert len(read_page(path).rows) >= rows, text[at - 20 : at + 20]


def test_a_row_that_comes_twice_is_refused_with_both_lines(edited):
    with pytest.raises(DuplicateRow, match=r"zoo\.md:19: zoo/timm/small_net .* in line 18"):
        read_page(edited(f"{WIDE} | 76.13 | 92.9 | 4.288 | 25.029 | 256 |", SMALL_AGAIN))


def test_a_name_at_another_input_size_is_another_model(tmp_path):
    path = tmp_path / "page.md"
    table = "|model|source|top1|resolution|\n|-|-|-|-|\n|b|timm|{}|224|\n|b|timm|{}|{}|\n"
    path.write_text(table.format(83, 84, 384))
    page = read_page(path)
    assert [row.id for row in page.rows] == ["page/timm/b", "page/timm/b-384"]
    write_expected(page, tmp_path / "page.toml")
    assert read_expected(tmp_path / "page.toml").rows == page.rows
    path.write_text(table.format(83, 84, 224))
    with pytest.raises(DuplicateRow, match="page/timm/b already stands in line 3"):
        read_page(path)


def test_rows_that_would_share_a_test_id_are_refused(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("|model|source|top1|\n|-|-|-|\n|a-b|timm|70|\n|b|timm-a|70|\n")
    with pytest.raises(DuplicateRow, match="in line 3 as page/timm/a-b, with the same test id"):
        read_page(path)


def test_a_page_without_a_model_table_is_refused_with_what_it_has(page_of):
    path = page_of("# Results\n\n| step | top1 |\n| --- | --- |\n| last | 70.0 |\n")
    with pytest.raises(MalformedTable, match=r"page\.md:1: no model table; .* line 3: not a model"):
        read_page(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("| model | source | top1 |\n| --- | --- | --- |\n", "a model table without rows"),
        ("| model | source | tpo1 |\n|-|-|-|\n| a | timm | 70 |\n", "did you mean 'top1'"),
        ("| model | source | acc |\n|-|-|-|\n| a | timm | 70 |\n", "neither top-1 nor top-5"),
    ],
)
def test_a_table_that_may_be_of_models_is_refused(page_of, text, words):
    with pytest.raises(PageError, match=rf"page\.md:1: .*{words}"):
        read_page(page_of(text))


def test_a_page_too_large_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_BYTES", 10)
    path = tmp_path / "page.md"
    path.write_text("0123456789\n")
    with pytest.raises(PageError, match=r"page\.md: .*larger than 10 bytes"):
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


def test_all_that_is_wrong_is_told_at_once(page_of):
    path = page_of(
        "| model | source | top1 | FLOPs (Q) | params(M) | wibble |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| a | timm | 70.1 | 1.0 | 2..1 | - |\n"
        "| b | timm | 70.1 | 1.0 | 2.1 | - |\n"
        "| b | timm | 70.1 | 1.0 | 2.1 | - |\n"
    )
    with pytest.raises(UnknownColumn) as caught:
        read_page(path)
    told = str(caught.value).splitlines()
    assert [line.partition(f"{path.as_posix()}:")[2].partition(":")[0] for line in told] == [
        *("1", "1", "3", "5")
    ]
    assert "unknown unit 'Q'" in told[0]
    assert "unknown column 'wibble'" in told[1]
    assert "'2..1' is not" in told[2]
    assert "already stands in line 4" in told[3]
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (UnknownColumn, str(caught.value))
