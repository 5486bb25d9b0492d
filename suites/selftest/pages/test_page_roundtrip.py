"""Any table written from rows, in any dialect, reads back as these rows."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from markdown_it.rules_block.table import escapedSplit
from written_pages import Written, written_pages

from harness.errors import PageError
from harness.pages import figures, reading
from harness.pages.cells import split_line
from harness.pages.reading import read_page
from harness.records import Page

pytestmark = [pytest.mark.shows("a row vanishes from the page, or cannot be read")]

SETTINGS = settings(max_examples=150, derandomize=True, deadline=None, database=None)
PAGES = st.one_of(written_pages(), written_pages(), written_pages(html=True))


def read(folder: pytest.TempPathFactory, written: Written, *, lenient: bool = False) -> Page:
    path = folder.getbasetemp() / "roundtrip.md"
    path.write_bytes(written.data)
    return read_page(path, lenient=lenient)


def rows(page: Page) -> list[object]:
    return [
        (row.source, row.name, row.link, {c.metric: (c.figure.text, c.unit) for c in row.claims})
        for row in page.rows
    ]


def count(page: Page, what: str) -> int:
    return sum(omission.what == what for omission in page.omissions)


def reads_back(folder: pytest.TempPathFactory, written: Written) -> bool:
    page = read(folder, written)
    return rows(page) == written.rows and page == read(folder, written, lenient=True)


@given(written=PAGES)
@SETTINGS
def test_written_rows_are_read_back(tmp_path_factory, written):
    assert reads_back(tmp_path_factory, written)


@given(written=PAGES)
@SETTINGS
def test_what_is_not_a_figure_is_listed(tmp_path_factory, written):
    page = read(tmp_path_factory, written)
    assert sum(omission.rows for omission in page.omissions) == written.unread
    assert count(page, "missing figure") == written.missing
    assert count(page, "footnote mark") == written.marks


@pytest.mark.parametrize(
    ("module", "name", "wrong"),
    [
        (reading, "is_missing", lambda text: text == "-"),
        (reading, "without_marks", lambda cell: (cell.text, ())),
        (figures, "_TIMES", figures.re.compile("x")),
    ],
)
def test_a_reader_that_misses_a_dialect_is_noticed(
    tmp_path_factory, monkeypatch, module, name, wrong
):
    @given(written=PAGES)
    @settings(SETTINGS, phases=[Phase.generate], report_multiple_bugs=False)
    def read_back(written):
        assert reads_back(tmp_path_factory, written)

    monkeypatch.setattr(module, name, wrong)
    with pytest.raises((AssertionError, PageError)):
        read_back()


PIECES = [
    *("|", "|", "|", "\n", "\n", "\n|---|---|---|\n", "| model | source | top1 |\n", "    ", "> "),
    *("<table>", "</table>", "<tr>", "<td>", "<th rowspan=3>", "<td colspan=2>", "<sup>", "</a>"),
    *(
        "timm",
        "net",
        "70.1",
        "-",
        "1",
        "*",
        "`",
        "[a](b)",
        "[^1]",
        "\n[^1]: x\n",
        "```\n",
        "<!--",
        "-->",
    ),
    *(
        "&amp;",
        "&#x",
        "\\",
        "｜",
        "²",
        "模型",
        "源码",
        "flops(G)",
        "Note: `x` fails onnx",
        "\r",
        "\0",
    ),
]


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=40))
@settings(SETTINGS, max_examples=300)
def test_any_text_is_read_or_refused(tmp_path_factory, pieces):
    written = Written("".join(pieces).encode(), [], 0, 0, 0)
    for lenient in (False, True):
        with suppress(PageError):
            read(tmp_path_factory, written, lenient=lenient)


@given(line=st.text(alphabet="ab|\\ `", min_size=1).map(str.strip).filter(bool))
@settings(max_examples=200, derandomize=True, deadline=None, database=None)
def test_lines_are_split_as_the_parser_splits_them(line):
    cells = escapedSplit(line)
    cells = cells[1:] if cells[0] == "" else cells
    cells = cells[:-1] if cells and cells[-1] == "" else cells
    own = split_line(line)
    assert [text.replace("\\|", "|") for _, text in own] == [cell.strip() for cell in cells]
    assert all(line[column - 1 :].startswith(text) for column, text in own)
