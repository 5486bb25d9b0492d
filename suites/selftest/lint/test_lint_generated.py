"""Linting a page that was generated without fault finds nothing, in any case without falling."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lint_writing import TIMM, TORCHVISION, build_config, run_time

from harness.errors import PageError
from harness.lint.findings import Finding
from harness.lint.known import Amount, Knowledge, Known
from harness.lint.rules import RULES
from harness.lint.running import lint
from harness.lint.zoo import read_zoo

SETTINGS = settings(max_examples=100, derandomize=True, deadline=None, database=None)
SOURCES = {
    "timm": TIMM.format("resnet"),
    "torchvision": TORCHVISION.format("resnet"),
    "ppcls": "[ppcls](https://github.com/PaddlePaddle/PaddleClas/blob/v2.4.0/docs/models.md)",
    "mmcls": "mmcls",
    "a paper": "a paper",
}
UNITS = {"K": 3, "M": 6, "G": 9}


@st.composite
def clean_zoos(draw: st.DrawFn) -> tuple[dict[str, str], Knowledge]:
    """A README with rows of some networks in some libraries, its files, and what is known of it."""
    word = draw(st.sampled_from(["MACs", "FLOPs"]))
    of_operations, of_params = draw(st.sampled_from("MG")), draw(st.sampled_from("KM"))
    places = draw(st.integers(1, 3))
    lines = [
        "| Model | source | Top-1 | top5 "
        f"| {word}({of_operations}) | params({of_params}) | size(px) |",
        "|-|-|-|-|-|-|-|",
    ]
    files: dict[str, str] = {}
    known: dict[str, Known] = {}
    for number in range(draw(st.integers(1, 4))):
        params = draw(st.integers(10**6, 10**9))
        macs = params * draw(st.integers(20, 1000))
        size = draw(st.sampled_from([224, 256, 384]))
        for source in draw(st.lists(st.sampled_from(list(SOURCES)), min_size=1, unique=True)):
            name = f"net{number}_{size}" if draw(st.booleans()) else f"net{number}-{size}"
            top1 = draw(st.decimals(2, 90, places=2))
            top5 = draw(st.decimals(91, 100, places=2))
            operations = macs * (2 if word == "FLOPs" else 1)
            cells = [
                *(name, SOURCES[source], str(top1), str(top5)),
                printed(operations, of_operations, places),
                printed(params, of_params, places),
                f"{size}x{size}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
            id_ = f"zoo/{source.replace(' ', '-')}/{name}"
            if draw(st.booleans()):
                counted = Amount.exactly(params, "counted"), Amount.exactly(macs, "counted")
                known[id_] = Known(f"net{number}", *counted, size)
            if draw(st.booleans()):
                files[f"run/{source}-{name}-vdsp_params.json"] = run_time(size)
                files[f"build/{source}_{number}.yaml"] = build_config(
                    f"{source}_net", f"/x/{name}_{size}.onnx", size
                )
    return {"README.md": "\n".join(lines) + "\n", **files}, Knowledge(known)


def printed(count: int, unit: str, places: int) -> str:
    """A count in a unit, rounded to so many places, and never to zero."""
    value = Decimal(count).scaleb(-UNITS[unit])
    return str(round(value, places)) if value > 1 else str(round(value, 4))


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "README.md"


def found_in(
    factory: pytest.TempPathFactory, files: dict[str, str], knowledge: Knowledge | None = None
) -> tuple[Finding, ...]:
    page = written(factory.mktemp("a") / "zoo", files)
    return lint(read_zoo([page], know=lambda _: knowledge or Knowledge()), RULES)


@given(zoo=clean_zoos())
@SETTINGS
def test_nothing_is_found_in_a_zoo_without_fault(tmp_path_factory, zoo):
    files, knowledge = zoo
    assert found_in(tmp_path_factory, files, knowledge) == ()


SPOILT = [
    ("| Top-1 | top5 |", "| top5 | top1 |"),
    ("size(px)", "size(pix)"),
    ("params(M)", "params(T)"),
    ("params(K)", "params(G)"),
    ("rwightman/pytorch-image-models", "PaddlePaddle/PaddleClas"),
]


@pytest.mark.parametrize(("right", "wrong"), SPOILT)
def test_a_zoo_that_is_spoilt_is_not_without_fault(tmp_path_factory, right, wrong):
    @given(zoo=clean_zoos().filter(lambda zoo: right in zoo[0]["README.md"]))
    @settings(SETTINGS, max_examples=10, report_multiple_bugs=False)
    def find(zoo):
        files = {**zoo[0], "README.md": zoo[0]["README.md"].replace(right, wrong)}
        assert found_in(tmp_path_factory, files, zoo[1])

    find()


PIECES = [
    *("|", "|", "\n", "\n", "\n|---|---|---|\n", "| model | source | top1 |\n", "    ", "> "),
    *("<table>", "</table>", "<tr>", "<td>", "[timm](https://github.com/a/b/blob/v1.2/vgg.py)"),
    *("timm", "net", "70.1", "-", "*", "`", "[a](b.yaml)", "[a](//[)", "\n```\n", "<!--", "-->"),
    *("--model_library timm --model_name x", "timm-net-vdsp_params.json", "\r", "\0", "模型"),
    *("| model | source | MACs(G) | params(M) |\n|-|-|-|-|\n", "| a | timm | 4.1 | 0 |\n"),
]


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=30))
@settings(SETTINGS, max_examples=200)
def test_any_text_is_linted_and_every_finding_points_into_it(tmp_path_factory, pieces):
    text = "".join(pieces)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    page = tmp_path_factory.getbasetemp() / "any.md"
    page.write_bytes(text.encode())
    for finding in lint(read_zoo([page]), RULES):
        place = finding.fault.place
        assert 1 <= place.line <= len(lines)
        assert 1 <= place.column <= len(lines[place.line - 1]) + 1


def test_a_page_that_is_no_text_is_a_finding(tmp_path):
    page = tmp_path / "page.md"
    page.write_bytes(b"fine\n\xff\xfe| model |\n")
    (finding,) = lint(read_zoo([page]), RULES)
    assert (finding.rule.id, finding.fault.place.line) == ("unreadable", 2)


def test_a_page_that_is_not_there_is_bad_input(tmp_path):
    with pytest.raises(PageError, match="cannot be read"):
        read_zoo([tmp_path / "none.md"])
