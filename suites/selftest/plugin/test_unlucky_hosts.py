"""A host that is read-only, full or otherwise unlucky: green stays green, and no red is hidden."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import endings
import pytest
from small_runs import ROW, RunGate, spoil

from harness.errors import HarnessError
from harness.pipeline.catalogue import EXPECTED
from harness.plugin import run as plugin_run
from harness.plugin.run import runs_folder
from harness.reporting import runlog
from harness.reporting.html import write_html

pytestmark = [
    pytest.mark.shows(
        "a host without room, rights or assertions hides a failure or makes one up",
        by="said and no failure; an incomplete log fails; refused before the first case",
    )
]

pytest_plugins = ["pytester"]

ROOT = EXPECTED.parent
PASSING = "def test_holds(row_case): pass\n\ndef test_too(row_case): pass"
OPTIMIZED = "ERROR: python -O and PYTHONOPTIMIZE switch off assertions"


def start(*command: object, folder: Path = ROOT, **environment: str) -> tuple[int, str]:
    """A command in a process of its own: exit status, and what it prints."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def pages(*options: object, folder: Path = ROOT, **environment: str) -> tuple[int, str]:
    """The real cases of the page stage of a row."""
    suite = ROOT / "suites/test_page.py"
    command = (sys.executable, "-m", "pytest", "-q", suite, f"--row={ROW}", *options)
    return start(*command, folder=folder, **environment)


# ── a tree that cannot be written to ──────────────────────────────────────────────────────────

READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && cd "$1" && shift && "$@"'


@pytest.fixture
def read_only(tmp_path: Path) -> tuple[str, ...]:
    """Begins a command for which the suite's own tree is read-only."""
    words = ("unshare", "-m", "sh", "-c", READ_ONLY, "sh")
    if start(*words, tmp_path, "true")[0]:
        pytest.skip("no read-only mount can be made here")
    return (*words, str(ROOT))


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_read_only_tree_is_no_failure(
    read_only: tuple[str, ...], tmp_path: Path, workers: str
) -> None:
    suite = ("suites/test_page.py", f"--row={ROW}", "-n", workers)
    command = (*read_only, sys.executable, "-m", "pytest", *suite)
    status, printed = start(*command, XDG_STATE_HOME=str(tmp_path))
    assert (status, "1 passed" in printed) == (0, True), printed
    assert f"run log: {tmp_path}/zoo-conformance/runs/" in printed


@pytest.mark.parametrize("profile", ["dev", "nightly"])
def test_a_read_only_tree_keeps_fuzzing_green(
    read_only: tuple[str, ...], profile: str, tmp_path: Path
) -> None:
    suite = ("suites/test_preprocessing.py", "-k", "bytes_are_no_image", "-p", "no:cacheprovider")
    command = (*read_only, sys.executable, "-m", "pytest", *suite)
    status, printed = start(*command, HYPOTHESIS_PROFILE=profile, XDG_STATE_HOME=str(tmp_path))
    assert status == 0, printed


def test_a_read_only_tree_hides_no_failure(
    read_only: tuple[str, ...], expected: Path, tmp_path: Path
) -> None:
    spoil(expected / "pages/resnext.toml", '"95.326"', '"80.326"')
    suite = ("suites/test_page.py", f"--row={ROW}", f"--expected={expected}")
    command = (*read_only, sys.executable, "-m", "pytest", *suite)
    status, printed = start(*command, XDG_STATE_HOME=str(tmp_path))
    assert (status, "1 failed" in printed) == (1, True), printed


def test_a_cache_that_cannot_be_written_is_said_and_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    log = f"--run-log={tmp_path / 'run.jsonl'}"
    status, printed = pages("-n", "0", "-o", f"cache_dir={tmp_path / 'cache'}", log)
    assert (status, "PytestCacheWarning: " in printed) == (0, True), printed


def test_runs_are_kept_below_the_suite_where_they_can_be(tmp_path: Path) -> None:
    assert runs_folder(tmp_path) == tmp_path / ".zoo/runs"
    (tmp_path / ".zoo").write_text("no folder")
    assert not runs_folder(tmp_path).is_relative_to(tmp_path)


# ── a log that cannot be written ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("written", [0, 1, 2, 3])
def test_a_run_whose_log_cannot_be_written_goes_on_and_does_not_pass(
    run_gate: RunGate, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    """A disk that is full at the header, at a case, or at the footer."""
    synced: list[int] = []

    def sync(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) > written:
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(runlog.os, "fsync", sync)
    run = run_gate(test_passing=PASSING)
    assert (run.code, "2 passed" in run.printed) == (1, True), run.printed
    assert f"ERROR: cannot write {run.log_path}: No space left on device" in run.printed
    assert "does not pass" in run.printed
    assert "2 cases in" in run.printed, "the results are on the screen all the same"
    assert "INTERNALERROR" not in run.printed
    assert not run.log_path.exists() if written == 0 else not run.log.complete


def test_a_full_disk_is_such_a_one(tmp_path: Path) -> None:
    script = (
        'mount -t tmpfs -o size=4k none "$1" && head -c 1K /dev/zero > "$1/fill" && shift && "$@"'
    )
    small = ("unshare", "-m", "sh", "-c", script, "sh", tmp_path)
    if start(*small, "true")[0]:
        pytest.skip("no small disk can be made here")
    suite = (ROOT / "suites/test_page.py", "-p", "no:cacheprovider", "-n", "0")
    log = f"--run-log={tmp_path / 'run.jsonl'}"
    status, printed = start(*small, sys.executable, "-m", "pytest", *suite, log)
    assert (status, "29 passed" in printed) == (1, True), printed
    assert f"ERROR: cannot write {tmp_path / 'run.jsonl'}: No space left on device" in printed


def test_a_failing_run_stays_failed_without_its_log(
    run_gate: RunGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin_run, "RunLog", _full)
    run = run_gate(test_endings=endings.SOURCE)
    counts = "1 passed, 2 failed, 4 errored, 1 inconclusive, 2 not measured, 1 skipped"
    assert (run.code, counts in " ".join(run.printed.split())) == (1, True)


def _full(path: Path, _header: object) -> None:
    raise HarnessError(f"cannot write {path}: No space left on device")


@pytest.mark.parametrize("where", ["/dev/null/run.jsonl", "/dev/full"])
def test_a_log_that_can_never_be_written_is_refused_before_the_first_case(where: str) -> None:
    status, printed = pages(f"--run-log={where}", "-p", "no:cacheprovider", "-n", "0")
    assert status == pytest.ExitCode.USAGE_ERROR
    (line,) = printed.strip().splitlines()
    assert line.startswith("ERROR: ")
    assert where in line


# ── a page that cannot be written ─────────────────────────────────────────────────────────────


def test_every_run_leaves_its_page_beside_its_log_and_names_it(run_gate: RunGate) -> None:
    run = run_gate(test_passing=PASSING)
    page = run.log_path.with_name(f"{run.log_path.name}.html")
    assert f"\nreport: {page.name}\n" in run.printed
    assert page.read_text(encoding="utf-8") == write_html(run.log)


def test_a_run_that_was_stopped_leaves_a_page_that_says_so(run_gate: RunGate) -> None:
    run = run_gate("-x", test_endings=endings.SOURCE)
    page = run.log_path.with_name(f"{run.log_path.name}.html").read_text(encoding="utf-8")
    assert "INCOMPLETE RUN LOG" in page


@pytest.mark.parametrize("source", [PASSING, endings.SOURCE], ids=["green", "red"])
@pytest.mark.parametrize("problem", [HarnessError("cannot write it: full"), KeyError("a bug")])
def test_a_page_that_cannot_be_written_is_a_warning_and_changes_no_outcome(
    run_gate: RunGate, monkeypatch: pytest.MonkeyPatch, source: str, problem: Exception
) -> None:
    whole = run_gate(test_one=source)

    def fail(_path: Path, _text: str) -> None:
        raise problem

    monkeypatch.setattr(plugin_run.atomic, "write_text", fail)
    run = run_gate(test_one=source)
    assert (run.code, run.outcomes) == (whole.code, whole.outcomes)
    assert run.log.complete
    told = [line for line in run.printed.splitlines() if "report" in line and "WARNING" in line]
    assert len(told) == 1
    assert told[0].startswith("WARNING: no report page: ")
    assert not run.log_path.with_name(f"{run.log_path.name}.html").exists()


# ── what cannot be collected, in workers ──────────────────────────────────────────────────────


@pytest.mark.parametrize("option", ["-m", "-k"])
@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_wrong_expression_is_one_line_with_workers_too(
    run_gate: RunGate, option: str, workers: str
) -> None:
    run = run_gate(option, "a b (", "-n", workers, apart=True, test_passing=PASSING)
    assert run.code == pytest.ExitCode.USAGE_ERROR
    (error,) = run.errors
    assert error.startswith(f"ERROR: Wrong expression passed to '{option}': a b (: at column 3")
    assert "INTERNALERROR" not in run.printed


# ── assertions that are switched off ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("optimize", ["1", "2"])
@pytest.mark.parametrize("workers", ["0", "1"])
def test_without_assertions_nothing_is_judged(optimize: str, workers: str) -> None:
    status, printed = pages("-n", workers, PYTHONOPTIMIZE=optimize)
    assert status == pytest.ExitCode.USAGE_ERROR
    (line,) = printed.strip().splitlines()
    assert line.startswith(OPTIMIZED)


@pytest.mark.parametrize("flag", ["-O", "-OO"])
def test_without_assertions_no_command_runs(flag: str) -> None:
    status, printed = start(sys.executable, flag, "-m", "harness", "list", ROW)
    assert (status, len(printed.splitlines())) == (2, 1)
    assert printed.startswith(f"error: {OPTIMIZED.removeprefix('ERROR: ')}")


# ── another folder, and the background ────────────────────────────────────────────────────────


def test_all_suites_and_self_tests_are_collected_together_from_anywhere(tmp_path: Path) -> None:
    """Two modules have one name; the rest is looked at where they stand."""
    both = (ROOT / "suites/test_preprocessing.py", ROOT / "suites/selftest/images")
    for order in (both, both[::-1]):
        command = (sys.executable, "-m", "pytest", "--collect-only", "-q", *order)
        status, printed = start(*command, folder=tmp_path)
        assert (status, "error" in printed.splitlines()[-1]) == (0, False), printed


def test_no_two_modules_are_imported_under_one_name() -> None:
    """pytest imports a module of no package by its file's name alone."""
    paths = [one for one in (ROOT / "suites").rglob("*.py") if one.name != "conftest.py"]
    alone = [one.name for one in paths if not (one.parent / "__init__.py").exists()]
    assert len(alone) == len(set(alone))


def test_a_page_is_judged_from_another_folder(tmp_path: Path) -> None:
    log = f"--run-log={tmp_path / 'run.jsonl'}"
    status, printed = pages(log, "-p", "no:cacheprovider", folder=tmp_path)
    assert (status, "1 passed" in printed) == (0, True), printed


BACKGROUND = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
ABOUT_CTRL_C = (
    "accuracy/test_evaluation_killed.py::test_ctrl_c_keeps_everything_that_was_known",
    f"backends/vendor/test_vendor_processes.py::"
    f"test_tool_dies_with_the_process_that_runs_it[{signal.SIGINT!s}]",
    "plugin/test_plugin_broken_runs.py::"
    "test_the_log_of_a_run_that_was_broken_off_is_no_whole_one[raise KeyboardInterrupt]",
)


@pytest.mark.parametrize("workers", ["0", "1"])
def test_self_tests_about_ctrl_c_hold_in_the_background(workers: str) -> None:
    """``nohup`` and a script's ``&`` start them with SIGINT ignored."""
    tests = [ROOT / "suites/selftest" / one for one in ABOUT_CTRL_C]
    command = (sys.executable, "-c", BACKGROUND, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    status, printed = start(*command, "-n", workers, *tests)
    assert (status, "3 passed" in printed) == (0, True), printed
