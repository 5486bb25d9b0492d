"""Expectations that cannot be used end a run before it begins, in one line."""

from __future__ import annotations

from pathlib import Path

import endings
import pytest
from small_runs import RunGate, spoil

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("pages/resnext.toml", 'page = "resnext"', 'page = "resnext', "pages/resnext.toml"),
        ("pages/resnext.toml", 'figure = "4.765"', 'figure = "4,765"', "4,765"),
        ("variants/resnext.toml", "network =", "netwrok =", "meant 'network'?"),
        ("variants/resnext.toml", "resnext50d_32x4d", "resnext50e_32x4d", "no variant is pinned"),
        ("complexity/resnext.toml", '"thop"', '"thopp"', "thopp"),
        ("known_issues.toml", "", "[[issue]]\n", "known_issues.toml: issue[1]"),
    ],
    ids=["syntax", "figure", "key", "row", "counter", "issue"],
)
def test_a_spoilt_expectation_ends_the_run_with_one_line(
    run_gate: RunGate, expected: Path, file: str, old: str, new: str, said: str
) -> None:
    spoil(expected / file, old, new)
    run = run_gate(test_endings=endings.SOURCE)
    (error,) = run.errors
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert said in error
    assert not run.log_path.exists()


@pytest.mark.parametrize("file", ["pages", "variants", "complexity"])
def test_a_lost_expectation_ends_the_run_with_one_line(
    run_gate: RunGate, expected: Path, file: str
) -> None:
    (expected / file / "resnext.toml").unlink()
    run = run_gate(test_endings=endings.SOURCE)
    assert (run.code, len(run.errors)) == (pytest.ExitCode.USAGE_ERROR, 1)
    assert str(expected / file) in run.errors[0]


def test_a_run_log_is_never_overwritten(run_gate: RunGate, tmp_path: Path) -> None:
    old = tmp_path / "old.jsonl"
    old.write_text("kept")
    run = run_gate(f"--run-log={old}", test_endings=endings.SOURCE)
    assert (run.code, old.read_text()) == (pytest.ExitCode.USAGE_ERROR, "kept")
    assert "is there already" in run.printed
