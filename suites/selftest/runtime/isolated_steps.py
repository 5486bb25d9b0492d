"""Small steps for a child process: well-behaved ones, and one for every way to misbehave."""

from __future__ import annotations

import atexit
import ctypes
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.errors import ExportError, HarnessError, PageError, RunError, UnknownKey

SLEEP_LONG = [sys.executable, "-c", "import time; time.sleep(60)"]


def process_id() -> int:
    return os.getpid()


def add(left: int, right: int) -> int:
    return left + right


def write_at_exit(path: Path) -> None:
    atexit.register(path.write_text, "ended", encoding="utf-8")


def hold_memory(size: int) -> int:
    return len(b"x" * size)


HELD: list[bytes] = []


def keep_memory(size: int) -> None:
    HELD.append(b"x" * size)


def hang_with_descendants(pids: Path) -> None:
    plain = subprocess.Popen(SLEEP_LONG)
    escaped = subprocess.Popen(SLEEP_LONG, start_new_session=True)
    pids.with_suffix(".partial").write_text(f"{os.getpid()} {plain.pid} {escaped.pid}")
    pids.with_suffix(".partial").rename(pids)
    time.sleep(60)


def crash_with_descendant(pids: Path) -> None:
    pids.write_text(str(subprocess.Popen(SLEEP_LONG).pid))
    os.abort()


def segfault() -> None:
    ctypes.string_at(0)


def kill_self(signal: int) -> None:
    os.kill(os.getpid(), signal)


def leave(code: int) -> None:
    sys.exit(code)


def leave_at_once(code: int) -> None:
    os._exit(code)


def chatter(text: str) -> None:
    print(f"python says {text}")
    os.write(2, f"a library says {text}\n".encode())
    subprocess.run(["echo", f"a tool says {text}"], check=True)


def complain(text: str) -> None:
    chatter(text)
    raise RuntimeError(text)


def chatter_then_fail(lines: int) -> None:
    for number in range(lines):
        print(f"line {number}")
    raise RuntimeError("no such operator")


def lack_a_key() -> None:
    raise UnknownKey("no row of that name")


def misread_page() -> None:
    raise PageError("no such column", path="page.md", line=3)


class Unsendable(HarnessError):
    """Holds what cannot be pickled."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.held = lambda: None


def refuse_unsendably() -> None:
    raise Unsendable("cannot be pickled")


def fail_at_stage() -> None:
    print("loading")
    raise RunError("no output")


def fail_with_details() -> None:
    raise ExportError("empty file", case="own case", command="own command", log="own log")


def return_unsendable() -> object:
    return lambda: None


def count_bytes(_: Path, model: Path) -> dict[str, int]:
    return {"bytes": model.stat().st_size}


def fail(_: Path, message: str) -> None:
    raise ValueError(message)


def write_to_full_device(_: Path) -> None:
    with open("/dev/full", "wb", buffering=0) as file:
        file.write(b"model")


def leave_a_file_and_die(told: Path) -> None:
    with tempfile.NamedTemporaryFile(delete=False) as file:
        told.write_text(file.name)
    os.abort()


def write_model(folder: Path, content: str) -> int:
    """The process of the cluster that ran it."""
    (folder / "model.bin").write_text(content)
    return os.getppid()


def wait_to_be_killed(folder: Path, told: Path, content: str) -> int:
    """The first time, leave something half-written and say which process it is; never end."""
    if told.exists():
        return write_model(folder, content)
    (folder / "half.bin").write_text("half")
    told.with_suffix(".partial").write_text(str(os.getppid()))
    told.with_suffix(".partial").rename(told)
    time.sleep(300)
    return 0


def kill_the_host_process() -> None:
    """The process of the cluster that the child belongs to."""
    os.kill(os.getppid(), 9)
    time.sleep(60)
