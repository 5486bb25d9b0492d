"""A run that finds everything in the store builds nothing, and imports no framework."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from harness.pipeline.catalogue import EXPECTED
from harness.reporting.results import CaseOutcome, Run
from harness.reporting.runlog import read

ROW = "resnext/torchvision/resnext50_32x4d"
FRAMEWORKS = (
    *("torch", "torchvision", "timm", "mmpretrain", "mmengine", "paddle"),
    *("onnx", "onnxruntime", "openvino", "nncf", "scipy", "pyarrow"),
)

LOOKING = f"""
import os, sys

def pytest_sessionfinish(session):
    found = [name for name in {FRAMEWORKS!r} if name in sys.modules]
    with open(os.environ["IMPORTED"], "a", encoding="utf-8") as file:
        print("looked", *found, file=file)
"""


def run_gate(folder: Path, name: str) -> Run:
    """Every case of a row but fuzzing, on two workers; each process tells what it has imported."""
    (folder / "looking.py").write_text(LOOKING, encoding="utf-8")
    log = folder / f"{name}.jsonl"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "looking"]
    command += ["-n", "2", "-m", "not preprocessing and not postprocessing", f"--row={ROW}"]
    command += [f"--store={folder / 'store'}", f"--run-log={log}"]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{folder}{os.pathsep}{EXPECTED.parent}",
        "IMPORTED": str(folder / "imported"),
    }
    subprocess.run(command, cwd=EXPECTED.parent, env=environment, check=True, timeout=900)
    return read(log)


def test_a_run_on_a_full_store_imports_no_framework(tmp_path: Path) -> None:
    cold, warm = (run_gate(tmp_path, name) for name in ("cold", "warm"))
    assert {step.name for one in cold.results for step in one.steps} >= {"published", "run"}
    assert [step for one in warm.results for step in one.steps] == []
    looked = (tmp_path / "imported").read_text().split()
    assert looked == ["looked"] * 6  # two workers and who controls them, twice
    outcomes = [one.outcome for one in warm.results]
    assert outcomes.count(CaseOutcome.PASSED) > 20
    assert sorted((one.case, one.outcome) for one in cold.results) == sorted(
        (one.case, one.outcome) for one in warm.results
    )
