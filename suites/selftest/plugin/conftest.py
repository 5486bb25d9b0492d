"""Small runs of the real plugin, on test files written for the occasion."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.catalogue import EXPECTED
from harness.reporting.results import CaseOutcome, Run
from harness.reporting.runlog import read

ROW = "resnext/timm/resnext50_32x4d"
SLUG = ROW.replace("/", "-")


@dataclass(frozen=True)
class SmallRun:
    """What came of a run: exit code, what was printed, and the run log."""

    code: int
    printed: str
    log_path: Path

    @property
    def ids(self) -> list[str]:
        """The ids that ``--collect-only -q`` printed."""
        return [line for line in self.printed.splitlines() if "::" in line and "]" in line]

    @property
    def log(self) -> Run:
        """The run log, whole or not."""
        return read(self.log_path, allow_incomplete=True)

    @property
    def outcomes(self) -> dict[str, CaseOutcome]:
        """What the log says of each case, by the part of its id behind the file."""
        return {one.case.partition("::")[2]: one.outcome for one in self.log.results}


RunGate = Callable[..., SmallRun]


@pytest.fixture
def expected(tmp_path: Path) -> Path:
    """A copy of the expectations that a test may spoil; nothing is known not to hold."""
    copy = tmp_path / "expected"
    shutil.copytree(EXPECTED, copy)
    (copy / "known_issues.toml").write_text("")
    return copy


@pytest.fixture
def run_gate(
    pytester: pytest.Pytester, expected: Path, monkeypatch: pytest.MonkeyPatch
) -> RunGate:
    """Run files (name → source) under the plugin, on one row unless ``row`` is ""."""
    monkeypatch.setenv("PYTHONPATH", str(EXPECTED.parent))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeconftest('pytest_plugins = ("harness.plugin",)')
    pytester.makeini("[pytest]\nxfail_strict = true\naddopts = --strict-markers\n")

    def run(*options: str, row: str = ROW, apart: bool = False, **files: str) -> SmallRun:
        """``apart``: in a process of its own."""
        pytester.makepyfile(**files)
        log = pytester.path / f"run{len(list(pytester.path.glob('run*.jsonl')))}.jsonl"
        command = ["-p", "no:cacheprovider", f"--expected={expected}", f"--run-log={log}"]
        command += [f"--store={pytester.path / 'store'}", *options]
        command += [f"--row={row}"] if row else []
        start = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        result = start(*command)
        return SmallRun(int(result.ret), f"{result.stdout.str()}\n{result.stderr.str()}", log)

    return run
