"""The zoo's own pages read completely, and the committed expectation is what they say."""

from __future__ import annotations

from pathlib import Path

from harness.expected.pages import read_expected, render
from harness.pages.differences import compare
from harness.pages.reading import read_page
from harness.records import Metric

EXPECTED = Path(__file__).resolve().parents[3] / "expected/pages/resnext.toml"


def figures(page):
    """How many rows, claims and failures a page has."""
    return len(page.rows), sum(len(row.claims) for row in page.rows), len(page.failures)


def test_the_committed_expectation_is_complete():
    page = read_expected(EXPECTED)
    assert figures(page) == (29, 145, 2)
    assert {row.source for row in page.rows} == {"torchvision", "timm", "mmcls", "ppcls"}


def test_the_resnext_page_is_read_completely(real_page):
    page = read_page(real_page("resnext.md"))
    assert figures(page) == (29, 145, 2)
    assert [row.table for row in page.rows] == [1] * 14 + [2] * 15
    assert {row.operations.metric for row in page.rows[:14]} == {Metric.MACS}
    assert {row.operations.metric for row in page.rows[14:]} == {Metric.FLOPS}
    assert [failure.id for failure in page.failures] == [
        "resnext/ppcls/fix_resnext101_32x48d_wsl",
        "resnext/ppcls/resnext101_32x48d_wsl",
    ]


def test_extracting_the_resnext_page_again_gives_the_committed_bytes(real_page):
    assert render(read_page(real_page("resnext.md"))) == EXPECTED.read_bytes()


def test_one_changed_digit_of_the_resnext_page_is_reported(real_page, tmp_path):
    text = real_page("resnext.md").read_text(encoding="utf-8")
    assert text.count("79.364") == 1
    path = tmp_path / "resnext.md"
    path.write_text(text.replace("79.364", "79.634"), encoding="utf-8")
    (difference,) = compare(read_page(path), read_expected(EXPECTED))
    assert difference.describe(page="resnext.md", expected="resnext.toml") == (
        "resnext.md:54: resnext/timm/gluon_resnext50_32x4d top1 = 79.634, resnext.toml says 79.364"
    )


def test_the_mobilenet_page_is_read_completely(real_page):
    page = read_page(real_page("mobilenet_v2.md"))
    assert figures(page) == (9, 45, 0)
    assert [row.name for row in page.rows[:2]] == ["mobilenetv2", "mobilenetv2"]
    flops = page.rows[0].claim(Metric.FLOPS)
    assert (flops.figure.text, flops.unit) == ("327.650", "M")
