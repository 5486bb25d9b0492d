"""What is asked for is what runs, and what cannot be asked for is refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import pytest
from small_runs import RunGate

pytest_plugins = ["pytester"]

Collect = Callable[..., list[str]]

FILE = """
import pytest

@pytest.mark.page
def test_page(row_case): pass

@pytest.mark.export
def test_export(export_case): pass

@pytest.mark.int8
def test_int8(int8_case): pass

@pytest.mark.export
def test_fp32(fp32_case): pass

def test_no_row(): pass
"""


@pytest.fixture
def collect(run_gate: RunGate) -> Collect:
    """The ids that options leave."""

    def ids(*options: str, row: str = "") -> list[str]:
        return run_gate("--collect-only", "-q", *options, row=row, test_file=FILE).ids

    return ids


def test_every_row_and_failure_has_its_cases(collect: Collect) -> None:
    ids = collect()
    tests = [one.partition("[")[0] for one in ids]
    counts = {name: tests.count(name) for name in sorted(set(tests))}
    # 29 rows and 2 documented failures: 14 of torch libraries in 3 forms, 17 of Paddle in 2
    assert counts == {"test_export": 76, "test_fp32": 29, "test_int8": 29, "test_page": 29}


@pytest.mark.parametrize(
    "pattern",
    ["resnext/ppcls/resnext50_vd_32x4d", "resnext-ppcls-resnext50_vd_32x4d", "resnext50_vd_32x4d"],
)
def test_a_row_goes_by_its_id_its_slug_or_its_name(collect: Collect, pattern: str) -> None:
    assert set(collect(row=pattern)) == {
        "test_page[resnext-ppcls-resnext50_vd_32x4d]",
        "test_export[resnext-ppcls-resnext50_vd_32x4d-onnx-opset10]",
        "test_export[resnext-ppcls-resnext50_vd_32x4d-onnx-opset19]",
        "test_int8[resnext-ppcls-resnext50_vd_32x4d-onnxruntime-int8]",
        "test_fp32[resnext-ppcls-resnext50_vd_32x4d-onnxruntime-fp32]",
    }


def test_a_row_is_never_taken_for_one_whose_name_it_begins(collect: Collect) -> None:
    ids = collect("--row", "resnext/ppcls/resnext101_32x8d*", row="resnext/timm/resnext50_32x4d")
    assert {row_of(one) for one in ids} == {
        "resnext-timm-resnext50_32x4d",
        "resnext-ppcls-resnext101_32x8d_wsl",
    }


@pytest.mark.parametrize(
    ("source", "rows"), [("torchvision", 2), ("timm", 8), ("mmcls", 4), ("ppcls", 15)]
)
def test_a_source_is_that_source(collect: Collect, source: str, rows: int) -> None:
    ids = [one for one in collect("--source", source) if one.startswith("test_page[")]
    assert (len(ids), {one.split("-")[1] for one in ids}) == (rows, {source})


def test_a_precision_leaves_out_the_other_alone(collect: Collect) -> None:
    tests = {one.partition("[")[0] for one in collect("--precision", "int8")}
    assert tests == {"test_page", "test_export", "test_int8"}


def test_a_backend_is_kept_and_another_one_refused(collect: Collect, run_gate: RunGate) -> None:
    assert collect("--backend", "onnxruntime") == collect()
    refused = run_gate("--backend", "onnxrt", test_file=FILE)
    assert "invalid choice: 'onnxrt'" in refused.printed


def test_a_marker_selects_its_stage(collect: Collect) -> None:
    tests = {one.partition("[")[0] for one in collect("-m", "export")}
    assert tests == {"test_export", "test_fp32"}


def test_a_keyword_selects_by_the_id(collect: Collect) -> None:
    ids = collect("-k", "test_export and mmcls and torchscript")
    assert len(ids) == 4
    assert all(one.startswith("test_export[resnext-mmcls-") for one in ids)


def test_rows_are_heaviest_first_and_a_rows_cases_side_by_side(collect: Collect) -> None:
    rows = [row for row, _ in groupby(collect("--source", "ppcls"), key=row_of)]
    assert len(rows) == len(set(rows)) == 17
    assert "48d" in rows[0]
    assert rows[-1] == "resnext-ppcls-resnext50_32x4d"


def row_of(case: str) -> str:
    """The slug of the row that a case is about."""
    return "-".join(case.partition("[")[2].rstrip("]").split("-")[:3])


# ── what cannot be asked for ──────────────────────────────────────────────────────────────────


def test_an_unknown_row_is_refused_with_the_nearest(run_gate: RunGate) -> None:
    run = run_gate(row="resnext/timm/resnet50_32x4d", test_file=FILE)
    assert run.code == pytest.ExitCode.USAGE_ERROR
    (error,) = run.errors
    assert "no row is named 'resnext/timm/resnet50_32x4d'; nearest: resnext/timm/resn" in error


@pytest.mark.parametrize("option", ["--source", "--precision", "--require"])
def test_an_unknown_choice_is_refused_with_the_known_ones(run_gate: RunGate, option: str) -> None:
    run = run_gate(option, "tim", test_file=FILE)
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert f"argument {option}: invalid choice: 'tim'" in run.printed


@pytest.mark.parametrize(
    "option",
    [
        "--step-timeout=nan",
        "--step-timeout=inf",
        "--step-timeout=-5",
        "--step-timeout=0",
        "--card-timeout=nan",
        "--round-seconds=-1",
        "--rounds=0",
        f"--rounds={'9' * 5000}",
        "--job-images=1e3",
        "--memory=0",
        f"--memory={'9' * 400}GiB",
        "--store-limit=-1GiB",
        "--cards=0,0",
        "--margin=nan",
        "--acceptable=inf",
        "--images=0",
    ],
)
def test_a_number_that_cannot_be_meant_ends_the_run_at_once(run_gate: RunGate, option: str) -> None:
    run = run_gate("--collect-only", option, test_file=FILE)
    assert run.code == 4, run.printed
    assert "Traceback" not in run.printed
