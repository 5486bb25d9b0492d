"""Comma- and tab-separated values: rows are rows, wherever quotes and line ends stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import DuplicateRow, MalformedTable, NoModelTable, PageError, UnknownColumn
from harness.pages.folders import pages_below
from harness.pages.reading import read_page
from harness.records import Metric, Page

SHARED = Path(__file__).parents[3] / "../shared/data/published/timm-results-imagenet.csv"
TEXT = """model,source,Top-1,Top-5,MACs (G),Params (M),Input size
net_a,torchvision,58.178,80.624,0.349,1.235,224
net_b,timm,58.092,80.420,0.819,1.248,224
"""


def read(folder: Path, text: str, name: str = "zoo.csv", **options: bool) -> Page:
    path = folder / name
    path.write_bytes(text.encode())
    return read_page(path, **options)


def figures(page: Page) -> list[list[str]]:
    return [[claim.figure.text for claim in row.claims] for row in page.rows]


def test_rows_have_lines_columns_and_figures(tmp_path: Path) -> None:
    page = read(tmp_path, TEXT)
    first, second = page.rows
    assert (first.id, second.id) == ("zoo/torchvision/net_a", "zoo/timm/net_b")
    assert (first.line, second.line) == (2, 3)
    claim = second.claim(Metric.MACS)
    assert claim is not None
    assert (claim.figure.text, claim.unit, claim.line, claim.column) == ("0.819", "G", 3, 26)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("zoo.tsv", ",", "\t"),
        ("zoo.csv", ",", ";"),
        ("zoo.CSV", "\n", "\r\n"),
        ("zoo.csv", "model", "\ufeffmodel"),
        ("zoo.csv", "net_a", '"net_a"'),
        ("zoo.csv", "net_a,", '"net_a" ,'.replace('" ', '"')),
        ("zoo.csv", "\nnet_b", "\n\n,,,,,,\nnet_b"),
    ],
)
def test_the_same_table_otherwise_written_says_the_same(
    tmp_path: Path, name: str, old: str, new: str
) -> None:
    page = read(tmp_path, TEXT.replace(old, new), name)
    assert figures(page) == figures(read(tmp_path, TEXT))
    assert [row.id for row in page.rows] == ["zoo/torchvision/net_a", "zoo/timm/net_b"]


def test_markup_is_text(tmp_path: Path) -> None:
    page = read(tmp_path, TEXT.replace("net_a", "[net](a)_1"))
    assert page.rows[0].name == "[net](a)_1"
    assert page.rows[0].link == ""


def test_a_value_over_two_lines_moves_the_rows_below(tmp_path: Path) -> None:
    page = read(tmp_path, TEXT.replace("net_a", '"net\na"'))
    assert [(row.name, row.line) for row in page.rows] == [("net a", 2), ("net_b", 4)]


@pytest.mark.parametrize(
    ("old", "new", "error", "told"),
    [
        ("58.178", "5.8.178", MalformedTable, r"zoo\.csv:2: Top-1: '5\.8\.178' is not a plain"),
        (",224\nnet_b", "\nnet_b", MalformedTable, r"zoo\.csv:2: 6 cells, the header has 7"),
        ("net_a,", "net_a,,", MalformedTable, r"zoo\.csv:2: 8 cells, the header has 7"),
        ("net_a", '"net_a"x', MalformedTable, r"zoo\.csv:2: .*expected after"),
        ("net_a", '"net_a', MalformedTable, r"zoo\.csv:2: unexpected end of data"),
        ("Top-1", "Topp-1", UnknownColumn, r"zoo\.csv:1: unknown column 'Topp-1'"),
        ("net_b,timm", "net_a,torchvision", DuplicateRow, "zoo/torchvision/net_a"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, error: type[PageError], told: str
) -> None:
    with pytest.raises(error, match=told):
        read(tmp_path, TEXT.replace(old, new, 1))


@pytest.mark.parametrize(
    "text", ["", "\n\n", "image,label\na.jpg,3\n", "a", '"', "x\0y", "file,label\n" * 30_000]
)
def test_other_data_is_no_page_of_models(tmp_path: Path, text: str) -> None:
    with pytest.raises((NoModelTable, PageError)) as caught:
        read(tmp_path, text)
    assert type(caught.value) is NoModelTable or "\0" in text


def test_data_larger_than_any_page_is_none_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"file,label\n" * 200_000)
    (tmp_path / "zoo.csv").write_text(TEXT)
    assert [path.name for path in pages_below(tmp_path)] == ["zoo.csv"]


@pytest.mark.skipif(not SHARED.is_file(), reason="timm's table of results is not here")
def test_timms_own_table_of_results_is_read() -> None:
    page = read_page(SHARED, name="results")
    rows = sum(1 for line in SHARED.read_text().splitlines() if line) - 1
    assert len(page.rows) == rows > 1000
    first = page.rows[0]
    assert {str(claim.metric) for claim in first.claims} == {"top1", "top5", "params", "input_size"}
    params = first.claim(Metric.PARAMS)
    assert params is not None
    assert params.value > 10**8


@given(st.text(alphabet=st.sampled_from(list('a1.,;\t"\n\r ')), max_size=200))
def test_any_text_is_a_page_or_an_error_with_its_place(text: str) -> None:
    from harness.pages import delimited

    try:
        document = delimited.parse(f"model,source,top1,top5\n{text}", file="x.csv")
    except PageError as error:
        assert str(error).startswith("x.csv:")  # noqa: PT017 - both are right
        return
    (table,) = document.tables
    assert all(1 < row.line <= len(document.lines) for row in table.rows)
    assert all(len(row.cells) == 4 for row in table.rows)
