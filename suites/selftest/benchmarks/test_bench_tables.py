"""The figures as they are printed."""

from __future__ import annotations

from benchmarks.bare import BareRow
from benchmarks.measuring import Usage
from benchmarks.stopwatch import StepCost
from benchmarks.tables import bare_table, comparison_table

GIB = 2**30


def usage(cpu_s: float, *, exit_code: int = 0, left_running: int = 0) -> Usage:
    return Usage(exit_code, 2 * cpu_s, cpu_s, 2 * GIB, "PSS", 7, GIB, left_running)


def bare(name: str, *, exit_code: int = 0, log: str = "", **steps: float) -> BareRow:
    costs = {step: StepCost(seconds, seconds) for step, seconds in steps.items()}
    return BareRow(name, usage(10.0, exit_code=exit_code), costs, log)


def cells(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines()]


def test_bare_table_sums_steps_and_shares() -> None:
    table = bare_table([bare("a", build=2.0, run=4.0), bare("b", build=1.0, trace=3.0, run=5.0)])
    assert cells(table)[1:] == [
        ["row", "build", "trace", "run", "other", "CPU", "wall", "peak"],
        ["a", "2.0", "-", "4.0", "4.0", "10.0", "20.0", "2.0", "GiB"],
        ["b", "1.0", "3.0", "5.0", "1.0", "10.0", "20.0", "2.0", "GiB"],
        ["all", "3.0", "3.0", "9.0", "5.0", "20.0", "40.0", "2.0", "GiB"],
        ["share", "15%", "15%", "45%", "25%", "100%"],
    ]


def test_bare_table_says_where_a_row_failed() -> None:
    table = bare_table([bare("a", exit_code=1, log="ValueError: no", build=1.0, export=2.0)])
    assert table.endswith("FAILED: a in export, exit code 1\n  | ValueError: no")


def test_row_that_was_killed_before_it_told_anything_is_in_the_table() -> None:
    assert "FAILED: a in start, exit code -9" in bare_table([bare("a", exit_code=-9)])


def test_comparison_gives_the_ratio_of_processor_time() -> None:
    table = comparison_table([bare("a"), bare("b")], {"cold": usage(30.0), "warm": usage(5.0)})
    assert [" ".join(line) for line in cells(table)[1:]] == [
        "bare, rows: 2 40.0 20.0 1.00 2.0 GiB PSS 14 1.0 GiB",
        "gate, cold 60.0 30.0 1.50 2.0 GiB PSS 7 1.0 GiB",
        "gate, warm 10.0 5.0 0.25 2.0 GiB PSS 7 1.0 GiB",
    ]


def test_no_ratio_to_bare_steps_that_failed() -> None:
    table = comparison_table([bare("a", exit_code=1)], {"cold": usage(30.0)})
    assert cells(table)[2][4] == "-"


def test_gate_alone_has_no_ratio() -> None:
    table = comparison_table([], {"warm": usage(5.0)})
    assert cells(table)[1][:5] == ["gate,", "warm", "10.0", "5.0", "-"]


def test_failed_gate_and_survivors_are_told() -> None:
    table = comparison_table([], {"cold": usage(5.0, exit_code=1, left_running=2)})
    assert table.splitlines()[-2:] == [
        "gate, cold: exit code 1",
        "gate, cold: 2 processes outlived it, killed",
    ]
