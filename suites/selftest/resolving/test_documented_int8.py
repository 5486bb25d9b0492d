"""Accuracies that a page documents of its device in int8 are claims of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.pages.reading import read_page
from harness.pipeline.catalogue import EXPECTED
from harness.records import Metric
from harness.reporting.results import CaseOutcome, Run
from harness.reporting.runlog import read

HEAD = (
    "| model | source | top1 | top5 | {} | {} | params(M) | input size |\n" + "| --- " * 8 + "|\n"
)
ROW = "| squeezenet1_1 | torchvision | 58.178 | 80.624 | {} | {} | 1.235 | 224 |\n"
PLAUSIBLE = "test_documented_int8_accuracy_is_plausible"


def page(folder: Path, *cells: str, headers: tuple[str, str] = ("Quantized", "int8 top5")) -> Path:
    path = folder / "net.md"
    path.write_text(HEAD.format(*headers) + ROW.format(*cells), encoding="utf-8")
    return path


def gate(path: Path, *options: str, code: int) -> Run:
    log = path.with_suffix(".jsonl")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--run-log={log}"]
    command += ["-m", "page or accuracy", f"--page={path}", f"--store={path.parent / 'store'}"]
    done = subprocess.run(
        [*command, *options],
        cwd=EXPECTED.parent,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return read(log)


def test_a_column_that_says_quantized_alone_is_top1_beside_top1(tmp_path: Path) -> None:
    (row,) = read_page(page(tmp_path, "57.5", "80.1")).rows
    claims = {one.metric: one.figure.text for one in row.claims}
    assert (claims[Metric.INT8_TOP1], claims[Metric.INT8_TOP5]) == ("57.5", "80.1")


@pytest.mark.parametrize("cell", ["yes", "[model](https://example.org/q.onnx)", "-"])
def test_a_column_of_something_else_stays_an_extra_one(tmp_path: Path, cell: str) -> None:
    (row,) = read_page(page(tmp_path, cell, "80.1")).rows
    assert row.claim(Metric.INT8_TOP1) is None


def test_what_no_device_measured_is_told_as_not_measured(tmp_path: Path) -> None:
    run = gate(page(tmp_path, "57.5", "80.1"), code=0)
    (plausible, other) = [one for one in run.results if PLAUSIBLE in one.case]
    assert {plausible.outcome, other.outcome} == {CaseOutcome.PASSED}
    assert plausible.claims == ()
    measured = [one for one in run.results if one.case.endswith("int8_top1-int8]")]
    assert [one.outcome for one in measured] == [CaseOutcome.NOT_MEASURED]
    assert "the vendor's device in int8, which --backend has to name" in measured[0].reason


@pytest.mark.shows("documented int8 is of another model, or of a column that was swapped")
@pytest.mark.parametrize(
    ("cells", "failed"),
    [
        (("80.1", "57.5"), ["int8_top1"]),  # swapped: one fault, one failure
        (("61.5", "80.1"), ["int8_top1"]),
        (("57.5", "93.2"), ["int8_top5"]),
    ],
)
def test_what_int8_cannot_be_fails_once(
    tmp_path: Path, cells: tuple[str, str], failed: list[str]
) -> None:
    run = gate(page(tmp_path, *cells), code=1)
    found = [one for one in run.results if one.outcome is CaseOutcome.FAILED]
    assert [one.case.rpartition("-")[2].rstrip("]") for one in found] == failed
    assert all(one.place.endswith("net.md:3") for one in found)
