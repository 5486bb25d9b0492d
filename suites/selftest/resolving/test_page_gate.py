"""``pytest --page``: a page without kept expectations is gated, and no row of it vanishes."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from harness.reporting.results import CaseOutcome, Run
from harness.reporting.runlog import read

REPOSITORY = Path(__file__).resolve().parents[3]

PAGE = """# Own

| model | source | top1 | top5 | flops(M) | params(M) | input size |
| --- | --- | --- | --- | --- | --- | --- |
| squeezenet1_1 | torchvision | 58.178 | 80.624 | 349.322 | 1.235 | 224 |
| SqueezeNet1-0 | torchvision | 58.092 | 80.420 | 900.000 | 1.248 | 224 |
| vgg16 | keras | 71.3 | 90.1 | 15.47 | 138.4 | 224 |
| resnet51 | torchvision | 71.3 | 90.1 | 15.47 | 138.4 | 224 |
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The cases of stage complexity of that page."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "own.md").write_text(PAGE, encoding="utf-8")
    options = [f"--page={folder / 'own.md'}", f"--store={folder / 'store'}"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-n0", *options]
    done = subprocess.run(
        [*command, "-m", "complexity", f"--run-log={folder / 'run.jsonl'}"],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return read(folder / "run.jsonl")


def outcomes(run: Run, row: str) -> Counter[CaseOutcome]:
    return Counter(one.outcome for one in run.results if one.row == row)


def test_rows_that_are_resolved_are_counted_and_judged(run: Run) -> None:
    assert outcomes(run, "own/torchvision/squeezenet1_1") == {CaseOutcome.PASSED: 4}


def test_a_figure_that_no_rule_gives_fails_with_the_nearest(run: Run) -> None:
    (failed,) = (one for one in run.results if one.outcome is CaseOutcome.FAILED)
    assert failed.row == "own/torchvision/SqueezeNet1-0"
    assert "no counting rule gives this figure" in str(failed.verdict)
    assert [one.column for one in failed.defects] == ["flops"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("own/keras/vgg16", "no source: there is no adapter for 'keras'"),
        ("own/torchvision/resnet51", "no model 'resnet51'; nearest: resnet"),
    ],
)
def test_a_row_that_cannot_be_resolved_is_not_measured_with_its_reason(
    run: Run, row: str, reason: str
) -> None:
    assert outcomes(run, row) == {CaseOutcome.NOT_MEASURED: 4}
    assert all(reason in one.reason for one in run.results if one.row == row)
