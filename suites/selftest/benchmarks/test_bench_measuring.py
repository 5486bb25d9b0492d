"""What a command took is counted with everything that it started."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from benchmarks.measuring import Usage, measure
from benchmarks.stopwatch import Stopwatch
from harness.errors import HarnessError

BURN_SECONDS = 0.4  # of processor time: far more than two interpreters take to start
HELD_MIB = 64
BURN = f"import time\nwhile time.process_time() < {BURN_SECONDS}: pass"
HOLD = f"import time; held = b'x' * ({HELD_MIB} << 20); time.sleep(1.2)"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs a kernel with subreapers")


def python(code: str, *arguments: str, **options: float) -> Usage:
    return measure((sys.executable, "-S", "-c", code, *arguments), **options)


def test_time_of_a_waited_grandchild_is_counted() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', sys.argv[1]])"
    assert python(code, BURN).cpu_s >= BURN_SECONDS
    assert python(code, "pass").cpu_s < BURN_SECONDS


@LINUX
def test_time_of_an_orphan_is_counted() -> None:
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', sys.argv[1]])"
    usage = python(code, BURN)
    assert (usage.cpu_s >= BURN_SECONDS, usage.left_running) == (True, 0)


def test_memory_of_processes_at_one_time_is_summed() -> None:
    code = (
        "import subprocess, sys\n"
        "both = [subprocess.Popen([sys.executable, '-S', '-c', sys.argv[1]]) for _ in range(2)]\n"
        "for one in both: one.wait()"
    )
    usage = python(code, HOLD, sample_s=0.1)
    assert usage.peak_bytes >> 20 >= 2 * HELD_MIB
    assert usage.samples >= 5
    assert usage.memory in {"PSS", "RSS"}


def test_memory_of_processes_one_after_the_other_is_not_summed() -> None:
    code = (
        "import subprocess, sys\n"
        "for _ in range(2): subprocess.run([sys.executable, '-S', '-c', sys.argv[1]])"
    )
    peak_mib = python(code, HOLD.replace("1.2", "0.4"), sample_s=0.1).peak_bytes >> 20
    assert HELD_MIB <= peak_mib < 2 * HELD_MIB


def test_shared_memory_is_counted_once_where_pss_can_be_read() -> None:
    code = f"import os, time; {HOLD.partition(';')[2].partition(';')[0]}; os.fork(); time.sleep(1)"
    usage = python(code, sample_s=0.1)
    if usage.memory != "PSS":
        pytest.skip("this kernel tells no PSS")
    assert HELD_MIB <= usage.peak_bytes >> 20 < 2 * HELD_MIB


def test_wall_time_is_not_processor_time() -> None:
    usage = python("import time; time.sleep(0.5)")
    assert usage.wall_s >= 0.5
    assert usage.cpu_s < 0.4


@pytest.mark.parametrize(("code", "expected"), [("pass", 0), ("raise SystemExit(3)", 3)])
def test_exit_code_is_passed_through(code: str, expected: int) -> None:
    assert python(code).exit_code == expected


def test_signal_that_ended_the_command_is_told() -> None:
    assert python("import os; os.kill(os.getpid(), 9)").exit_code == -9


@LINUX
def test_what_outlives_the_command_is_killed_and_told() -> None:
    code = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid)"
    usage = python(code, grace_s=0.2)
    assert usage.left_running == 1
    assert usage.wall_s < 5
    assert not [child for child in psutil.Process().children() if child.name() == "sleep"]


def test_children_of_others_are_left_alone() -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        usage = python("pass", grace_s=0.0)
        assert (other.poll(), usage.left_running) == (None, 0)
        other.kill()


def test_command_that_cannot_start_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"cannot start .*nothing-here: No such file"):
        measure((str(tmp_path / "nothing-here"),))


def test_environment_is_added_to_the_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN", "1")
    code = "import os; raise SystemExit(int(os.environ['OWN'] + os.environ['ADDED']))"
    command = (sys.executable, "-c", code)
    assert measure(command, environment={"ADDED": "2"}).exit_code == 12
    assert "ADDED" not in os.environ


def test_stopwatch_adds_up_a_step_and_counts_one_that_fails() -> None:
    watch = Stopwatch()
    with watch.step("sleep"):
        time.sleep(0.1)
    with suppress(InterruptedError), watch.step("sleep"):
        time.sleep(0.1)
        raise InterruptedError
    cost = watch.costs["sleep"]
    assert cost.wall_s >= 0.2
    assert cost.cpu_s < 0.1
