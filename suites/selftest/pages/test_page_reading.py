"""A page is read row by row, whatever words its headers use."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import PageError
from harness.pages.reading import read_page, recorded_path
from harness.records import Metric

DIALECTS = Path(__file__).resolve().parents[3] / "fixtures/pages/dialects.md"


def test_rows_and_failures_of_a_page_are_found(zoo):
    page = read_page(zoo)
    assert [row.id for row in page.rows] == [
        "zoo/torchvision/small_net",
        "zoo/timm/small_net",
        "zoo/timm/wide_net",
        "zoo/ppcls/small_net",
    ]
    assert [failure.id for failure in page.failures] == [
        "zoo/ppcls/huge_net",
        "zoo/ppcls/fix_huge_net",
    ]
    assert {failure.format for failure in page.failures} == {"onnx"}


def test_a_claim_keeps_its_printed_form_and_place(zoo):
    row = read_page(zoo).rows[1]
    claim = row.claim(Metric.PARAMS)
    assert (claim.figure.text, claim.unit, claim.header) == ("3.50", "M", "params(M)")
    line = zoo.read_text(encoding="utf-8").split("\n")[claim.line - 1]
    assert line[claim.column - 1 :].startswith("3.50 |")


def test_every_claim_stands_where_it_says():
    lines = DIALECTS.read_text(encoding="utf-8").split("\n")
    for row in read_page(DIALECTS).rows:
        for claim in row.claims:
            rest = lines[claim.line - 1][claim.column - 1 :]
            assert rest.startswith((claim.figure.text, "(224", "**７７")), row.id


def test_source_and_link_come_from_the_source_cell(zoo):
    page = read_page(zoo)
    assert (page.rows[0].source, page.rows[0].link) == (
        "torchvision",
        "https://example.org/tv/small.py",
    )
    assert (page.rows[3].source, page.rows[3].link) == ("ppcls", "")


@pytest.mark.parametrize(
    ("name", "operations", "unit"),
    [
        ("plain", Metric.FLOPS, "B"),
        ("code", Metric.FLOPS, "M"),
        ("linked", Metric.MACS, "G"),
        ("quoted_net", Metric.FLOPS, "G"),
        ("bare", Metric.MACS, "M"),
    ],
)
def test_every_dialect_says_the_same(name, operations, unit):
    (row,) = (row for row in read_page(DIALECTS).rows if row.name == name)
    claims = {c.metric: (c.figure.text, c.unit) for c in row.claims}
    assert row.operations.metric is operations
    assert claims.pop(operations)[1] == unit
    assert claims == {
        Metric.TOP1: ("77.6", "%"),
        Metric.TOP5: ("93.7", "%"),
        Metric.PARAMS: ("25.0", "M"),
        Metric.INPUT_SIZE: ("224", "px"),
    }


def test_ids_do_not_change_when_rows_and_tables_move(zoo, edited):
    first = "| small_net | [torchvision](https://example.org/tv/small.py)"
    moved = read_page(edited(first, f"| new_net | timm | 70 | 90 | 1.0 | 2.0 | 224 |\n{first}"))
    before = {row.id for row in read_page(zoo).rows}
    assert {row.id for row in moved.rows} - before == {"zoo/timm/new_net"}
    assert before <= {row.id for row in moved.rows}


def test_names_are_transliterated_in_ids_and_kept_in_rows(edited):
    page = read_page(edited("wide_net |", "Wíde/Net@２２４ |"))
    assert page.rows[2].id == "zoo/timm/Wide-Net-224"
    assert page.rows[2].name == "Wíde/Net@224"


def test_a_cell_that_names_two_sources_makes_a_row_of_each(edited):
    link = "[timm](https://example.org/timm/small.py)"
    page = read_page(edited(link, "[official](https://a.b) <br>[mmcls](https://c.d)</br>"))
    both = [row for row in page.rows if row.line == 18]
    assert [(row.source, row.link) for row in both] == [
        ("official", "https://a.b"),
        ("mmcls", "https://c.d"),
    ]
    assert both[0].claims == both[1].claims


@pytest.mark.parametrize("cell", ["", "-", "/", "\\", "N/A", "—", "－", "无"])
def test_a_missing_figure_is_listed_and_the_others_are_read(edited, cell):
    page = read_page(edited("| 72.956 |", f"| {cell} |"))
    assert page.rows[1].claim(Metric.TOP1) is None
    assert len(page.rows[1].claims) == 4
    assert [(o.line, o.reason) for o in page.omissions if o.what == "missing figure"] == [
        (18, "top1 of small_net")
    ]


@pytest.mark.parametrize("mark", ["*", "†", "¹", "<sup>1</sup>", "<sup>1,2</sup>", "[^a]"])
def test_a_footnote_mark_is_listed_and_no_part_of_figure_or_name(edited, mark):
    path = edited("| wide_net |", f"| wide_net{mark} |")
    text = path.read_text(encoding="utf-8").replace("76.13", f"76.13{mark}")
    path.write_text(f"{text}\n[^a]: Averaged.\n", encoding="utf-8")
    page = read_page(path)
    assert page.rows[2].name == "wide_net"
    assert page.rows[2].claim(Metric.TOP1).figure.text == "76.13"
    assert sum(omission.what == "footnote mark" for omission in page.omissions) == 2


def test_an_empty_row_is_listed(edited):
    page = read_page(edited("| wide_net |", "| | | | | | - | |\n| wide_net |"))
    (empty,) = (omission for omission in page.omissions if omission.what == "empty row")
    assert (empty.line, empty.rows, len(page.rows)) == (19, 1, 4)


def test_a_readme_is_named_after_its_folder(tmp_path, zoo):
    folder = tmp_path / "resnet"
    folder.mkdir()
    (folder / "README.md").write_bytes(zoo.read_bytes())
    assert read_page(folder / "README.md").name == "resnet"


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_line_ends_change_nothing(tmp_path, zoo, ends):
    path = tmp_path / "zoo.md"
    path.write_bytes(zoo.read_bytes().replace(b"\n", ends.encode()))
    assert read_page(path).rows == read_page(zoo).rows


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path):
    path = tmp_path / "page.md"
    table = "name | source | top1\n--- | --- | ---\nnet | timm | 70\n"
    path.write_text(f"```\n{table}```\n\n{table}", encoding="utf-8-sig")
    assert [row.line for row in read_page(path).rows] == [9]


def test_a_note_that_says_nothing_fails_is_no_failure(edited):
    page = read_page(edited("格式时失败", "格式时不会失败"))
    assert page.failures == ()


def test_a_note_without_a_label_counts_below_a_model_table(edited):
    assert len(read_page(edited("**Note:** ", "")).failures) == 2


@pytest.mark.parametrize(("label", "count"), [("Note: ", 2), ("注意：", 2), ("", 0)])
def test_a_note_in_another_section_needs_a_label(edited, label, count):
    assert len(read_page(edited("**Note:** ", f"## Steps\n\n{label}")).failures) == count


def test_a_row_in_a_closed_comment_is_meant_to_be_out(edited):
    row = "| wide_net | [timm](https://example.org/timm/wide.py) | 76.13 | 92.9 | 4.288"
    page = read_page(edited(f"{row} | 25.029 | 256 |", f"<!-- {row} | 25.029 | 256 | -->"))
    assert [row.name for row in page.rows] == ["small_net"] * 3


def test_the_recorded_path_names_no_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert recorded_path(tmp_path / "docs/page.md") == "docs/page.md"
    assert recorded_path(Path("docs/page.md")) == "docs/page.md"
    assert recorded_path(tmp_path.parent / "elsewhere/page.md") == "page.md"


def test_a_page_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(PageError, match=r"missing\.md: cannot be read: No such file"):
        read_page(tmp_path / "missing.md")


def test_a_page_that_is_not_utf8_is_refused_with_its_line(tmp_path):
    path = tmp_path / "page.md"
    path.write_bytes(b"# fine\n\xff\n")
    with pytest.raises(PageError, match=r"page\.md:2: not UTF-8 \(byte 0xff\)"):
        read_page(path)
