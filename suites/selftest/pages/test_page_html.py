"""Tables in HTML are read like the others, or refused where some of it could be lost."""

from __future__ import annotations

import pytest

from harness.errors import MalformedTable
from harness.pages.reading import read_page
from harness.records import Metric

HEAD = "<tr><th>Model</th><th>Source</th><th>top1</th></tr>"
ROW = '<tr><td>net</td><td><a href="https://a.b">timm</a></td><td>70.10</td></tr>'


def rows(path):
    """Name, source and top-1 of every row."""
    return [
        (row.name, row.source, claim and claim.figure.text)
        for row in read_page(path).rows
        for claim in [row.claim(Metric.TOP1)]
    ]


def test_a_table_in_html_is_read_with_lines_and_columns(page_of):
    path = page_of(f"# Page\n\n<table>\n{HEAD}\n{ROW}\n</table>\n")
    (row,) = read_page(path).rows
    assert (row.id, row.link, row.line) == ("page/timm/net", "https://a.b", 5)
    claim = row.claim(Metric.TOP1)
    assert (claim.line, ROW[claim.column - 1 :][:5]) == (5, "70.10")


@pytest.mark.parametrize(
    "text",
    [
        f"<table>{HEAD}{ROW}</table>",
        f"<div align=center>\n<TABLE border=1>\n\n{HEAD}\n\n    {ROW}\n\n</TABLE></div>",
        f"<table><thead>{HEAD}</thead><tbody>{ROW}</tbody></table>",
        "<table><tr><td>Model<td>Source<td>top1<tr><td>net<td>timm<td>70.10</table>",
        "<table><tr><th rowspan=2>Model<th rowspan=2>Source<th colspan=1>Accuracy"
        "<tr><th>top1<tr><td>net<td>timm<td><b>70</b>.10</table>",
        f"<table><caption>Models</caption>{HEAD}<tr>\n<td>\nnet\n</td>\n<td>timm<td>70.10</table>",
    ],
)
def test_html_is_read_however_it_is_written(page_of, text):
    assert rows(page_of(f"{text}\n")) == [("net", "timm", "70.10")]


def test_a_cell_over_several_rows_counts_for_each(page_of):
    text = (
        f"<table>{HEAD}<tr><td>a</td><td rowspan=2>timm</td><td>70</td></tr>"
        "<tr><td>b</td><td>71</td></tr><tr><td>c</td><td>mmcls</td><td>-</td></tr></table>\n"
    )
    assert rows(page_of(text)) == [("a", "timm", "70"), ("b", "timm", "71"), ("c", "mmcls", None)]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (f"<table>\n{HEAD}\n{ROW}\n", 1, "never ends"),
        (f"<table>{HEAD}{ROW}<tr><td><table></table></td></tr></table>", 1, "another table in it"),
        (f"<tabel>\n{HEAD}\n{ROW}\n</tabel>", 2, "are in no table"),
        (f"<table><tr><td><table>{HEAD}{ROW}</table></td></tr></table>", 1, "another table in it"),
        (f"See <table>{HEAD}{ROW}</table>", 1, "within a paragraph"),
        (f"<table>\n{HEAD}\n<tr><td>net</td><td>timm</td></tr></table>", 3, "2 cells, the header"),
        (f"<table>{HEAD}<tr><td>a<td>timm<td>7O</table>", 1, "unknown unit 'O' of top1"),
    ],
)
def test_html_that_may_lose_something_is_refused(page_of, text, line, problem):
    with pytest.raises(MalformedTable, match=rf"page\.md:{line}: .*{problem}"):
        read_page(page_of(f"{text}\n\n| model | source | top1 |\n|-|-|-|\n|x|timm|1.5|\n"))


@pytest.mark.parametrize(
    "text",
    [
        f"<!-- <table>{HEAD}{ROW}</table> -->",
        f"```html\n<table>{HEAD}{ROW}</table>\n```",
        f"`<table>{HEAD}{ROW}</table>`",
    ],
)
def test_html_that_is_meant_to_be_out_is_out(page_of, text):
    page = page_of(f"| model | source | top1 |\n|-|-|-|\n| x | timm | 71 |\n\n{text}\n")
    assert rows(page) == [("x", "timm", "71")]
    assert read_page(page).omissions == ()


def test_a_table_for_the_layout_is_listed(page_of):
    layout = (
        '<table><tr><td><img alt="a"></td><td><table><tr><td>b</td></tr></table></td></tr></table>'
    )
    page = read_page(page_of(f"<table>{HEAD}{ROW}</table>\n\n{layout}\n"))
    (listed,) = page.omissions
    assert (listed.what, listed.line) == ("other table", 3)
