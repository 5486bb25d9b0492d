"""A step in a child process can hang, crash or print, and the parent still says what happened."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import isolated_steps as steps
import psutil
import pytest

from harness.errors import CompileError, ExportError, PageError, RunError, UnknownKey
from harness.runtime.isolation import LOG_TAIL_BYTES, MIB, Worker

pytestmark = [
    pytest.mark.shows(
        "a hang, crash or silent exit counts as a result",
        by="the child is killed, its end is named",
    )
]

LONG_S = 30.0  # seconds nothing here takes
Run = Callable[..., object]


@pytest.fixture(scope="module")
def shared_worker() -> Iterator[Worker]:
    with Worker() as worker:
        yield worker


@pytest.fixture
def worker(shared_worker: Worker) -> Worker:
    return shared_worker


@pytest.fixture
def run(worker: Worker) -> Run:
    return partial(worker.run, timeout_s=LONG_S, stage=ExportError)


def test_result_comes_back(run: Run) -> None:
    assert run(steps.add, 2, 3) == 5


def test_child_is_another_process_and_kept_between_calls(run: Run, worker: Worker) -> None:
    first = run(steps.process_id)
    assert first == run(steps.process_id) == worker.pid
    assert first != psutil.Process().pid


def test_recycled_child_is_replaced(run: Run, worker: Worker) -> None:
    first = run(steps.process_id)
    worker.recycle()
    assert not psutil.pid_exists(first)
    assert run(steps.process_id) != first


def test_what_a_child_does_at_its_end_is_done(run: Run, worker: Worker, tmp_path: Path) -> None:
    run(steps.write_at_exit, tmp_path / "end")
    worker.recycle()
    assert (tmp_path / "end").read_text(encoding="utf-8") == "ended"


def test_child_that_holds_too_much_is_replaced() -> None:
    with Worker(recycle_above_bytes=100 * MIB) as worker:
        run = partial(worker.run, timeout_s=LONG_S, stage=RunError)
        first = run(steps.process_id)
        run(steps.hold_memory, 150 * MIB)  # freed before the call ends
        assert run(steps.process_id) == first
        run(steps.keep_memory, 150 * MIB)
        assert run(steps.process_id) != first


def test_peak_memory_is_that_of_the_last_call_alone(run: Run, worker: Worker) -> None:
    run(steps.hold_memory, 200 * MIB)
    assert worker.last_peak_bytes > 200 * MIB
    run(steps.add, 1, 1)
    assert worker.last_peak_bytes < 150 * MIB


def test_a_call_that_was_not_answered_has_no_processor_time_of_the_one_before(
    run: Run, worker: Worker
) -> None:
    run(steps.hold_memory, 200 * MIB)
    assert worker.last_cpu_s > 0
    with pytest.raises(ExportError, match="SIGSEGV"):
        run(steps.segfault)
    assert worker.last_cpu_s == 0


def test_hang_is_ended_with_all_descendants(run: Run, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(CompileError, match="did not finish within 1 s") as caught:
        run(steps.hang_with_descendants, pids, timeout_s=1, stage=CompileError, case="row")
    assert caught.value.case == "row"
    wait_until_gone(pids)


def test_crash_is_named_with_the_place_in_the_log(run: Run) -> None:
    with pytest.raises(ExportError, match="killed by SIGSEGV, last seen") as caught:
        run(steps.segfault, command="make export")
    assert "in segfault" in caught.value.log
    assert "repeat: make export" in str(caught.value)


def test_crash_takes_along_what_it_started(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="killed by SIGABRT"):
        run(steps.crash_with_descendant, tmp_path / "pids")
    wait_until_gone(tmp_path / "pids")


def test_temporary_files_of_a_crash_go_with_the_child(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="killed by SIGABRT"):
        run(steps.leave_a_file_and_die, tmp_path / "told")
    left = Path((tmp_path / "told").read_text())
    assert not left.parent.exists()
    assert left.parent.name.startswith("zoo-child-")


def test_kill_hints_at_memory(run: Run) -> None:
    with pytest.raises(ExportError, match=r"killed by SIGKILL \(often the kernel's out-of-memory"):
        run(steps.kill_self, signal.SIGKILL)


@pytest.mark.parametrize("code", [0, 3])
def test_silent_end_of_the_process_is_never_a_result(run: Run, code: int) -> None:
    with pytest.raises(ExportError, match=f"ended with exit code {code} before it answered"):
        run(steps.leave_at_once, code)


def test_sys_exit_is_a_failure_and_the_child_lives_on(run: Run, worker: Worker) -> None:
    before = run(steps.process_id)
    with pytest.raises(ExportError, match="raised SystemExit: 0"):
        run(steps.leave, 0)
    assert worker.pid == before


def test_calls_go_on_after_a_crash(run: Run) -> None:
    with pytest.raises(ExportError, match="SIGABRT"):
        run(steps.kill_self, signal.SIGABRT)
    assert run(steps.add, 2, 2) == 4


def test_child_that_died_between_calls_is_replaced(run: Run, worker: Worker) -> None:
    run(steps.add, 1, 1)
    psutil.Process(worker.pid).kill()
    time.sleep(0.1)
    assert run(steps.add, 2, 2) == 4


def test_exception_arrives_with_message_and_tail(run: Run) -> None:
    with pytest.raises(ExportError, match="raised RuntimeError: no such operator") as caught:
        run(steps.chatter_then_fail, 2000)
    assert "line 1999" in caught.value.log
    assert "in chatter_then_fail" in caught.value.log
    assert len(caught.value.log) <= LOG_TAIL_BYTES


def test_harness_error_keeps_its_type(run: Run) -> None:
    with pytest.raises(UnknownKey, match=r"^no row of that name$"):
        run(steps.lack_a_key)


def test_harness_error_that_cannot_travel_is_told_as_the_stage(run: Run) -> None:
    with pytest.raises(ExportError, match=r"raised isolated_steps.Unsendable: cannot be pickled"):
        run(steps.refuse_unsendably)


def test_page_error_keeps_file_and_line(run: Run) -> None:
    with pytest.raises(PageError, match=r"^page.md:3: no such column$") as caught:
        run(steps.misread_page)
    assert (caught.value.path, caught.value.line) == ("page.md", 3)


def test_stage_error_is_completed(run: Run) -> None:
    with pytest.raises(RunError) as caught:
        run(steps.fail_at_stage, case="row", command="make run")
    error = caught.value
    assert (error.case, error.command, error.log) == ("row", "make run", "loading\n")


def test_stage_error_with_details_keeps_them(run: Run) -> None:
    with pytest.raises(ExportError) as caught:
        run(steps.fail_with_details, case="row", command="make run")
    error = caught.value
    assert (error.case, error.command, error.log) == ("own case", "own command", "own log")


def test_nothing_reaches_the_terminal(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    run(steps.chatter, "hello")
    assert capfd.readouterr() == ("", "")


def test_python_libraries_and_tools_are_heard_in_the_log(run: Run) -> None:
    with pytest.raises(ExportError) as caught:
        run(steps.complain, "hi")
    expected = ["python says hi", "a library says hi", "a tool says hi"]
    assert caught.value.log.splitlines()[:3] == expected


def test_log_is_of_the_failed_call_only(run: Run) -> None:
    run(steps.chatter, "earlier")
    with pytest.raises(ExportError) as caught:
        run(steps.leave_at_once, 1)
    assert caught.value.log == ""


def test_result_that_cannot_travel_is_a_failure(run: Run) -> None:
    with pytest.raises(ExportError, match="the result cannot be sent back"):
        run(steps.return_unsendable)


def test_function_that_cannot_travel_is_refused(run: Run) -> None:
    with pytest.raises(TypeError, match="cannot be sent"):
        run(lambda: 1)


PARENT = """
import sys
sys.path[:0] = {paths!r}
import isolated_steps as steps
from pathlib import Path
from harness.errors import ExportError
from harness.runtime.isolation import Worker
worker = Worker()
worker.run(steps.hang_with_descendants, Path({pids!r}), timeout_s=60, stage=ExportError)
"""


def test_child_and_what_it_started_die_with_a_killed_parent(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    paths = [str(Path(steps.__file__).parent), str(Path(__file__).parents[3])]
    source = PARENT.format(paths=paths, pids=str(pids))
    with subprocess.Popen([sys.executable, "-c", source]) as parent:
        while not pids.exists() and parent.poll() is None:
            time.sleep(0.02)
        parent.kill()
    child, plain, escaped = map(int, pids.read_text().split())
    psutil.Process(escaped).kill()  # it left the group on purpose: beyond reach
    assert_gone([child, plain])


def wait_until_gone(pids: Path) -> None:
    assert_gone([int(pid) for pid in pids.read_text().split()])


def assert_gone(pids: list[int], *, within_s: float = 2.0) -> None:
    deadline = time.monotonic() + within_s
    while alive := [pid for pid in pids if lives(pid)]:
        assert time.monotonic() < deadline, f"still running: {alive}"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
