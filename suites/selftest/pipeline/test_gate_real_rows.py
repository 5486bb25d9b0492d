"""A real row through the real gate: the documentation, the pins and the network must agree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import repeating

from harness.pipeline.catalogue import EXPECTED
from harness.reporting.results import CaseOutcome, Run
from harness.reporting.runlog import read

ROW = "resnext/timm/gluon_resnext50_32x4d"
CASE = "suites/test_complexity.py::{}[resnext-timm-gluon_resnext50_32x4d]"


@dataclass(frozen=True)
class GateRun:
    """Exit code, what was printed, and the run log."""

    code: int
    raw: str
    log: Run

    @property
    def printed(self) -> str:
        """The same with every run of blanks as one."""
        return " ".join(self.raw.split())

    @property
    def bad(self) -> set[str]:
        """Names of the tests that did not pass."""
        return {
            result.case.partition("::")[2].partition("[")[0]
            for result in self.log.results
            if result.outcome is not CaseOutcome.PASSED
        }


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all, so that a network is counted once."""
    return tmp_path_factory.mktemp("store")


def run_gate(
    folder: Path, store: Path, *changes: tuple[str, str, str], options: tuple[str, ...] = ()
) -> GateRun:
    """Run the complexity stage of the row on a copy of ``expected/`` with texts replaced."""
    expected, log = folder / "expected", folder / "run.jsonl"
    shutil.copytree(EXPECTED, expected)
    for file, old, new in changes:
        text = (expected / file).read_text()
        begin = text.index("gluon_resnext50_32x4d")
        assert old in text[begin:]
        (expected / file).write_text(text[:begin] + text[begin:].replace(old, new, 1))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "suites/test_complexity.py",
    ]
    command += [f"--row={ROW}", f"--expected={expected}", f"--store={store}", f"--run-log={log}"]
    command += options
    done = subprocess.run(
        command,
        cwd=EXPECTED.parent,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )
    return GateRun(done.returncode, done.stdout + done.stderr, read(log))


def test_the_row_as_it_is_passes_and_its_defect_is_listed(tmp_path: Path, store: Path) -> None:
    run = run_gate(tmp_path, store)
    assert (run.code, run.bad, len(run.log.results)) == (0, set(), 4)
    assert "defects of the documentation (1)" in run.printed
    assert f"{ROW} macs: documented 4.765 resnext.md:54, true 4_288_184_320" in run.printed


@pytest.mark.parametrize("digit", ["25.028", "26.029"])
def test_one_digit_of_the_page_changed_is_noticed(tmp_path: Path, store: Path, digit: str) -> None:
    run = run_gate(tmp_path, store, ("pages/resnext.toml", '"25.029"', f'"{digit}"'))
    assert (run.code, run.bad) == (1, {"test_documented_params_are_reproduced"})
    assert f"params = 25.029 M, documented {digit} ± 0.0005 (print)" in run.printed
    assert f"[{ROW}] resnext.md:54" in run.printed


def test_a_failure_tells_cause_and_command(tmp_path: Path, store: Path) -> None:
    run = run_gate(tmp_path, store, ("pages/resnext.toml", '"25.029"', '"50.058"'))
    case = CASE.format("test_documented_params_are_reproduced")
    assert "likely cause: FLOPs where MACs are meant, or the reverse" in run.printed
    assert f"repeat: pytest '{case}' --expected=" in run.printed
    repeating.require_repeated(run.raw, folder=EXPECTED.parent)


def test_a_step_that_breaks_tells_a_command_that_breaks_it_again(tmp_path: Path) -> None:
    run = run_gate(tmp_path, tmp_path / "empty", options=("--step-timeout=0.01",))
    assert "count failed: did not finish within 0.01 s and was killed" in run.printed
    repeating.require_repeated(run.raw, folder=EXPECTED.parent)


def test_a_defect_that_was_corrected_on_the_page_is_noticed(tmp_path: Path, store: Path) -> None:
    run = run_gate(tmp_path, store, ("pages/resnext.toml", '"4.765"', '"4.288"'))
    assert (run.code, run.bad) == (1, {"test_documented_operations_are_reproduced"})
    assert "says 4.765, the page now says 4.288" in run.printed
    assert "the page was corrected; then update expected/complexity" in run.printed


def test_a_defect_that_became_another_one_is_noticed(tmp_path: Path, store: Path) -> None:
    run = run_gate(tmp_path, store, ("pages/resnext.toml", '"4.765"', '"4.766"'))
    assert (run.code, run.bad) == (1, {"test_documented_operations_are_reproduced"})


def test_another_network_than_the_pinned_one_is_noticed(tmp_path: Path, store: Path) -> None:
    run = run_gate(
        tmp_path,
        store,
        ("variants/resnext.toml", "resnext50_32x4d.gluon_in1k", "resnext50d_32x4d.bt_in1k"),
    )
    assert run.code == 1
    assert {
        "test_true_params_are_those_of_the_pinned_network",
        "test_documented_params_are_reproduced",
    } <= run.bad
    assert "params = 25048136, pinned 25028904 ± 0 (exact)" in run.printed
    assert "another network than the pinned one (+19232)" in run.printed


def test_a_network_that_the_library_does_not_know_is_never_a_pass(
    tmp_path: Path, store: Path
) -> None:
    run = run_gate(
        tmp_path,
        store,
        ("variants/resnext.toml", "resnext50_32x4d.gluon_in1k", "resnext51_32x4d.gluon_in1k"),
    )
    assert {result.outcome for result in run.log.results} == {CaseOutcome.NOT_MEASURED}
