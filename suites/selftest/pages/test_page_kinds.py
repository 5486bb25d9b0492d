"""A model table is one by what it has; every other table is listed, with the reason."""

from __future__ import annotations

import pytest

from harness.errors import MalformedTable, UnknownColumn
from harness.pages.reading import read_page
from harness.records import Metric

MODELS = "| model | source | top1 |\n|-|-|-|\n| net | timm | 70.0 |\n"


def table(*lines: str) -> str:
    header, *body = (f"| {line} |" for line in lines)
    return "\n".join((header, "|---" * lines[0].count("|") + "|---|", *body, ""))


OTHER = {
    "labels": (table("class | label", "0 | tench", "1 | goldfish"), "no column names models"),
    "operators": (table("Operator | Params", "Conv2d | (3, 96)"), "no column names models"),
    "options": (
        table("name | parameters", "resize | a size"),
        "no figure in the columns parameters",
    ),
    "ablation": (table("optimizer | top1 | top5", "sgd | 70 | 90"), "no column names models"),
    "no claims": (table("model | config", "net | a.py"), "no column of accuracy, counts or input"),
    "detection": (
        table("model | source | mAP", "net | mmdet | 37.4"),
        "no column of accuracy, counts",
    ),
    "nothing known": (table("model | top1", "net | -"), "no figure in the columns top1"),
    "no rows": (table("model | top1"), "no rows"),
    "device": (table("model | device | top1", "net | c0 | 70"), "hardware, by the column 'device'"),
    "precision": (table("模型 | 精度 | top1", "net | int8 | 70"), "hardware, by the column '精度'"),
    "speed": (table("model | top1 | FPS", "net | 70 | 9"), "hardware, by the column 'FPS'"),
    "on a chip": (
        table("model | source | top1 | batch", "net | timm | 70 | 8"),
        "results on hardware, by the column 'batch'",
    ),
}


@pytest.mark.parametrize("what", OTHER)
def test_a_table_of_something_else_is_listed_with_its_rows(page_of, what):
    other, reason = OTHER[what]
    page = read_page(page_of(f"{MODELS}\n{other}"))
    (listed,) = page.omissions
    assert (listed.what, listed.line) == ("other table", 5)
    assert listed.rows == other.count("\n") - 2
    assert listed.reason.startswith("not a model table: ")
    assert reason in listed.reason
    assert len(page.rows) == 1


@pytest.mark.parametrize(
    "text",
    [
        table("Model | Acc@1 | Speed (ms) | Params (M)", "net | 70.0 | 9 | 3.5"),
        table("name | pretrain | resolution | acc@1", "net | IN-1K | 224 | 70.0"),
        table("网络 | #params | 帧率", "net | 3.5M | 99"),
        table("模型 | 源码 | top1 | FPS", "net | timm | 70.0 | 99"),
        table("模型 | 源码 | 精度 | top1 | flops(G)", "net | timm | fp32 | 70.0 | 4"),
    ],
)
def test_a_table_with_names_and_figures_is_one_of_models(page_of, text):
    page = read_page(page_of(text))
    assert [row.name for row in page.rows] == ["net"]
    assert {omission.what for omission in page.omissions} == {"extra column"}


def test_rows_without_a_source_stay_visible(page_of):
    page = read_page(page_of(table("model | top1", "[net](https://a.b/net.py) | 70.0")))
    (row,) = page.rows
    assert (row.id, row.source) == ("page/unsourced/net", "")
    assert row.link == "https://a.b/net.py"


def test_a_source_without_an_adapter_stays_as_documented(page_of):
    page = read_page(page_of(table("model | source | top1", "net | Keras 2.3 | 70.0")))
    assert page.rows[0].source == "Keras 2.3"
    assert page.rows[0].claim(Metric.TOP1) is not None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (table("modle | top1", "net | 70"), "may be a model table: unknown column 'modle'"),
        (table("who | source | top1", "net | timm | 70"), "no column is known to name models"),
        (table("model | top1 | gizmo", "net | 70 | 1"), "unknown column 'gizmo'"),
    ],
)
def test_a_table_that_may_be_of_models_is_refused_or_listed(page_of, text, problem):
    path = page_of(f"{MODELS}\n{text}")
    with pytest.raises(UnknownColumn, match=rf"page\.md:5: .*{problem}"):
        read_page(path)
    (listed,) = read_page(path, lenient=True).omissions
    assert listed.on_request
    assert listed.line == 5
    assert problem in listed.reason


def test_prose_with_pipes_is_no_lost_row(page_of):
    path = page_of(table("model | top1", "net | 70") + "\nEither a | or b.\n")
    assert len(read_page(path).rows) == 1


def test_a_row_below_a_narrow_table_is_not_lost(page_of):
    path = page_of(table("model | top1", "net | 70") + "\n| lost | 71 |\n")
    with pytest.raises(MalformedTable, match=r"page\.md:5: a row outside of its table"):
        read_page(path)
