"""The gate itself, on expectations made wrong on purpose: red for the right reason."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import repeating

from harness.pipeline.catalogue import EXPECTED
from harness.reporting.results import CaseOutcome, Run
from harness.reporting.runlog import read

ROW = "resnext/timm/resnext101_64x4d"
Gate = Callable[..., Run]


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """Runs the suite on one row, in a process of its own, after replacing a text."""

    def run(file: str = "", old: str = "", new: str = "", *options: str) -> Run:
        expected = tmp_path / "expected"
        shutil.copytree(EXPECTED, expected)
        (expected / "known_issues.toml").write_text("")
        if file:
            text = (expected / file).read_text()
            assert old in text
            (expected / file).write_text(text.replace(old, new, 1))
        log = tmp_path / "run.jsonl"
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"]
        command += [f"--expected={expected}", f"--run-log={log}", f"--store={tmp_path / 'store'}"]
        command += [f"--row={ROW}", *options, "suites/test_published.py"]
        done = subprocess.run(command, cwd=EXPECTED.parent, capture_output=True, check=False)
        (tmp_path / "printed").write_bytes(done.stdout)
        return read(log)

    return run


def told(run: Run, case: str) -> str:
    """The outcome and the words of a case, which is named by the end of its id."""
    (result,) = [one for one in run.results if case in one.case]
    return f"{result.outcome}: {result.reason}"


def test_the_known_defects_pass_and_are_reported(gate: Gate) -> None:
    run = gate()
    assert [result.outcome for result in run.results] == [CaseOutcome.PASSED] * 3
    assert [result.claims for result in run.results] == [()] * 3  # none counts as reproduced
    defects = {defect.column: defect.true for result in run.results for defect in result.defects}
    assert defects == {
        "top1": "82.446",
        "top5": "95.920",
        "measured at": "288 px, crop 1, bicubic",
    }


def test_a_defect_that_is_not_declared_fails(gate: Gate, tmp_path: Path) -> None:
    entry = f'[[figures]]\nrow = "{ROW}"\nmetric = "top1"'
    moved = entry.replace(ROW, "resnext/timm/resnext50_32x4d")
    run = gate("published/resnext.toml", entry, moved)
    assert "failed: published top1 = 82.446 %, documented 83.140" in told(run, "x4d-top1]")
    assert "passed" in told(run, "x4d-top5]")
    repeating.require_repeated((tmp_path / "printed").read_text(), folder=EXPECTED.parent)


def test_a_page_that_was_corrected_fails_until_the_facts_follow(gate: Gate) -> None:
    run = gate("pages/resnext.toml", 'figure = "83.140"', 'figure = "82.446"')
    assert "says 83.140, the page now says 82.446" in told(run, "x4d-top1]")


def test_a_variant_without_a_result_is_errored(gate: Gate) -> None:
    run = gate("variants/resnext.toml", "resnext101_64x4d.c1_in1k", "resnext101_64x4d.c2_in1k")
    assert "errored: no figure of resnext101_64x4d.c2_in1k" in told(run, "x4d-top1]")


@pytest.mark.parametrize(
    ("options", "outcome"), [((), "not measured"), (("--require=page",), "failed")]
)
def test_what_nobody_publishes_is_not_measured(gate: Gate, options, outcome: str) -> None:
    file = "published/resnext.toml"
    text = (EXPECTED / file).read_text()
    kept = "".join(line for line in text.splitlines(keepends=True) if "c1_in1k" not in line)
    missing = f'[missing]\n"{ROW}" = "never printed"\n\n[causes]'
    run = gate(file, text, kept.replace("[causes]", missing), *options)
    assert f"{outcome}: nothing is published for resnext101_64x4d.c1_in1k: never" in told(
        run, "x4d-top1]"
    )
