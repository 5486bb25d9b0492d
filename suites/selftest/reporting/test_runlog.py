"""A run log is whole and says so, or is not and says so."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.__main__ import main
from harness.errors import HarnessError
from harness.records import Claim, Figure, Measurement, Metric, Page, Row
from harness.reporting.encoding import encode
from harness.reporting.machine import describe
from harness.reporting.results import CaseOutcome, CaseResult, Header, PageTotals
from harness.reporting.runlog import UNFINISHED, RunLog, read

Results = tuple[CaseResult, ...]


@pytest.fixture
def log(tmp_path: Path, header: Header, results: Results) -> Path:
    path = tmp_path / "run.jsonl"
    with RunLog(path, header) as runlog:
        for result in results:
            runlog.record(result)
    return path


def without_nan(result: CaseResult) -> CaseResult:
    return replace(result, measurements=tuple(m for m in result.measurements if m.is_number))


def test_a_run_comes_back_as_it_was_recorded(log: Path, header: Header, results: Results) -> None:
    run = read(log)
    assert run.complete
    assert run.header == header
    assert [without_nan(r) for r in run.results] == [without_nan(r) for r in results]
    assert run.exit_status == 0


def test_nan_is_strict_json_and_comes_back_as_nan(tmp_path: Path, header: Header) -> None:
    values = (math.nan, math.inf, -math.inf, 0.1)
    case = CaseResult(
        "t", CaseOutcome.PASSED, measurements=tuple(Measurement("x", v) for v in values)
    )
    with RunLog(tmp_path / "r.jsonl", header) as runlog:
        runlog.record(case)

    def refuse(name: str) -> None:
        pytest.fail(f"{name} is not JSON")

    for line in (tmp_path / "r.jsonl").read_text(encoding="utf-8").splitlines():
        json.loads(line, parse_constant=refuse)
    found = [m.value for m in read(tmp_path / "r.jsonl").results[0].measurements]
    assert math.isnan(found[0])
    assert found[1:] == list(values[1:])


def test_test_ids_of_any_characters_survive(tmp_path: Path, header: Header) -> None:
    name = 't[\u2028 ± 图片 \udcff \\ " \n]'
    with RunLog(tmp_path / "r.jsonl", header) as runlog:
        runlog.record(CaseResult(name, CaseOutcome.PASSED))
    assert read(tmp_path / "r.jsonl").results[0].case == name


def test_a_run_that_broke_off_is_incomplete(tmp_path: Path, header: Header) -> None:
    path = tmp_path / "run.jsonl"
    with suppress(KeyboardInterrupt), RunLog(path, header) as runlog:
        runlog.record(CaseResult("t", CaseOutcome.PASSED))
        raise KeyboardInterrupt
    with pytest.raises(HarnessError, match=UNFINISHED):
        read(path)
    run = read(path, allow_incomplete=True)
    assert (run.complete, run.problem, len(run.results)) == (False, UNFINISHED, 1)


KILLED = """
import os, signal, sys
from pathlib import Path
from harness.reporting.results import *
from harness.reporting.runlog import RunLog
log = RunLog(Path(sys.argv[1]), Header("now", Machine("cpu", 1, 1, "x")))
log.record(CaseResult("first", CaseOutcome.PASSED))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_keeps_what_it_had(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path)], cwd=root, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    run = read(path, allow_incomplete=True)
    assert [result.case for result in run.results] == ["first"]
    assert run.problem == UNFINISHED


@pytest.mark.shows(
    "a run that broke off looks complete",
    by="footer with counts and checksum, only if no case is missing",
)
def test_every_shorter_log_is_incomplete(log: Path, header: Header) -> None:
    data = log.read_bytes()
    start = data.index(b"\n") + 1
    for size in range(start, len(data), 7):
        log.write_bytes(data[:size])
        run = read(log, allow_incomplete=True)
        assert run.problem == UNFINISHED
        assert run.header == header


def drop_a_case(lines: list[bytes]) -> list[bytes]:
    return [lines[0], *lines[2:]]


def repeat_a_case(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], *lines[1:]]


def change_a_figure(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"17.2", b"18.2") for line in lines]


def swap_cases(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def turn_a_failure_into_a_pass(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"outcome":"failed"', b'"outcome":"passed"') for line in lines]


def change_the_header(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"Made-up CPU", b"Another CPU") for line in lines]


def add_something(lines: list[bytes]) -> list[bytes]:
    return [*lines[:-1], b"more"]


@pytest.mark.parametrize(
    "change",
    [
        drop_a_case,
        repeat_a_case,
        change_a_figure,
        swap_cases,
        turn_a_failure_into_a_pass,
        change_the_header,
        add_something,
    ],
)
def test_an_altered_log_is_noticed(log: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    before = log.read_bytes()
    log.write_bytes(b"\n".join(change(before.split(b"\n"))))
    assert log.read_bytes() != before
    with pytest.raises(HarnessError, match="altered"):
        read(log)
    assert not read(log, allow_incomplete=True).complete


@pytest.mark.parametrize(
    ("line", "content", "complaint"),
    [
        (0, b"{}", "does not begin with the header"),
        (2, b"\x00\x00", r"jsonl:3: damaged"),
        (2, b"[]", r"jsonl:3: damaged: not a record"),
        (2, b'{"kind":"case"}', r"jsonl:3: damaged: not a case record"),
        (2, b'{"kind":"case","case":NaN}', r"jsonl:3: damaged: NaN is not JSON"),
        (2, b'{"kind":"footer"}', r"jsonl:3: damaged: 'footer' stands where a case is expected"),
    ],
)
def test_a_damaged_line_is_named(log: Path, line: int, content: bytes, complaint: str) -> None:
    lines = log.read_bytes().split(b"\n")
    lines[line] = content
    log.write_bytes(b"\n".join(lines))
    with pytest.raises(HarnessError, match=complaint):
        read(log, allow_incomplete=True)


def test_a_log_of_another_schema_is_refused(log: Path) -> None:
    log.write_bytes(log.read_bytes().replace(b'"schema":1', b'"schema":2', 1))
    with pytest.raises(HarnessError, match="schema 2, this version reads 1"):
        read(log)


@pytest.mark.parametrize("content", [b"", b"\n", b"no json"])
def test_what_is_no_run_log_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(HarnessError, match=r"x(:1)?: (does not begin|damaged)"):
        read(tmp_path / "x", allow_incomplete=True)


def test_a_missing_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"cannot read .*none: No such file"):
        read(tmp_path / "none")


def test_a_log_is_never_overwritten(log: Path, header: Header) -> None:
    before = log.read_bytes()
    with pytest.raises(HarnessError, match="is there already"):
        RunLog(log, header)
    assert log.read_bytes() == before


def test_nothing_is_added_to_a_finished_log(tmp_path: Path, header: Header) -> None:
    runlog = RunLog(tmp_path / "run.jsonl", header)
    runlog.finish(exit_status=1)
    runlog.finish()
    with pytest.raises(HarnessError, match="is closed"):
        runlog.record(CaseResult("late", CaseOutcome.PASSED))
    assert read(tmp_path / "run.jsonl").exit_status == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_closes_the_log(header: Header, tmp_path: Path) -> None:
    runlog = RunLog(tmp_path / "run.jsonl", header)
    with open("/dev/full", "wb", buffering=0) as full:
        os.dup2(full.fileno(), runlog._file.fileno())
    with pytest.raises(HarnessError, match=r"cannot write .*No space"):
        runlog.record(CaseResult("t", CaseOutcome.PASSED))
    with pytest.raises(HarnessError, match="is closed"):
        runlog.record(CaseResult("t", CaseOutcome.PASSED))


@pytest.mark.parametrize("value", [object(), b"bytes", {1, 2}, Header])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="has no place in a run log"):
        encode({"x": [value]})


def test_page_totals_count_claims_of_the_chosen_rows_by_metric() -> None:
    claims = tuple(
        Claim(metric, Figure("1"), "", "", 1, 1) for metric in (Metric.TOP1, Metric.MACS)
    )
    rows = tuple(Row(f"p/timm/{n}", "timm", n, "", 1, 1, claims) for n in "abc")
    totals = PageTotals.of(Page("p", "p.md", "ab", rows), {"p/timm/a", "p/timm/b", "q/timm/c"})
    assert (totals.rows, totals.claims) == (("p/timm/a", "p/timm/b"), {"top1": 2, "macs": 2})
    assert totals.left_out == 1


def test_the_machine_is_described_with_and_without_cpuinfo(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor : 0\nmodel name : Made-up CPU\n")
    assert describe(tmp_path / "cpuinfo").cpu == "Made-up CPU"
    bare = describe(tmp_path / "none")
    assert bare.cpu
    assert bare.cores >= 1
    assert bare.memory_bytes > 0


HOSTILE = (None, True, 1, -1, 10**400, 1e308, "x", "nan", [], {}, [[]], {"a": []}, ["\ud800"])


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every dictionary and list within a record, with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    return [(value, key) for key in keys] + [
        place for key in keys if isinstance(value[key], dict | list) for place in places(value[key])
    ]


@pytest.mark.shows("a hostile file hangs or floods a run, which is then cut short")
@pytest.mark.parametrize(("form", "step"), [("md", 1), ("text", 11)])
def test_anything_anywhere_in_a_log_is_told_or_refused(
    log: Path, capsys: pytest.CaptureFixture[str], form: str, step: int
) -> None:
    records = [json.loads(line) for line in log.read_bytes().splitlines()]
    refused = 0
    every = [place for record in records for place in places(record)]
    for number, (holder, key) in enumerate(every[::step]):
        kept = holder[key]
        for value in HOSTILE[number % 4 :: 4]:
            holder[key] = value
            log.write_text("".join(f"{json.dumps(record)}\n" for record in records))
            code = main(["report", str(log), "--format", form])
            refused += code == 2
            said = capsys.readouterr().err
            assert len(said) < 1000
            assert code in (0, 1, 2)
        holder[key] = kept
    assert refused > 20
