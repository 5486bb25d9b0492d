"""Small runs of the real plugin."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_runs import ROW, RunGate, SmallRun

from harness.pipeline.catalogue import EXPECTED


@pytest.fixture
def expected(tmp_path: Path) -> Path:
    """A copy of the expectations that a test may spoil; nothing is known not to hold."""
    copy = tmp_path / "expected"
    shutil.copytree(EXPECTED, copy)
    (copy / "known_issues.toml").write_text("")
    return copy


@pytest.fixture
def run_gate(pytester: pytest.Pytester, expected: Path, monkeypatch: pytest.MonkeyPatch) -> RunGate:
    """Run files (name → source) on one row, or on all where it is "".

    ``apart``: in a process of its own.
    """
    monkeypatch.setenv("PYTHONPATH", str(EXPECTED.parent))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # they take longer than the runs
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeconftest('pytest_plugins = ("harness.plugin",)')
    pytester.makeini("[pytest]\nxfail_strict = true\naddopts = --strict-markers\n")

    def run(*options: str, row: str = ROW, apart: bool = False, **files: str) -> SmallRun:
        pytester.makepyfile(**files)
        log = pytester.path / f"run{len(list(pytester.path.glob('run*.jsonl')))}.jsonl"
        command = ["-p", "xdist.plugin", "-p", "no:cacheprovider", f"--expected={expected}"]
        command += [f"--run-log={log}", f"--store={pytester.path / 'store'}", *options]
        command += [f"--row={row}"] if row else []
        start = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        result = start(*command)
        return SmallRun(int(result.ret), f"{result.stdout.str()}\n{result.stderr.str()}", log)

    return run
