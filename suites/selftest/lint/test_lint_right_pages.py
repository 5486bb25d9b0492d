"""What is right, or may be, is left alone: beside each rule, the page that looks wrong to it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from lint_writing import MMCLS, TIMM, TORCHVISION, build_config, line, run_time, table

from harness.lint.known import Amount, Knowledge, Known

PPCLS = "[ppcls](https://github.com/PaddlePaddle/PaddleClas/blob/v2.4.0/{})"

RIGHT = {
    "other tables and missing figures": table(line("net_a", figures="70 | - | 4.1 | 25 | 224"))
    + "\n| label | class |\n|-|-|\n| 0 | tench |\n",
    "top-1 that is top-5": table(line("net_a", figures="90 | 90 | 4.1 | 25 | 224")),
    "the same name in two libraries": table(line("net_a"), line("net_a", "ppcls")),
    "names that differ between digits": table(
        line("net_x1_5"), line("net_x15", figures="71 | 90 | 9 | 50 | 224")
    ),
    "other rounding": table(line("net_a"), line("net_a", "ppcls", "70 | 90 | 4.09 | 25.03 | 224")),
    "another counter": table(line("net_a"), line("net_a", "mmcls", "70 | 90 | 4.4 | 25 | 224")),
    "another input size": table(
        line("net_a"), line("net_a", "ppcls", figures="72 | 91 | 8.2 | 25 | 320")
    ),
    "FLOPs that are twice the MACs": table(line("net_a"))
    + table(line("net_a", "ppcls", "70 | 90 | 8.0 | 25 | 224")).replace("MACs", "FLOPs"),
    "AlexNet": table(line("alexnet", figures="56 | 79 | 0.714 | 61.1 | 224")),
    "few operations, other unit": table(
        line("net_a", figures="70 | 90 | 327.6 | 3.5 | 224")
    ).replace("MACs(G)", "MACs(M)"),
    "files that have several families": table(
        line("resnext50_32x4d", TORCHVISION.format("resnet")),
        line("mobilenetv2_100", TIMM.format("efficientnet")),
        line("efficientnetv2_s", TIMM.format("efficientnet"), "80 | 95 | 2.9 | 24 | 224"),
        line("ResNeXt101", PPCLS.format("docs/SEResNext_and_Res2Net.md")),
    ),
    "files named after the row": table(
        line("mobilenet_v3_large", TORCHVISION.format("mobilenetv3")),
        line("densenet121", TIMM.format("densenet")),
        line("RepVGG_A0", TIMM.format("repvgg"), "72 | 90 | 1.5 | 9 | 224"),
    ),
    "configs of models that have names of their own": table(
        line("vgg11", MMCLS.format("vgg11")),
        line("vgg11_bn", MMCLS.format("vgg11bn"), "71 | 90 | 4.1 | 25 | 224"),
        line("resnet50", MMCLS.format("resnetv1c50"), "72 | 90 | 4.1 | 25 | 224"),
    ),
    "the library's other address, and other hosts": table(
        line("net_a", TIMM.format("resnet").replace("rwightman", "huggingface")),
        line("net_b", "[timm](https://timm.fast.ai/)"),
        line("net_c", "[a paper](https://github.com/someone/net)"),
    ),
    "a commit beside versions": table(
        *(line(f"net_{n}", TIMM.format("resnet")) for n in "abc"),
        line("net_d", TIMM.format("resnet").replace("v0.6.5", "3599c7e6a4b781cb")),
    ),
    "two versions, each for many": table(
        *(line(f"net_{n}", TIMM.format("resnet")) for n in "ab"),
        *(line(f"new_{n}", TIMM.format("resnet").replace("0.6.5", "1.0.1")) for n in "ab"),
    ),
    "other weights of one network": table(line("net_a"), line("gluon_net_a"), line("tv_net_a")),
}


@pytest.mark.parametrize("page", RIGHT.values(), ids=RIGHT)
def test_a_right_page_is_left_alone(linting, page):
    assert linting(page).findings == ()


def test_files_that_fit_their_page_are_left_alone(linting):
    page = table(line("net_a"), line("net_b", figures="70 | 90 | 9 | 50 | 224")) + (
        "\n1. timm\n   ```bash\n   export --model_library timm --model_name net_a\n   ```\n"
        "2. [config](./code/build/timm_net.yaml) and [none](https://example.org/x.yaml)\n"
    )
    files = {
        "zoo/build/timm_net.yaml": build_config(checkpoint="/path/to/net_a_224.onnx"),
        "zoo/build/timm_other.yaml": build_config(checkpoint="/path/to/model.onnx"),
        "zoo/vdsp_params/timm-net_b-vdsp_params.json": run_time(),
        "zoo/other/README.md": table(line("net_z")),
        "zoo/other/vdsp_params/timm-net_z-vdsp_params.json": run_time(),
    }
    assert linting(page, files).findings == ()


def test_a_folder_beside_another_page_is_not_this_ones(linting):
    files = {"zoo/build/keras_net.yaml": build_config("keras_net", "/path/x.onnx")}
    assert linting({"zoo/net.md": table(line("net_a"))}, files).findings == ()


def test_the_folder_named_after_a_page_is_its_own(linting):
    files = {"zoo/net/build/keras_net.yaml": build_config("keras_net", "/path/x.onnx")}
    assert linting({"zoo/net.md": table(line("net_a"))}, files).rules == {"orphan-file"}


def test_a_page_and_its_translation_may_share_rows(linting):
    pages = {"zoo/README.md": table(line("net_a")), "zoo/README_en.md": table(line("net_a"))}
    assert linting(pages).findings == ()


def test_the_same_row_on_another_page_or_in_another_spelling_is_told(linting):
    pages = {"a.md": table(line("net_a"), line("Net-A")), "b.md": table(line("net_a"))}
    found = linting(pages)
    assert found.told("duplicate-row") == [
        ("a.md:6:3", "keep one of the two, or give them names that tell them apart"),
        ("b.md:5:3", "keep one of the two, or give them names that tell them apart"),
    ]


def test_a_column_in_the_wrong_unit_is_found_once(linting):
    lines = [line(f"net_{n}", figures=f"70 | 90 | {n}000 | {n}5 | 224") for n in range(1, 6)]
    found = linting(table(*lines))
    assert found.told("unit-off-by-thousand") == [("zoo/README.md:5:28", "M as its unit")]
    assert "5 of 5 figures" in found.findings[0].fault.message


def test_ten_ninths_are_found_however_near_counters_may_be(linting):
    page = table(line("net_a"), line("net_a", "ppcls", "70 | 90 | 4.556 | 25 | 224"))
    (finding,) = linting(page).findings
    assert "10/9" in finding.fault.message
    assert "net_a: 4.1 G MACs" in finding.fault.evidence[0].text
    assert finding.fault.suggestion.startswith("the figure there, with its digits")


def test_of_one_source_in_one_table_one_counter_is_expected(linting):
    page = table(line("net_a"), line("gluon_net_a", figures="70 | 90 | 4.3 | 25 | 224"))
    assert linting(page).rules == {"same-network-other-figure"}


def test_a_row_without_counts_of_its_own_is_held_against_its_network(linting):
    known = Knowledge({"zoo/timm/net_a": Known(params=Amount.exactly(25_028_904, "counted"))})
    page = table(
        line("net_a", figures="70 | 90 | 4 | 25.029 | 224"),
        line("net_a", "ppcls", "70 | 90 | 4 | 25.000 | 224"),
    )
    (finding,) = linting(page, knowledge=known).findings
    assert finding.rule.id == "same-network-other-figure"
    assert finding.fault.evidence[0].text == "counted"
    assert finding.fault.evidence[-1].text.startswith("25.0 would be right: rounded there")


def test_a_count_that_is_only_known_between_bounds_is_enough_within_them(linting):
    amount = Amount(Fraction(23_834_568), Fraction(27_161_264), "with or without the second head")
    known = Knowledge({"zoo/timm/net_a": Known(params=amount)})
    for params, rules in (("23.83", set()), ("27.16", set()), ("27.5", {"params-off-upstream"})):
        page = table(line("net_a", figures=f"70 | 90 | 4 | {params} | 224"))
        assert linting(page, knowledge=known).rules == rules
