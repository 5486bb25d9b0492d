"""Each rule finds the page that is wrong in its way, in the right place, with what is right."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from lint_writing import MMCLS, TIMM, TORCHVISION, build_config, line, run_time, table

from harness.judging.published import Preprocessing, Published
from harness.lint.known import Amount, Knowledge, Known
from harness.lint.rules import RULES

PAGE = "zoo/README.md"
ID = "zoo/timm/net_a"

WRONG = {
    "unreadable": (
        {PAGE: table(line("net_a"), line("net_b", figures="~70 | 90 | 4.1 | 25 | 224"))},
        [
            (
                f"{PAGE}:6:18",
                "write a plain number in the unit of its column, or - where there is none",
            )
        ],
    ),
    "lookalike": (
        {PAGE: table(line("net_ａ"))},
        [(f"{PAGE}:5:7", "the letters and digits of ASCII: net_a")],
    ),
    "duplicate-row": (
        {PAGE: table(line("net_a"), line("net_a", figures="71 | 90 | 4.1 | 25 | 224"))},
        [(f"{PAGE}:6:3", "take out this line or line 5, or give one of them another name")],
    ),
    "top-order": (
        {PAGE: table(line("net_a", figures="90.1 | 70.2 | 4.1 | 25 | 224"))},
        [(f"{PAGE}:5:18", "if the cells are swapped: top-1 70.2, top-5 90.1")],
    ),
    "int8-accuracy": (
        {
            PAGE: "| model | source | top1 | int8 top1 | params(M) | input size |\n"
            "| --- | --- | --- | --- | --- | --- |\n| net_a | timm | 70.1 | 90.2 | 25 | 224 |\n"
        },
        [(f"{PAGE}:3:25", "the accuracy of this model in int8")],
    ),
    "unit-off-by-thousand": (
        {PAGE: table(line("net_a", figures="70 | 90 | 4100 | 25 | 224"))},
        [(f"{PAGE}:5:28", "4100 in M")],
    ),
    "flops-for-macs": (
        {
            PAGE: table(line("net_a"), line("net_b", figures="70 | 90 | 7.8 | 40 | 224"))
            + table(
                line("net_a", "ppcls"), line("net_b", "ppcls", "70 | 90 | 15.6 | 40 | 224")
            ).replace("MACs", "FLOPs")
        },
        [(f"{PAGE}:11:29", "a header MACs(G), or 8.2 here")],
    ),
    "same-network-other-figure": (
        {PAGE: table(line("net_a"), line("Net-A", "ppcls", "70 | 90 | 4.3 | 25.6 | 224"))},
        [(f"{PAGE}:6:35", "the figure there, with its digits, unless that is the wrong one")],
    ),
    "link-library": (
        {PAGE: table(line("net_a", TORCHVISION.format("resnet").replace("torchvision]", "timm]")))},
        [
            (
                f"{PAGE}:5:18",
                "a file of huggingface/pytorch-image-models or rwightman/pytorch-image-models, "
                "or torchvision as the source",
            )
        ],
    ),
    "link-file": (
        {
            PAGE: table(
                line("mobilenet_v2_100", TIMM.format("mobilenet_v3")),
                line("resnet18", TORCHVISION.format("vgg")),
                line("vgg11", TORCHVISION.format("vgg")),
                line("vgg16", MMCLS.format("vgg16")),
                line("vgg16_bn", MMCLS.format("vgg16"), "71 | 90 | 4.1 | 25 | 224"),
            )
        },
        [
            (
                f"{PAGE}:5:29",
                "the file of rwightman/pytorch-image-models that has mobilenet_v2_100",
            ),
            (f"{PAGE}:6:28", "the file of pytorch/vision that has resnet18"),
            (f"{PAGE}:9:22", "the config of vgg16_bn"),
        ],
    ),
    "link-version": (
        {
            PAGE: table(
                *(line(f"net_{n}", TIMM.format("resnet")) for n in "abc"),
                line("net_d", TIMM.format("resnet").replace("0.6.5", "0.9.2")),
                line(
                    "net_e", TORCHVISION.format("resnet").replace("torchvision]", "vision 0.8.2]")
                ),
            )
        },
        [
            (f"{PAGE}:8:18", "a link to 0.6.5, if the figures are of that version"),
            (f"{PAGE}:9:26", "a link to 0.8.2, or 0.9.0 in the source"),
        ],
    ),
    "unreadable-file": (
        {
            PAGE: table(line("net_a")),
            "zoo/build/timm_net.yaml": build_config().replace("type: onnx", "type: onyx"),
        },
        [("zoo/build/timm_net.yaml:5:9", "what is expected, if that is what was meant")],
    ),
    "not-modelled": (
        {
            PAGE: table(line("net_a")),
            "zoo/vdsp_params/timm-net_a-vdsp_params.json": run_time().replace(
                "BILINEAR_CV", "BILINEAR_PILLOW"
            ),
        },
        [("zoo/vdsp_params/timm-net_a-vdsp_params.json:1:1", "nothing")],
    ),
    "orphan-file": (
        {
            PAGE: table(line("net_a")),
            "zoo/vdsp_params/timm-net_z-vdsp_params.json": run_time(),
            "zoo/build/keras_net.yaml": build_config("keras_net", "/path/other.onnx"),
        },
        [
            (
                "zoo/build/keras_net.yaml:1:7",
                "a name that begins with timm, or a link to it",
            ),
            (
                "zoo/vdsp_params/timm-net_z-vdsp_params.json:1:1",
                "the row that it is of, or its name as <source>-<model>-vdsp_params.json",
            ),
        ],
    ),
    "missing-file": (
        {
            PAGE: table(line("net_a"))
            + "\n[timm](./code/build/timm_nett.yaml)\n\n"
            + "```bash\nvamp -m x --vdsp_params p/timm-net_b-vdsp_params.json\n```\n",
            "zoo/build/timm_net.yaml": build_config(),
            "zoo/vdsp_params/timm-net_a-vdsp_params.json": run_time(),
        },
        [
            (f"{PAGE}:7:8", "timm_net.yaml"),
            (f"{PAGE}:10:27", "timm-net_a-vdsp_params.json"),
        ],
    ),
    "other-model-in-file": (
        {
            PAGE: table(line("net_a"), line("net_b", figures="70 | 90 | 9 | 50 | 224"))
            + "\n```bash\nexport --model_library timm \\\n    --model_name net_a\n```\n",
            "zoo/build/timm_net.yaml": build_config(checkpoint="/path/to/net_b_224.onnx"),
        },
        [("zoo/build/timm_net.yaml:7:15", "net_a here, or net_b in the command")],
    ),
    "other-size-in-file": (
        {
            PAGE: table(line("net_a")),
            "zoo/build/timm_net.yaml": build_config(size=256),
            "zoo/vdsp_params/timm-net_a-vdsp_params.json": run_time(288),
        },
        [
            ("zoo/build/timm_net.yaml:3:9", "224"),
            ("zoo/vdsp_params/timm-net_a-vdsp_params.json:6:18", "224"),
        ],
    ),
}


@pytest.mark.parametrize("rule", WRONG)
def test_a_wrong_page_is_found_where_it_is_wrong(linting, rule):
    texts, told = WRONG[rule]
    pages = {name: text for name, text in texts.items() if name.endswith(".md")}
    found = linting(pages, {name: text for name, text in texts.items() if name not in pages})
    assert found.told(rule) == told
    assert found.rules == {rule}, "nothing else is wrong with it"


def published(size: int, top1: str, top5: str) -> Published:
    how = Preprocessing(size, Fraction(7, 8), "bicubic")
    return Published("net_a.x", "a table", how, Decimal(top1), Decimal(top5))


KNOWN = Known(
    params=Amount.exactly(25_557_032, "counted"),
    macs=Amount.exactly(4_089_184_256, "counted"),
    size=224,
    results=(published(224, "79.1", "94.0"), published(288, "80.5", "95.1")),
)
KNOWN_WRONG = {
    "params-off-upstream": ("70 | 90 | 4.1 | 25.60 | 224", "5:34", "25.56"),
    "operations-off-upstream": ("70 | 90 | 5.1 | 25.6 | 224", "5:28", "4.1"),
    "size-of-accuracy": (
        "80.5 | 95.1 | 4.1 | 25.6 | 224",
        "5:18",
        "input size 288, or 79.1 / 94.0 at 224",
    ),
    "accuracy-mistyped": ("75.1 | 94.0 | 4.1 | 25.6 | 224", "5:18", "79.1"),
    "flops-for-macs": ("70 | 90 | 8.2 | 25.6 | 224", "5:28", "a header FLOPs(G), or 4.1 here"),
    "unit-off-by-thousand": ("70 | 90 | 4.1 | 25557 | 224", "5:34", "26, or 25557 in K"),
}


@pytest.mark.parametrize("rule", KNOWN_WRONG)
def test_a_row_that_is_off_from_what_is_known_is_found(linting, rule):
    figures, place, suggestion = KNOWN_WRONG[rule]
    found = linting(table(line("net_a", figures=figures)), knowledge=Knowledge({ID: KNOWN}))
    assert found.rules == {rule}
    ((at, told),) = found.told(rule)
    assert at == f"{PAGE}:{place}"
    assert told == suggestion


@pytest.mark.parametrize(
    ("figures", "right"),
    [("97.1 | 94.0", "79.1"), ("80.5 | 65.1", "95.1"), ("79.1 | 49.0", "94.0")],
)
def test_an_accuracy_with_a_slip_is_the_published_one_beside_it(linting, figures, right):
    page = table(line("net_a", figures=f"{figures} | 4.1 | 25.6 | 224"))
    told = linting(page, knowledge=Knowledge({ID: KNOWN})).told("accuracy-mistyped")
    assert [suggestion for _, suggestion in told] == [right]


@pytest.mark.parametrize(
    "figures", ["79.0 | 94.0", "79.1 | 94.1", "74.8 | 94.0", "75.1 | 93.1", "79.10 | 94.0"]
)
def test_another_measurement_is_no_slip(linting, figures):
    page = table(line("net_a", figures=f"{figures} | 4.1 | 25.6 | 224"))
    assert not linting(page, knowledge=Knowledge({ID: KNOWN})).of("accuracy-mistyped")


def test_every_rule_has_a_wrong_page_here():
    in_folders = {"broken-link", "class-name-twice"}  # test_lint_files
    assert {rule.id for rule in RULES} == WRONG.keys() | KNOWN_WRONG.keys() | in_folders


def test_rules_have_an_id_a_title_and_a_help_of_their_own():
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert len({rule.title for rule in RULES}) == len(RULES)
    assert all(rule.help.endswith(".") for rule in RULES)


def test_a_page_in_html_is_pointed_into_as_well(linting):
    page = (
        "<table>\n<tr><th>model</th><th>source</th><th>top1</th><th>top5</th></tr>\n"
        "<tr><td>net_a</td><td>timm</td>\n<td>90.1</td><td>70.2</td></tr>\n</table>\n"
    )
    assert linting(page).told("top-order")[0][0] == f"{PAGE}:4:5"


def test_all_pages_of_a_folder_are_held_against_each_other(linting):
    found = linting(
        {
            "zoo/a/README.md": table(line("net_a")),
            "zoo/b/README.md": table(line("net_a", "ppcls", "70 | 90 | 4.1 | 23.1 | 224")),
        }
    )
    (finding,) = found.findings
    assert found.place(finding) == "zoo/b/README.md:5:35"
    assert Path(str(finding.fault.evidence[0].place)).parts[-2] == "a"
