"""What the gate costs beside the bare steps: kept as ratios, and noticed where it is more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import command
from benchmarks.bare import BareRow
from benchmarks.measuring import Usage
from benchmarks.ratios import (
    MARGIN,
    SLACK,
    Ratios,
    accept,
    medians,
    ratios,
    read_accepted,
    regressions,
    table,
)
from benchmarks.stopwatch import StepCost
from harness.errors import ExpectationError, HarnessError

ROW = "resnext/timm/resnext50_32x4d"
BARE = Usage(0, 10.0, 20.0, 2**30, "PSS", 4, 2**30)
ROWS = [BareRow(ROW, BARE, {"build": StepCost(1.0, 1.5)})] * 2
COLD = Usage(0, 30.0, 60.0, 3 * 2**30, "PSS", 4, 2**30)
WARM = Usage(0, 2.0, 4.0, 2**29, "PSS", 4, 2**29)
FOUND: Ratios = {
    "cold": {"cpu": 1.5, "wall": 1.5, "memory": 3.0},
    "warm": {"cpu": 0.1, "wall": 0.1, "memory": 0.5},
}


def test_costs_are_told_in_those_of_the_bare_steps() -> None:
    assert ratios(ROWS, {"cold": COLD, "warm": WARM}) == FOUND


@pytest.mark.parametrize(
    ("bare", "gate"),
    [
        ([], {"cold": COLD}),
        (ROWS, {}),
        (ROWS, {"cold": replace(COLD, exit_code=1)}),
        ([replace(ROWS[0], usage=replace(BARE, exit_code=1))], {"cold": COLD}),
    ],
)
def test_work_that_failed_has_no_ratio(bare: list[BareRow], gate: dict[str, Usage]) -> None:
    with pytest.raises(HarnessError, match="there are no ratios"):
        ratios(bare, gate)


def test_rounds_give_medians() -> None:
    slow = {name: {one: 9 * value for one, value in each.items()} for name, each in FOUND.items()}
    assert medians([FOUND, slow, FOUND]) == FOUND


def test_what_was_accepted_is_read_again(tmp_path: Path) -> None:
    accept(tmp_path / "ratios.toml", FOUND, {"machine": "a CPU"})
    assert read_accepted(tmp_path / "ratios.toml") == (FOUND, {"machine": "a CPU"})
    assert regressions(FOUND, FOUND) == []


@pytest.mark.parametrize("figure", ["cpu", "wall", "memory"])
@pytest.mark.parametrize("run", ["cold", "warm"])
@pytest.mark.parametrize(
    ("beyond", "told"), [(-0.01, 0), (0.01, 1), (float("nan"), 1), (-float("inf"), 0)]
)
def test_a_ratio_beyond_the_margin_is_a_regression(
    run: str, figure: str, beyond: float, told: int
) -> None:
    most = FOUND[run][figure] * MARGIN + SLACK
    worse = {**FOUND, run: {**FOUND[run], figure: most + beyond}}
    lines = regressions(worse, FOUND)
    assert [line.startswith(f"{run} {figure}: ") for line in lines] == [True] * told


def test_both_are_shown() -> None:
    lines = table(FOUND, FOUND).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["gate,", "cold", "1.50", "1.50", "3.00"],
        ["gate,", "warm", "0.10", "0.10", "0.50"],
        ["gate,", "cold,", "accepted", "1.50", "1.50", "3.00"],
        ["gate,", "warm,", "accepted", "0.10", "0.10", "0.50"],
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("cpu = 1.5", "cpu = -1", "cold.cpu is -1, expected a finite number of at least 0"),
        ("cpu = 1.5", "", "cold.cpu is missing"),
        ("[warm]", "[hot]", "hot: unknown key"),
        ("memory = 3.0", "memory = 3.0\nseconds = 4", "cold.seconds: unknown key"),
    ],
)
def test_a_faulty_file_is_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = tmp_path / "ratios.toml"
    accept(path, FOUND, {})
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ExpectationError, match=told):
        read_accepted(path)


# ── the command ───────────────────────────────────────────────────────────────────────────────

Compare = Callable[..., tuple[int, str, str]]


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Compare:
    """``benchmarks compare`` on stand-ins, whose warm run takes so many times as long."""

    def run(*words: str, slower: float = 1.0) -> tuple[int, str, str]:
        warm = replace(WARM, cpu_s=WARM.cpu_s * slower)
        runs: list[Usage] = []

        def gate(_: Path, arguments: Sequence[str], *, output: int) -> Usage:  # noqa: ARG001
            runs.append(COLD if len(runs) % 2 == 0 else warm)
            return runs[-1]

        monkeypatch.setattr(command, "run_bare", lambda _: iter(ROWS))
        monkeypatch.setattr(command, "run_gate", gate)
        code = command.main(["compare", "--row", ROW, *words])
        return code, *capfd.readouterr()

    return run


def test_ratios_are_accepted_and_held(tmp_path: Path, compare: Compare) -> None:
    path = f"--ratios={tmp_path / 'ratios.toml'}"
    code, out, _ = compare(path, "--accept", "--rounds=3", "--", "-k", "x")
    assert (code, "written" in out) == (0, True)
    accepted, conditions = read_accepted(tmp_path / "ratios.toml")
    assert (accepted, conditions["rounds"], conditions["pytest"]) == (FOUND, "3", "-k x")
    assert conditions["rows"] == ROW
    same = (path, "--", "-k", "x")
    assert compare(*same)[0] == 0
    code, out, _ = compare(*same, slower=3)
    assert code == 1
    assert "regression: warm cpu: 0.30 times the bare steps, accepted 0.10, at most 0.17" in out
    code, _, err = compare(path)
    assert (code, "only the same work can be held against it" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--accept"], "--accept needs --ratios"),
        (["--rounds=3"], "--rounds is for --ratios"),
        (["--ratios=absent.toml"], "cannot read absent.toml"),
        (["--ratios=a.toml", "--accept", "--rounds=2", "--store=s"], "takes no --store"),
    ],
)
def test_options_that_do_not_go_together_are_told_before_anything_runs(
    compare: Compare, words: list[str], told: str
) -> None:
    code, out, err = compare(*words)
    assert (code, told in err) == (2, True)
    assert "gate" not in out
