"""reStructuredText: the same table in each of its kinds says the same, with lines and columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import MalformedTable, NoModelTable, PageError
from harness.pages.reading import read_page
from harness.records import Metric, Page

LIST = """
Classification
==============

|

.. list-table:: Nets
   :header-rows: 1

   * - Network Name
     - Source
     - float Accuracy (top1)
     - Hardware Accuracy (top1)
     - FPS (Batch Size=1)
     - Input Resolution (HxWxC)
     - Params (M)
     - OPS (G)

   * - net_a |star|
     - `torchvision <https://example.org/a>`_
     - 58.178
     - 57.9
     - 130
     - 224x224x3
     - 1.235
     - 0.698
   * - **net_b**
     - `timm <https://example.org/b>`_
     - 58.092
     - 57.8
     - 120
     - 224x224x3
     - 1.248
     - 1.638

.. |star| image:: star.png
   :alt: *
"""
HEAD = "Network Name", "Source", "float Accuracy (top1)", "Input Resolution (HxWxC)", "Params (M)"
BODY = (
    ("net_a", "torchvision", "58.178", "224x224x3", "1.235"),
    ("net_b", "timm", "58.092", "224x224x3", "1.248"),
)


def grid(rows: tuple[tuple[str, ...], ...], mark: str = "=") -> str:
    """A grid table of cells that are 26 characters wide."""
    rule = "+" + f"{'-' * 28}+" * len(rows[0])
    lines = [rule]
    for at, row in enumerate(rows):
        lines.append("|" + "".join(f" {cell:26} |" for cell in row))
        lines.append(rule.replace("-", mark) if at == 0 else rule)
    return "\n".join(lines) + "\n"


def simple(rows: tuple[tuple[str, ...], ...]) -> str:
    rule = "  ".join(["=" * 26] * len(rows[0]))
    lines = ["  ".join(f"{cell:26}" for cell in row).rstrip() for row in rows]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule]) + "\n"


def of_commas(rows: tuple[tuple[str, ...], ...]) -> str:
    told = [", ".join(f'"{cell}"' for cell in row) for row in rows]
    return "\n   ".join([".. csv-table::", ":header-rows: 1", "", *told]) + "\n"


def read(folder: Path, text: str, **options: bool) -> Page:
    (folder / "zoo.rst").write_text(text, encoding="utf-8")
    return read_page(folder / "zoo.rst", **options)


def test_a_list_table_has_rows_lines_and_links(tmp_path: Path) -> None:
    first, second = read(tmp_path, LIST).rows
    assert (first.id, first.link) == ("zoo/torchvision/net_a", "https://example.org/a")
    assert (second.id, second.name) == ("zoo/timm/net_b", "net_b")
    told = LIST.splitlines()
    for row in (first, second):
        assert row.name in told[row.line - 1]
        for claim in row.claims:
            if claim.metric is not Metric.INPUT_SIZE:
                assert told[claim.line - 1][claim.column - 1 :] == claim.figure.text
    claims = {str(claim.metric): claim.figure.text for claim in first.claims}
    counts = {"input_size": "224", "params": "1.235", "flops": "0.698"}
    assert claims == {"top1": "58.178", "int8_top1": "57.9"} | counts


def test_what_is_no_claim_is_listed(tmp_path: Path) -> None:
    listed = [one.reason for one in read(tmp_path, LIST).omissions]
    assert any("FPS" in one and "speed" in one for one in listed)
    assert any("'*' after the name" in one for one in listed)


@pytest.mark.parametrize("write", [grid, simple, of_commas], ids=["grid", "simple", "csv"])
def test_other_kinds_of_tables_say_the_same(tmp_path: Path, write) -> None:
    text = f"Title\n=====\n\nnet_a and net_b in words.\n\n{write((HEAD, *BODY))}"
    page = read(tmp_path, text)
    assert [row.id for row in page.rows] == ["zoo/torchvision/net_a", "zoo/timm/net_b"]
    for row, cells in zip(page.rows, BODY, strict=True):
        line = text.splitlines()[row.line - 1]
        assert cells[0] in line
        assert cells[2] in line
        assert [claim.figure.text for claim in row.claims] == [cells[2], "224", cells[4]]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("58.092", "5.8.092", r"zoo\.rst:29: float Accuracy \(top1\): '5\.8\.092' is not a plain"),
        ("     - 1.248\n", "", r"zoo\.rst:9: .*two-level bullet list|uniform"),
        ("Params (M)", "Params (furlongs)", r"zoo\.rst:10: unknown unit 'furlongs' of params"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(PageError, match=told):
        read(tmp_path, LIST.replace(old, new))


@pytest.mark.shows(
    "a table that the parser of reStructuredText gives up takes its rows with it",
    by="what it says of tables is an error of the page",
)
def test_a_table_that_is_lost_is_an_error(tmp_path: Path) -> None:
    text = grid((HEAD, *BODY))
    broken = f"{LIST}\n{text[: text.rindex('+-')]}\n"
    with pytest.raises(MalformedTable, match=r"zoo\.rst:\d+: .*able"):
        read(tmp_path, broken)


def test_a_table_in_a_directive_that_nobody_knows_is_an_error(tmp_path: Path) -> None:
    table = "".join(f"   {line}\n" if line else "\n" for line in LIST.splitlines()[6:30])
    with pytest.raises(MalformedTable, match='Unknown directive type "only"'):
        read(tmp_path, f"{LIST}\n.. only:: html\n\n{table}\n")
    assert len(read(tmp_path, f"{LIST}\n.. only:: html\n\n   some words\n").rows) == 2


def test_a_lost_table_of_something_else_is_none_of_models(tmp_path: Path) -> None:
    lost = "+---+\n| bad\n"
    assert len(read(tmp_path, f"{LIST}\n{lost}").rows) == 2


def test_cells_that_span_are_refused(tmp_path: Path) -> None:
    rows = grid((HEAD, *BODY)).splitlines()
    spanning = rows[3].replace(" | torchvision", "   torchvision")
    text = "\n".join([*rows[:3], spanning, *rows[4:]]) + "\n"
    with pytest.raises(PageError, match=r"span|Malformed"):
        read(tmp_path, text)


def test_nothing_is_included_and_nothing_raw_is_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("net_x")
    extra = ".. include:: secret\n\n.. raw:: html\n\n   <b>net_y</b>\n\n"
    extra += ".. csv-table::\n   :file: secret\n"
    page = read(tmp_path, f"{LIST}\n{extra}")
    assert [row.name for row in page.rows] == ["net_a", "net_b"]


@pytest.mark.parametrize("text", ["", "words", "Title\n=====\n\n* a list\n", "|\n|\n", ".. x::\n"])
def test_other_documents_are_no_pages_of_models(tmp_path: Path, text: str) -> None:
    with pytest.raises(NoModelTable):
        read(tmp_path, text)


def test_deep_nesting_is_an_error_and_no_crash(tmp_path: Path) -> None:
    nested = "".join(f"{' ' * (2 * depth)}* a\n\n" for depth in range(3000))
    with pytest.raises(PageError):
        read(tmp_path, nested)
