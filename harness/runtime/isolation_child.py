"""The other side of :mod:`harness.runtime.isolation`: the process that runs what may hang or crash.

It reads pickled calls from a connection until it is told to stop. Whatever a call returns or
raises comes back as one :class:`Answer`; only the end of the process itself does not.
"""

from __future__ import annotations

import atexit
import ctypes
import faulthandler
import os
import pickle
import resource
import select
import signal
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from harness.errors import HarnessError

READY = b"ready"
STOP = b""
RESET_PEAK_RSS = "5"  # written to /proc/self/clear_refs, see proc(5)
STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class CallResult:
    """What came of one call.

    Attributes:
        result: the pickled result, or None where it raised.
        error: the pickled exception, where it is a ``HarnessError`` that survives pickling.
        summary: type and text of the exception, or "".
        trace: its traceback, or "".
        peak_bytes: most resident memory of this process during the call.
        resident_bytes: resident memory after the call.
        cpu_s: processor seconds that the call took.
    """

    result: bytes | None
    error: bytes | None
    summary: str
    trace: str
    peak_bytes: int
    resident_bytes: int
    cpu_s: float


def serve(descriptor: int) -> None:
    """Answer calls from the connection on ``descriptor`` until it says ``STOP``."""
    os.set_inheritable(descriptor, False)
    _die_with_parent(descriptor)
    faulthandler.enable()
    connection = Connection(descriptor)
    connection.send_bytes(READY)
    while (call := connection.recv_bytes()) != STOP:
        answer = _answer(call)
        _flush()
        connection.send_bytes(pickle.dumps(answer))
    atexit._run_exitfuncs()
    _flush()
    os._exit(0)  # taking frameworks down object by object takes seconds


def _answer(call: bytes) -> CallResult:
    """Run one pickled ``(function, args)``; never raises."""
    result = error = None
    summary = trace = ""
    _reset_peak()
    before = _cpu_s()
    try:
        function, args = pickle.loads(call)
        value = function(*args)
        try:
            result = pickle.dumps(value)
        except Exception as problem:
            raise TypeError(f"the result cannot be sent back: {problem}") from problem
    except BaseException as problem:
        error = _portable(problem) if isinstance(problem, HarnessError) else None
        summary = "".join(traceback.format_exception_only(problem)).strip()
        trace = traceback.format_exc()
    used = _cpu_s() - before
    return CallResult(result, error, summary, trace, _peak_bytes(), _status_bytes("VmRSS"), used)


def _cpu_s() -> float:
    """Processor seconds of this process and of the ones that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _portable(problem: HarnessError) -> bytes | None:
    """The pickled exception, or None where it could not be read back."""
    try:
        pickled = pickle.dumps(problem)
        pickle.loads(pickled)
    except Exception:
        return None
    return pickled


def _die_with_parent(descriptor: int) -> None:
    """Leave a small process behind that ends the whole group once the parent's end is closed.

    A process, because a thread stands still while a library holds the interpreter's lock, and
    because the kernel's own parent-death signal spares what the call has started in turn.
    """
    if os.fork() == 0:
        try:
            gone = select.poll()
            gone.register(descriptor, 0)  # asks for nothing, so hears of hang-up and error only
            gone.poll()
        finally:
            os.killpg(0, signal.SIGKILL)


def _flush() -> None:
    """Push out what Python and the C library still hold back."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the call may have closed or replaced it
            stream.flush()
    with suppress(Exception):
        ctypes.CDLL(None).fflush(None)


def _reset_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text(RESET_PEAK_RSS, encoding="ascii")


def _peak_bytes() -> int:
    """Most resident memory since the last reset; where there is no reset, of the whole life."""
    if STATUS.exists():
        return _status_bytes("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes on macOS, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status_bytes(name: str) -> int:
    """A figure of /proc/self/status in bytes, or 0 where there is none."""
    with suppress(OSError):
        for line in STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024  # always in kB, see proc(5)
    return 0
