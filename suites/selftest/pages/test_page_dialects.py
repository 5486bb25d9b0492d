"""Headers and cells mean what they say, in whatever words; what they leave open is no guess."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from harness.errors import PageError
from harness.pages.cells import fold
from harness.pages.columns import ColumnRole, read_header
from harness.pages.dialects import EXTRAS, METRICS, NAMES, SOURCES, UNITS, Extra
from harness.pages.figures import read_figure
from harness.pages.reading import read_page
from harness.records import Claim, Figure, Metric

MIXED = Path(__file__).resolve().parents[3] / "fixtures/pages/mixed.md"

CLAIMS = {
    "top1": (Metric.TOP1, "%"),
    "acc@1": (Metric.TOP1, "%"),
    "Top-1 Acc. (%)": (Metric.TOP1, "%"),
    "acc top1": (Metric.TOP1, "%"),
    "准确率(top1)": (Metric.TOP1, "%"),
    "ImageNet-1K top-5": (Metric.TOP5, "%"),
    "MACs(G)": (Metric.MACS, "G"),
    "GMACs": (Metric.MACS, "G"),
    "M MAdds": (Metric.MACS, "M"),
    "计算量(GMACs)": (Metric.MACS, "G"),
    "flops(G)": (Metric.FLOPS, "G"),
    "FLOPs (B)": (Metric.FLOPS, "B"),
    "flops(M)": (Metric.FLOPS, "M"),
    "FLOPS(G)": (Metric.FLOPS, "G"),
    "FLOPs (10⁹)": (Metric.FLOPS, "G"),
    "GFLOPs (GFLOPs)": (Metric.FLOPS, "G"),
    "FLOPs, M": (Metric.FLOPS, "M"),
    "计算量(GFLOPs)": (Metric.FLOPS, "G"),
    "params(M)": (Metric.PARAMS, "M"),
    "Params / M": (Metric.PARAMS, "M"),
    "#params": (Metric.PARAMS, ""),
    "# of params (million)": (Metric.PARAMS, "M"),
    "参数量(百万)": (Metric.PARAMS, "M"),
    "input size": (Metric.INPUT_SIZE, "px"),
    "resolution": (Metric.INPUT_SIZE, "px"),
    "size (pixels)": (Metric.INPUT_SIZE, "px"),
    "尺寸(像素)": (Metric.INPUT_SIZE, "px"),
    "Shapes": (Metric.INPUT_SIZE, "px"),
}


@pytest.mark.parametrize("header", CLAIMS)
def test_a_header_claims_what_it_says_in_its_unit(header):
    column = read_header(header)
    assert (column.role, column.metric, column.unit) == (ColumnRole.CLAIM, *CLAIMS[header])


def test_every_word_for_a_metric_goes_with_every_unit_of_it():
    for word, metric in METRICS.items():
        for printed, unit in UNITS[metric].items():
            for header in (f"{word}({printed})", f"{word.upper()} [{printed}]"):
                column = read_header(header)
                assert (column.metric, column.unit) == (metric, unit), header


def test_no_word_has_two_meanings():
    words = [*METRICS, *NAMES, *SOURCES, *EXTRAS]
    assert sorted(words) == sorted(set(words))
    roles = {**dict.fromkeys(NAMES, ColumnRole.NAME), **dict.fromkeys(SOURCES, ColumnRole.SOURCE)}
    for word, role in (roles | dict.fromkeys(EXTRAS, ColumnRole.EXTRA)).items():
        assert read_header(word).role is role, word


@pytest.mark.parametrize(
    "header",
    [
        *("Speed CPU ONNX (ms)", "FPS", "throughput (imgs/s)", "time(ms) bs=1", "延迟/吞吐量"),
        *("帧率", "dataset", "数据集", "Pretrain", "Config", "下载地址", "model size (MB)"),
        *("top-1 err", "#", "top1 (fp16)", "INT8 latency", "int8 mAP", "vacc fp16 top1", "device"),
        *("batch size", "论文"),
    ],
)
def test_a_column_of_something_else_is_known_as_an_extra_one(header):
    assert read_header(header).role is ColumnRole.EXTRA


@pytest.mark.parametrize(
    ("header", "extra"),
    [
        ("Hardware", Extra.RUN),
        ("Device", Extra.RUN),
        ("Hardware Accuracy", Extra.MEASURED),
        ("Hardware Degradation", Extra.MEASURED),
        ("Quantized", Extra.MEASURED),
    ],
)
def test_what_a_model_ran_on_is_no_accuracy_on_it(header: str, extra: Extra) -> None:
    assert read_header(header).extra is extra


@pytest.mark.parametrize(
    ("header", "metric"),
    [
        ("top1 (int8)", Metric.INT8_TOP1),
        ("INT8 top1", Metric.INT8_TOP1),
        ("top1 (vacc int8)", Metric.INT8_TOP1),
        ("量化Top-1", Metric.INT8_TOP1),
        ("Quantized Accuracy (top1)", Metric.INT8_TOP1),
        ("Top-5 acc, INT8 (%)", Metric.INT8_TOP5),
        ("quantised top-5", Metric.INT8_TOP5),
        ("Hardware Accuracy (top1)", Metric.INT8_TOP1),
    ],
)
def test_an_accuracy_in_int8_is_a_claim_of_its_own(header: str, metric: Metric) -> None:
    column = read_header(header)
    assert (column.role, column.metric, column.unit) == (ColumnRole.CLAIM, metric, "%")
    assert column.header == header


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("accuracy", "column 'accuracy' says neither top-1 nor top-5"),
        ("计算量(G)", "column '计算量(G)' says neither MACs nor FLOPs"),
        (
            "模型大小(M)",
            "column '模型大小(M)' says neither pixels of the input nor bytes of a file",
        ),
        ("size", "column 'size' says neither pixels of the input nor bytes of a file"),
        ("params(MB)", "unknown unit 'MB' of params; known: K, M, G, B, T"),
        ("top1 (px)", "unknown unit 'px' of top1; known: %"),
        ("FLOPs (GMACs)", "unknown unit 'GMACs' of flops; known: K, M, G, B, T"),
        ("GFLOPs (M)", "unit 'M' does not go with 'GFLOPs'"),
        ("FLOPs (B) at 640", "unknown column 'FLOPs (B) at 640'"),
        ("top1/top5", "unknown column 'top1/top5'; did you mean 'top5'?"),
        ("gizmo", "unknown column 'gizmo'"),
        ("FLOPs @224 (furlongs)", "unknown unit 'furlongs' of flops; known: K, M, G, B, T"),
        ("prec@10", "unknown column 'prec@10'; did you mean 'prec@1'?"),
        ("mAP@.5", "column 'mAP@.5' is about object detection, and not about classification"),
        ("F1", "column 'F1' is about language, and not about classification"),
        ("", "unknown column ''"),
    ],
)
def test_a_header_that_leaves_something_open_is_unknown(header, problem):
    column = read_header(header)
    assert (column.role, column.problem) == (ColumnRole.UNKNOWN, problem)


@pytest.mark.parametrize(
    ("header", "metric", "unit", "at"),
    [
        ("FLOPs @224 (B)", Metric.FLOPS, "B", 224),
        ("FLOPs (十亿) @ 224", Metric.FLOPS, "B", 224),
        ("FLOPs（十亿）＠224", Metric.FLOPS, "B", 224),
        ("GFLOPs@224x224", Metric.FLOPS, "G", 224),
        ("MACs(G)@299px", Metric.MACS, "G", 299),
        ("MACs (@ 299) [M]", Metric.MACS, "M", 299),
        ("Params @ 224 (M)", Metric.PARAMS, "M", 224),
        ("Top-1 @ 224", Metric.TOP1, "%", 224),
        ("top@5", Metric.TOP5, "%", 0),
        ("acc@1", Metric.TOP1, "%", 0),
    ],
)
def test_a_header_may_say_the_input_size_of_its_figures(header, metric, unit, at):
    column = read_header(fold(header))
    assert (column.role, column.metric, column.unit) == (ColumnRole.CLAIM, metric, unit)
    assert (column.at, column.header) == (at, fold(header))


def test_a_figure_of_another_input_size_than_the_rows_is_listed_and_no_claim(page_of):
    page = read_page(
        page_of(
            "| model | source | FLOPs @224 (B) | top1 | input |\n|-|-|-|-|-|\n"
            "| a | timm | 4.1 | 70 | 224 |\n| b | timm | 4.1 | 70 | 288 |\n"
        )
    )
    a, b = page.rows
    assert (a.claim(Metric.FLOPS) is None, b.claim(Metric.FLOPS)) == (False, None)
    (listed,) = page.omissions
    assert (listed.line, listed.on_request) == (4, False)
    assert listed.reason == "FLOPs @224 (B) of b, whose own input has 288 px"


@pytest.mark.parametrize(
    ("text", "task"),
    [
        (
            "| model | source | mAP@.5 | params(M) |\n|-|-|-|-|\n| y | u | 56.8 | 7.2 |\n",
            "detection",
        ),
        ("| model | params(M) | AP50 |\n|-|-|-|\n| y | 7.2 | 56.8 |\n", "detection"),
        ("| model | source | F1 | input |\n|-|-|-|-|\n| bert | hf | 88.5 | 384 |\n", "language"),
        ("| model | source | mIoU |\n|-|-|-|\n| fcn | mm | 71 |\n", "segmentation"),
        ("| name | BLEU |\n|-|-|\n| t5 | 27 |\n", "language"),
    ],
)
def test_a_page_about_another_task_is_told_that_it_is(page_of, text, task):
    with pytest.raises(PageError) as told:
        read_page(page_of(text))
    assert "no page of classification models: " in str(told.value)
    assert f"is a figure of {'object ' * (task == 'detection')}{task}" in str(told.value)
    assert "did you mean" not in str(told.value)


def test_a_page_with_accuracies_is_about_classification_whatever_else_it_has(page_of):
    text = "| model | source | top1 | mAP |\n|-|-|-|-|\n| y | timm | 56.8 | 7.2 |\n"
    with pytest.raises(PageError, match=r"^\S+:1: column 'mAP' is about .*; --lenient lists "):
        read_page(page_of(text))
    assert len(read_page(page_of(text), lenient=True).rows) == 1


@pytest.mark.parametrize(
    ("text", "metric", "unit", "read"),
    [
        ("25M", Metric.PARAMS, "", ("25", "M")),
        ("25.50 m", Metric.PARAMS, "", ("25.50", "M")),
        ("4.5GFLOPs", Metric.FLOPS, "", ("4.5", "G")),
        ("15.1G", Metric.FLOPS, "B", ("15.1", "G")),
        ("600 million", Metric.FLOPS, "", ("600", "M")),
        ("1,217.250", Metric.FLOPS, "M", ("1217.250", "M")),
        ("25,028,904", Metric.PARAMS, "K", ("25028904", "K")),
        ("76.13 %", Metric.TOP1, "%", ("76.13", "%")),
        *(
            (size, Metric.INPUT_SIZE, "px", ("224", "px"))
            for size in ("224", "224x224", "(224, 224)", "224×224", "3x224x224", "224*224 px")
        ),
        *(
            (size, Metric.INPUT_SIZE, "px", ("224", "px"))
            for size in ("[3, 224, 224]", "1x3x224x224", "(224,224,3)", "8x224x224x3", "1X224X224")
        ),
    ],
)
def test_a_cell_is_the_figure_that_it_prints(text, metric, unit, read):
    figure, printed = read_figure(text, metric=metric, unit=unit)
    assert (figure.text, printed) == read


@pytest.mark.parametrize(
    ("figure", "unit", "value"),
    [
        *(("300", "M", "0.3e9"), ("0.3", "G", "300e6"), ("4.288", "B", "4288000000")),
        *(("25.029", "M", "25029000"), ("0.1", "T", "1e11"), ("7", "K", "7e3")),
        *(("76.1", "%", "76.1"), ("224", "px", "224")),
    ],
)
def test_a_claim_knows_its_value_exactly(figure, unit, value):
    claim = Claim(Metric.FLOPS, Figure(figure), unit, "", 1, 1)
    assert claim.value == Decimal(value)


def test_a_page_of_many_hands_is_read_completely():
    page = read_page(MIXED)
    assert [row.id.removeprefix("mixed/") for row in page.rows] == [
        *("official/net_s0", "official/net_s1", "mmcls/net_s1", "lab/Net-0.5x-group-3"),
        *("keras/net_s2", "unsourced/Tiny-T", "unsourced/Tiny-B", "timm/web_net", "timm/web_net_2"),
    ]
    assert [len(row.claims) for row in page.rows] == [4, 4, 4, 5, 4, 6, 4, 3, 2]
    assert read_page(MIXED, lenient=True) == page


def test_every_figure_of_it_stands_where_it_says():
    lines = MIXED.read_text(encoding="utf-8").split("\n")
    for row in read_page(MIXED).rows:
        for claim in row.claims:
            rest = lines[claim.line - 1][claim.column - 1 :]
            figure = re.sub(r"^(<b>)?(\(?3(x|, ))?(?=\d{2})", "", rest).replace(",", "")
            assert figure.startswith(claim.figure.text), claim
