"""A page that has changed since it was extracted is told apart, with line and both values."""

from __future__ import annotations

import dataclasses

import pytest

from harness.expected.pages import render
from harness.pages.differences import compare
from harness.pages.reading import read_page

ROW = "zoo/timm/wide_net"
WIDE = "| wide_net | [timm](https://example.org/timm/wide.py) | "
FIGURES = "76.13 | 92.9 | 4.288 | 25.029 | 256 |\n"


def differences(path, zoo):
    """The printed differences of an edited page, the path of which is not one of them."""
    page, expected = read_page(path), read_page(zoo)
    found = compare(dataclasses.replace(page, path=expected.path), expected)
    return [d.describe(page="zoo.md", expected="zoo.toml") for d in found]


def test_a_page_does_not_differ_from_itself(zoo):
    assert compare(read_page(zoo), read_page(zoo)) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("76.13", "74.31", [f"zoo.md:19: {ROW} top1 = 74.31, zoo.toml says 76.13"]),
        ("92.9 ", "9.29 ", [f"zoo.md:19: {ROW} top5 = 9.29, zoo.toml says 92.9"]),
        (
            "timm/wide.py",
            "timm/wine.py",
            [
                f"zoo.md:19: {ROW} link = https://example.org/timm/wine.py, "
                "zoo.toml says https://example.org/timm/wide.py"
            ],
        ),
        (
            "FLOPs (M)",
            "FLOPs (G)",
            [
                "zoo.md:23: zoo/ppcls/small_net flops unit = G, zoo.toml says M",
                "zoo.md:23: zoo/ppcls/small_net flops header = FLOPs (G), zoo.toml says FLOPs (M)",
            ],
        ),
        (
            "| Acc@1 (%) |",
            "| speed |",
            [
                "zoo.md:21: zoo extra column = 'speed': speed, zoo.toml says nothing",
                "zoo.md:23: zoo/ppcls/small_net has no top1, zoo.toml says 71.0",
            ],
        ),
        (
            "small_net | ppcls",
            "tiny_net | ppcls",
            [
                "zoo.md:23: zoo/ppcls/small_net has no row, zoo.toml says 'small_net' in line 23",
                "zoo.md:23: zoo/ppcls/tiny_net row = 'tiny_net', zoo.toml says nothing",
            ],
        ),
        (
            "在转换onnx格式时失败",
            "在转换torchscript格式时失败",
            [
                "zoo.md:25: zoo/ppcls/huge_net documented torchscript failure = ",
                "zoo.md:25: zoo/ppcls/fix_huge_net documented torchscript failure = ",
                "zoo.md:25: zoo/ppcls/huge_net has no documented onnx failure, zoo.toml says ",
                "zoo.md:25: zoo/ppcls/fix_huge_net has no documented onnx failure, zoo.toml says ",
            ],
        ),
    ],
)
def test_a_change_is_reported_where_it_is_and_nowhere_else(edited, zoo, old, new, said):
    lines = differences(edited(old, new), zoo)
    assert len(lines) == len(said)
    assert all(line.startswith(start) for line, start in zip(lines, said, strict=True))


def test_a_removed_row_is_reported_where_it_stood(edited, zoo):
    lines = differences(edited(WIDE + FIGURES, ""), zoo)
    assert f"zoo.md:19: {ROW} has no row, zoo.toml says 'wide_net' in line 19" in lines
    assert "zoo.md:22: zoo/ppcls/small_net line = 22, zoo.toml says 23" in lines


def test_a_moved_figure_is_reported_by_its_column(edited, zoo):
    (line,) = differences(edited("25.029 | 256", "25.029 |  256"), zoo)
    assert line == (
        f"zoo.md:19: {ROW} place = input_size in column 90, zoo.toml says input_size in column 89"
    )


def test_changed_prose_is_reported_as_a_checksum_alone(edited, zoo):
    (line,) = differences(edited("of its own making", "of our own making"), zoo)
    assert line.startswith("zoo.md:1: zoo sha256 = ")


@pytest.mark.parametrize(
    ("field", "what"),
    [
        ("name", "page"),
        ("path", "path"),
        ("sha256", "sha256"),
        ("rows", "order"),
        ("failures", "documented onnx failure"),
        ("omissions", "figure left out"),
    ],
)
def test_whatever_renders_otherwise_is_a_difference(zoo, edited, field, what):
    page = read_page(zoo)
    changed = {
        "rows": page.rows[::-1],
        "failures": page.failures[:1],
        "omissions": read_page(edited("92.9 ", "nan "), lenient=True).omissions,
    }.get(field, "other")
    other = dataclasses.replace(page, **{field: changed})
    assert render(other) != render(page)
    assert [difference.what for difference in compare(other, page)] == [what]
    assert [difference.what for difference in compare(page, other)] == [what]
