"""What takes little of a whole zoo: its figures, and the exports of small networks."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.pipeline.catalogue import EXPECTED

PAGE = """
| model | source | top1 | top5 | macs(G) | params(M) | input size |
| --- | --- | --- | --- | --- | --- | --- |
| squeezenet1_1 | torchvision | 58.178 | 80.624 | 0.349 | 1.235 | 224 |
| resnet50 | torchvision | 76.13 | 92.862 | 4.089 | 25.557 | 224 |
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zoo of a small network and a larger one, and a place for what is written."""
    folder = tmp_path_factory.mktemp("survey")
    (folder / "zoo").mkdir()
    (folder / "zoo/net.md").write_text(PAGE)
    return folder


def survey(folder: Path, *options: str) -> tuple[int, str]:
    further = shlex.join((f"--store={folder / 'store'}", *options))
    command = [sys.executable, "-m", "harness", "survey", str(folder / "zoo")]
    command += [f"--out={folder / 'out'}", f"--pytest={further}"]
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(EXPECTED.parent)},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def test_figures_of_all_rows_and_exports_of_small_ones_are_chosen(folder: Path) -> None:
    code, printed = survey(folder, "-n0", "--collect-only", "-q")
    assert code == 0, printed
    cases = [line for line in printed.splitlines() if "::" in line]
    files = {
        row: {one.partition("::")[0] for one in cases if row in one} for row in ("squeeze", "50")
    }
    figures = {f"suites/test_{name}.py" for name in ("page", "published", "complexity")}
    assert files["50"] == figures
    assert files["squeeze"] == figures | {"suites/test_export.py", "suites/test_sources.py"}
    assert not any("int8" in one or "preprocessing" in one for one in cases)


def test_it_is_run_and_leaves_findings_a_log_and_a_report(folder: Path) -> None:
    code, printed = survey(folder, "-n0", "-q", "-m", "page")
    assert code == 0, printed
    assert (
        "lint: 0 errors, 0 warnings, 0 notes; 1 page, 2 rows, true counts known of 0; " in printed
    )
    assert {path.name for path in (folder / "out").iterdir()} == {
        "lint.txt",
        "survey.jsonl",
        "survey.jsonl.html",
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [(("--pytest='",), "No closing quotation"), ((), "no page with a model table")],
)
def test_bad_input_is_told_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    (tmp_path / "zoo").mkdir()
    assert main(["survey", str(tmp_path / "zoo"), f"--out={tmp_path / 'out'}", *words]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
