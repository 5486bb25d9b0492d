"""A tool that is run leaves no process behind, however it, or we, end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import vendor_stand_in as tiny

from harness.backends.vendor.processes import LOG_TAIL_BYTES, Ended, run_tool

ESCAPE = "import subprocess as s; print(s.Popen(['sleep', '999'], start_new_session=True).pid)"


def run(*command: str, folder: Path, timeout_s: float = tiny.LONG_S) -> Ended:
    return run_tool(command, folder=folder, environment={}, timeout_s=timeout_s)


def test_exit_code_and_both_streams_are_kept(tmp_path: Path) -> None:
    ended = run("sh", "-c", "echo out; echo err >&2; exit 5", folder=tmp_path)
    assert (ended.tool, ended.code, ended.log) == ("sh", 5, "out\nerr\n")


def test_only_the_tail_of_a_long_log_is_kept(tmp_path: Path) -> None:
    ended = run("sh", "-c", "seq 100000; echo end", folder=tmp_path)
    assert len(ended.log) == LOG_TAIL_BYTES
    assert ended.log.endswith("100000\nend\n")


def test_terminal_codes_are_taken_out_of_the_log(tmp_path: Path) -> None:
    ended = run("printf", r"\033[31mred\033[0m\a 10%%\r20%%\n", folder=tmp_path)
    assert ended.log == "red 10%\n20%\n"


def test_background_processes_end_with_the_tool(tmp_path: Path) -> None:
    ended = run("sh", "-c", "sleep 999 & echo $!", folder=tmp_path)
    assert ended.code == 0
    tiny.wait_until_gone(int(ended.log))


def test_daemon_that_left_the_group_is_found(tmp_path: Path) -> None:
    ended = run(sys.executable, "-c", ESCAPE, folder=tmp_path)
    assert ended.code == 0
    tiny.wait_until_gone(int(ended.log))


def test_polite_tool_may_let_go_of_its_card(tmp_path: Path) -> None:
    script = "trap 'echo released; exit 0' TERM; echo ready; while :; do sleep 0.02; done"
    ended = run("sh", "-c", script, folder=tmp_path, timeout_s=0.6)
    assert ended.code is None
    assert "released" in ended.log


def test_temporary_files_go_where_they_are_removed(tmp_path: Path) -> None:
    assert run("sh", "-c", "echo $TMPDIR", folder=tmp_path).log == f"{tmp_path}\n"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_tool_dies_with_the_process_that_runs_it(tmp_path: Path, number: signal.Signals) -> None:
    """However that ends: killed, or interrupted, where it ends the tool first."""
    code = (
        "import sys; from pathlib import Path\n"
        "from harness.backends.vendor.processes import run_tool\n"
        "run_tool(['sh', '-c', 'echo $$ > pid; exec sleep 999'], folder=Path(sys.argv[1]), "
        "environment={}, timeout_s=999)"
    )
    repository = Path(__file__).resolve().parents[4]
    parent = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], cwd=repository, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + tiny.LONG_S
    while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(parent.pid, number)
    _, said = parent.communicate()
    assert (b"KeyboardInterrupt" in said) == (number is signal.SIGINT)
    tiny.wait_until_gone(int((tmp_path / "pid").read_text()))
