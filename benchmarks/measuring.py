"""What a command and everything that it starts take: time, processor time, memory."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from harness.errors import HarnessError

SAMPLE_SECONDS = 0.25  # between two looks at the memory; a shorter peak may be missed
POLL_SECONDS = 0.02  # how late the end of the command is noticed
GRACE_SECONDS = 5.0  # for what the command left behind to end by itself

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_PR_GET_CHILD_SUBREAPER = 37


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command took, with all its descendants.

    Attributes:
        exit_code: of the command; negative is the signal that ended it.
        wall_s: from its start to its end, in seconds.
        cpu_s: user and system time in seconds, of the command and its descendants.
        peak_bytes: most memory that all of them held together, sampled.
        memory: what was summed: "PSS" (shared pages in parts), "RSS" (shared pages counted in
            each process), or "PSS+RSS" where only some processes can be read closely.
        samples: how often memory was looked at.
        largest_bytes: most resident memory of any single process, by the kernel's own account.
        left_running: processes that outlived the command and had to be killed.
    """

    exit_code: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
    memory: str
    samples: int
    largest_bytes: int
    left_running: int = 0


def measure(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    output: IO[bytes] | int | None = None,
    sample_s: float = SAMPLE_SECONDS,
    grace_s: float = GRACE_SECONDS,
) -> Usage:
    """Run a command to its end and say what it took.

    ``environment``: added to this process's own. ``output``: where standard output and standard
    error go, by default where this process's own go. ``sample_s``: seconds between two samples of
    memory. ``grace_s``: seconds for what the command left behind.

    The kernel adds a process's time to its parent's when the parent waits for it. On Linux,
    processes whose parent has died or moved on come to this one, and are waited for here, so that
    theirs is counted too; elsewhere it is missing.

    Nothing that the command started is alive afterwards, also where this function is interrupted.

    Raises:
        HarnessError: the command cannot be started.
    """
    memory = _Memory()
    account = _Account()
    others = {child.pid for child in psutil.Process().children()}

    def ours() -> list[psutil.Process]:
        return [child for child in psutil.Process().children() if child.pid not in others]

    with _adopting_orphans():
        start = time.perf_counter()
        process = _start(command, cwd, environment, output)
        try:
            due = start
            while not account.collect(process.pid):
                if time.perf_counter() >= due:
                    memory.sample(ours())
                    due += sample_s * max(1, (time.perf_counter() - due) // sample_s + 1)
                time.sleep(POLL_SECONDS)
            wall_s = time.perf_counter() - start
            process.returncode = account.exit_codes[process.pid]
        finally:
            left_running = _end(ours, account, grace_s)
    return Usage(
        exit_code=process.returncode,
        wall_s=wall_s,
        cpu_s=account.cpu_s,
        peak_bytes=memory.peak_bytes,
        memory="+".join(sorted(memory.kinds)),
        samples=memory.samples,
        largest_bytes=account.largest_bytes,
        left_running=left_running,
    )


@dataclass(slots=True)
class _Account:
    """What the processes that were waited for have used."""

    cpu_s: float = 0.0
    largest_bytes: int = 0
    exit_codes: dict[int, int] = field(default_factory=dict)

    def collect(self, pid: int) -> bool:
        """Take a child's account if it has ended; whether it has."""
        waited, status, usage = os.wait4(pid, os.WNOHANG)
        if not waited:
            return False
        unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes on macOS, else KiB
        self.exit_codes[pid] = os.waitstatus_to_exitcode(status)
        self.cpu_s += usage.ru_utime + usage.ru_stime
        self.largest_bytes = max(self.largest_bytes, usage.ru_maxrss * unit)
        return True


@dataclass(slots=True)
class _Memory:
    """The most that was seen."""

    peak_bytes: int = 0
    samples: int = 0
    kinds: set[str] = field(default_factory=set)

    def sample(self, roots: Sequence[psutil.Process]) -> None:
        """Sum what these processes and their descendants hold now."""
        total = 0
        for root in roots:
            with suppress(psutil.NoSuchProcess):
                for process in (root, *root.children(recursive=True)):
                    total += self._held_bytes(process)
        self.samples += 1
        self.peak_bytes = max(self.peak_bytes, total)

    def _held_bytes(self, process: psutil.Process) -> int:
        """A process's share of memory; 0 where it has just ended."""
        with suppress(psutil.NoSuchProcess):
            try:
                shared: int = process.memory_full_info().pss
            except (AttributeError, psutil.AccessDenied):  # not Linux, or not ours to read
                self.kinds.add("RSS")
                return process.memory_info().rss
            self.kinds.add("PSS")
            return shared
        return 0


def _start(
    command: Sequence[str],
    cwd: Path | None,
    environment: Mapping[str, str] | None,
    output: IO[bytes] | int | None,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=os.environ | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
        )
    except OSError as error:
        raise HarnessError(f"cannot start {command[0]}: {error.strerror or error}") from error


def _end(ours: Callable[[], list[psutil.Process]], account: _Account, grace_s: float) -> int:
    """Wait for what the command left behind, kill what does not end; how many were killed."""
    deadline = time.monotonic() + grace_s
    killed: set[int] = set()
    while children := ours():
        for child in children:
            if account.collect(child.pid):
                continue
            if time.monotonic() > deadline and child.pid not in killed:
                killed.add(child.pid)
                child.kill()  # its own children come here in turn
        time.sleep(POLL_SECONDS)
    return len(killed)


@contextmanager
def _adopting_orphans() -> Iterator[None]:
    """Make this process the parent of descendants whose own has ended, where the kernel can."""
    if sys.platform != "linux":
        yield
        return
    libc = ctypes.CDLL(None)
    before = ctypes.c_int()
    libc.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, before.value, 0, 0, 0)
