"""What a run is at, below pytest's own lines, and only where somebody watches."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from small_runs import OTHER, OTHER_SLUG, ROW, SLUG

from harness.pipeline.catalogue import EXPECTED
from harness.plugin.progress import Lines, Tally, steps_of
from harness.runtime.memory import MemoryReservations

SLUGS = {SLUG: ROW, OTHER_SLUG: OTHER}
CASES = [f"t.py::test_{name}[{slug}]" for slug in SLUGS for name in ("a", "b")]
MIB = 2**20
FILE = """
import time

from harness.plugin.blocking import Rest
from harness.records import Outcome, Verdict

def test_building(row_case, pipeline):
    with pipeline.builder.reservations.reserve(1, owner=f"export {row_case.model.id}"):
        time.sleep(2.5)

def test_fails(row_case):
    print("printed by the case")
    assert row_case is None

def test_blocked(row_case, record):
    wrong = Verdict(Outcome.DOES_NOT_CONFORM, "no")
    record.judge(wrong, rests_on=[Rest("test_fails", wrong)])
"""


def tally(**changes: object) -> Tally:
    return Tally(SLUGS, cases=CASES, begun=0.0, **changes)  # type: ignore[arg-type]


def test_a_row_is_done_when_all_its_cases_are() -> None:
    assert tally(finished={CASES[0], CASES[2], CASES[3]}).rows() == (1, 2)


def test_the_line_says_rows_cases_failures_and_times() -> None:
    line = tally(finished=set(CASES[:3]), bad=1).headline(90.0)
    assert line == "1 of 2 rows, 3 of 4 cases, 1 failed, 1:30 so far, about 0:30 to go"


def test_the_rest_is_weighed_by_what_cases_took_the_last_time() -> None:
    slow_is_left = tally(
        finished=set(CASES[:3]), weights=dict(zip(CASES, (1, 1, 1, 9), strict=True))
    )
    assert slow_is_left.left_s(10.0) == 30.0
    new_is_left = tally(finished=set(CASES[:3]), weights=dict.fromkeys(CASES[:3], 2.0))
    assert new_is_left.left_s(9.0) == 3.0


def test_nothing_is_said_of_the_rest_before_something_is_done() -> None:
    assert tally().left_s(10.0) is None
    assert tally().headline(10.0) == "0 of 2 rows, 0 of 4 cases, 0:10 so far"
    assert Tally(SLUGS, cases=["t.py::test_plain"], begun=0.0).headline(0.0).startswith("0 of 1 c")


def test_steps_are_those_that_hold_memory_or_wait_for_it(tmp_path: Path) -> None:
    reservations = MemoryReservations(tmp_path / "memory.json", budget_bytes=10 * MIB)
    with reservations.reserve(8 * MIB, owner=f"export {ROW}"):
        waiting = subprocess.Popen(
            [sys.executable, "-c", WAITS, str(reservations.path)], env={**os.environ, **HERE}
        )
        try:
            seen: dict[str, str] = {}
            while len(seen) < 2 and waiting.poll() is None:
                seen = steps_of(reservations)
        finally:
            waiting.kill()
            waiting.wait()
    assert seen == {ROW: "export", OTHER: "waits for memory: run (4.0 MiB)"}


def test_a_ledger_that_is_damaged_or_not_there_stops_no_display(tmp_path: Path) -> None:
    (tmp_path / "memory.json").mkdir()
    assert steps_of(MemoryReservations(tmp_path / "memory.json", budget_bytes=1)) == {}
    assert steps_of(MemoryReservations(tmp_path / "none" / "memory.json", budget_bytes=1)) == {}
    assert not (tmp_path / "none").exists()


def test_whole_lines_are_printed_and_the_open_one_is_kept() -> None:
    file = io.StringIO()
    lines = Lines(Console(file=file, force_terminal=True, color_system="standard", highlight=False))
    lines.write("one\ntwo [bold] \x1b[31mred\x1b[0m")
    assert (file.getvalue(), lines.open) == ("one\n", "two [bold] \x1b[31mred\x1b[0m")
    lines.write("!\nlost\rkept\n..")
    assert file.getvalue() == "one\ntwo [bold] \x1b[31mred\x1b[0m!\nkept\n"
    assert lines.open == ".."


HIDES = ("CI", "PYTEST_ADDOPTS")
HERE = {"PYTHONPATH": str(EXPECTED.parent)}
WAITS = f"""
import sys
from pathlib import Path
from harness.runtime.memory import MemoryReservations

books = MemoryReservations(Path(sys.argv[1]), budget_bytes={10 * MIB})
with books.reserve({4 * MIB}, owner="run {OTHER}"):
    pass
"""


def kept() -> dict[str, str]:
    """The environment, but for what says that nobody watches."""
    return {name: value for name, value in os.environ.items() if name not in HIDES}


def watched(folder: Path, *options: str, **environment: str) -> str:
    """What a terminal gets of a run in a folder, without colours and movements of the cursor."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    ours, theirs = pty.openpty()
    added = {"TERM": "xterm", "COLUMNS": "100", **HERE, **environment}
    run = subprocess.Popen(
        command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env={**kept(), **added}
    )
    os.close(theirs)
    shown = bytearray()
    try:
        while part := os.read(ours, 2**16):
            shown += part
    except OSError:  # the run has ended
        pass
    finally:
        os.close(ours)
    assert run.wait() == pytest.ExitCode.TESTS_FAILED
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two rows with a case that takes a while and one that fails."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ("harness.plugin",)')
    (tmp_path / "test_rows.py").write_text(FILE)
    return tmp_path


TWO_ROWS = (f"--row={ROW}", f"--row={OTHER}", "--store=store", "--run-log=run.jsonl")
STANDS = re.compile(r"\d of 2 rows, \d of 6 cases(?:, (\d) failed)?")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_terminal_shows_row_and_step_beside_the_lines_of_pytest(
    folder: Path, workers: str
) -> None:
    shown = watched(folder, f"-n{workers}", *TWO_ROWS)
    assert re.search(rf"{ROW} +export +test_building +0:0\d", shown)
    assert STANDS.search(shown)
    tail = shown[[found.end() for found in STANDS.finditer(shown)][-1] :]
    failed = {found[1] for found in STANDS.finditer(shown)}
    assert failed <= {None, "1", "2"}, "what is blocked is no failure"
    assert "printed by the case" in tail
    assert "2 failed, 2 passed" in tail
    assert re.search(r"^\r?(test_rows\.py )?[.FB]{6} ", tail, re.M)


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        (("-s",), {}),
        ((), {"CI": "true"}),
        ((), {"TERM": "dumb"}),
    ],
    ids=["not captured", "CI", "dumb"],
)
def test_nothing_is_shown_where_it_would_disturb(
    folder: Path, options: tuple[str, ...], environment: dict[str, str]
) -> None:
    shown = watched(folder, *options, *TWO_ROWS, **environment)
    assert STANDS.search(shown) is None
    assert "2 failed, 2 passed" in shown


def test_a_pipe_gets_the_lines_of_pytest_alone(folder: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *TWO_ROWS],
        cwd=folder,
        env={**kept(), **HERE, "TERM": "xterm"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 failed, 2 passed" in run.stdout
    assert STANDS.search(run.stdout) is None
