"""Steps that may hang, crash or eat all memory, run in a child process that can be killed.

A fresh interpreter is started for the child rather than a fork: nothing of the parent (threads,
pytest, an execnet channel) comes along, and the child's output is a file from its first line on.
It is kept between calls, because importing a framework takes seconds.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import IO, Any, NoReturn, Self, TypeVar

import psutil

from harness.errors import HarnessError, StageError
from harness.runtime.isolation_child import READY, STOP, CallResult
from harness.runtime.scratch import Scratch

T = TypeVar("T")

LOG_TAIL_BYTES = 4096  # what a failure shows of the output
POLL_SECONDS = 0.05  # how late a death is noticed, and how often memory is sampled
EXIT_GRACE_SECONDS = 3.0  # for a child to end by itself
MIB = 1024**2

CHILD_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # every worker process has a child: more threads would only contend
    "OPENBLAS_NUM_THREADS": "1",
    "GLIBC_TUNABLES": ":".join(  # memory of a tensor is used again, and not given back each time
        f"glibc.malloc.{name}={bytes_}"
        for name, bytes_ in (
            ("mmap_threshold", 64 * 2**20),
            ("trim_threshold", 512 * 2**20),
            ("top_pad", 16 * 2**20),
        )
    ),
}

_START = (
    "import json, sys; descriptor, sys.path[:] = json.loads(sys.argv[1]); "
    "from harness.runtime.isolation_child import serve; serve(descriptor)"
)


@dataclass(frozen=True, slots=True)
class _Child:
    """A running child, the connection to it, the file its output goes to, and its ``TMPDIR``."""

    process: subprocess.Popen[bytes]
    connection: Connection
    output: IO[bytes]
    scratch: Scratch


@dataclass(frozen=True, slots=True)
class _Step:
    """What a failure has to say about the call that failed."""

    stage: type[StageError]
    case: str
    command: str

    def fail(self, message: str, log: str) -> NoReturn:
        """Raise the stage's error."""
        raise self.stage(message, case=self.case, command=self.command, log=log)


class Worker:
    """Runs functions, one at a time, in a child process that is started when first needed.

    The child and everything it started end with :meth:`close`, with the ``with`` block, with the
    interpreter, and when this process is killed. Its folder for temporary files goes with it, but
    for the last case.

    Attributes:
        last_peak_bytes: most resident memory of the child (not of what it started) during the
            last call; after a call that was killed, the most that was seen (sampled); None before
            the first.
        last_cpu_s: processor seconds (user and system, of the child and of what it waited for)
            that the last call took, if it was answered.
    """

    def __init__(
        self,
        *,
        recycle_above_bytes: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """``recycle_above_bytes``: a child that holds more after a call is replaced.

        ``environment``: set in the child, in addition to what this process has.
        """
        self.last_peak_bytes: int | None = None
        self.last_cpu_s = 0.0
        self._recycle_above_bytes = recycle_above_bytes
        self._environment = dict(environment or {})
        self._child: _Child | None = None
        self._end: Callable[[], Any] = lambda: None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process id of the child, or None while there is none."""
        return None if self._child is None else self._child.process.pid

    def run(
        self,
        function: Callable[..., T],
        *args: object,
        timeout_s: float,
        stage: type[StageError],
        case: str = "",
        command: str = "",
    ) -> T:
        """Call ``function(*args)`` in the child and return what it returns.

        ``timeout_s`` (seconds) covers everything, the child's start and imports included. The
        function must be importable by name; arguments and result must be picklable.

        Raises:
            TypeError: the function or an argument cannot be sent.
            HarnessError: the function raised it; a ``StageError`` gets case, command and log
                where it has none.
            StageError: of the given type: the function raised anything else, ``SystemExit``
                included, or ended its process (signal or exit code are named), or did not finish
                in time. After the last two the child and its descendants are dead.
        """
        call = _pickled(function, args)
        step = _Step(stage, case, command)
        deadline = time.monotonic() + timeout_s
        self.last_peak_bytes, self.last_cpu_s = 0, 0.0
        try:
            child = self._ready_child(deadline)
            child.output.seek(0)  # the child shares the position
            child.output.truncate()
            child.connection.send_bytes(call)
            answer: CallResult = pickle.loads(self._receive(child, deadline))
        except TimeoutError:
            _, log = self._kill()
            step.fail(f"did not finish within {timeout_s:g} s and was killed", log)
        except (EOFError, ConnectionError):
            code, log = self._kill(grace_s=EXIT_GRACE_SECONDS)
            step.fail(f"{_ending(code)}, last seen at {self.last_peak_bytes / MIB:.0f} MiB", log)
        except BaseException:  # interrupted: never leave a half-done call running
            if self._child is not None:
                self._kill()
            raise
        self.last_peak_bytes = answer.peak_bytes
        self.last_cpu_s = answer.cpu_s
        log = _tail(child.output)
        limit = self._recycle_above_bytes
        if limit is not None and answer.resident_bytes > limit:
            self.recycle()
        result: T = _outcome(answer, step, log)
        return result

    def recycle(self) -> None:
        """End the child, and with it whatever it holds; the next call starts a fresh one."""
        if self._child is not None:
            with suppress(OSError):
                self._child.connection.send_bytes(STOP)
            self._kill(grace_s=EXIT_GRACE_SECONDS)

    def close(self) -> None:
        """End the child. A later call would start another."""
        self.recycle()

    def _ready_child(self, deadline: float) -> _Child:
        """The running child, or a new one that listens.

        Raises:
            TimeoutError, EOFError: as :meth:`_receive`.
        """
        if self._child is not None and self._child.process.poll() is not None:
            self._kill()  # it died between two calls
        if self._child is None:
            self._child = _start(self._environment)
            self._end = weakref.finalize(self, _end, self._child)
            greeting = self._receive(self._child, deadline)
            if greeting != READY:
                raise ConnectionError(f"{greeting!r} in place of a greeting")
        return self._child

    def _receive(self, child: _Child, deadline: float) -> bytes:
        """The next message of the child.

        Raises:
            TimeoutError: nothing came before ``deadline`` (on the monotonic clock).
            EOFError: the child has ended.
        """
        while not child.connection.poll(POLL_SECONDS):
            self.last_peak_bytes = max(self.last_peak_bytes or 0, _resident_bytes(child))
            if child.process.poll() is not None and not child.connection.poll(0):
                raise EOFError
            if time.monotonic() > deadline:
                raise TimeoutError
        return child.connection.recv_bytes()

    def _kill(self, *, grace_s: float = 0.0) -> tuple[int, str]:
        """Kill the child, if it has not ended within the grace, and all it started.

        Returns its exit code (negative: the signal) and the tail of its output.
        """
        assert self._child is not None
        with suppress(subprocess.TimeoutExpired):
            self._child.process.wait(grace_s)
        self._child = None
        ended: tuple[int, str] = self._end()
        return ended


def _start(environment: Mapping[str, str]) -> _Child:
    """Start a fresh interpreter that finds the same modules, in a session of its own."""
    ours, theirs = multiprocessing.Pipe(duplex=True)
    output = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed in _end
    scratch = Scratch("child")
    with theirs:
        setup = json.dumps([theirs.fileno(), sys.path])
        process = subprocess.Popen(
            # -P: no module of the working directory shadows the standard library
            [sys.executable, "-P", "-u", "-c", _START, setup],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(scratch.path), **environment},
        )
    return _Child(process, ours, output, scratch)


def _end(child: _Child) -> tuple[int, str]:
    """Kill a child, its process group and its descendants; give its exit code and last output."""
    descendants: list[psutil.Process] = []
    with suppress(psutil.Error):  # those that have left the group
        descendants = psutil.Process(child.process.pid).children(recursive=True)
    with suppress(OSError):
        os.killpg(child.process.pid, signal.SIGKILL)
    for descendant in descendants:
        with suppress(psutil.Error):
            descendant.kill()
    code = child.process.wait()
    log = _tail(child.output)
    child.connection.close()
    child.output.close()
    child.scratch.close()
    return code, log


def _pickled(function: Callable[..., object], args: tuple[object, ...]) -> bytes:
    if getattr(function, "__module__", None) == "__main__":
        raise TypeError(f"{function!r} cannot be sent to a child: move it to a module")
    try:
        return pickle.dumps((function, args))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(f"{function!r} or its arguments cannot be sent: {error}") from None


def _outcome(answer: CallResult, step: _Step, log: str) -> Any:
    """What the call returned, or raise what it raised."""
    if answer.result is not None:
        try:
            return pickle.loads(answer.result)
        except Exception as problem:
            step.fail(f"the result cannot be read here: {type(problem).__name__}: {problem}", log)
    if answer.error is None:
        step.fail(f"raised {answer.summary}", _last(f"{log.rstrip()}\n{answer.trace}"))
    error: HarnessError = pickle.loads(answer.error)
    if isinstance(error, StageError):
        raise type(error)(
            error.message,
            case=error.case or step.case,
            command=error.command or step.command,
            log=error.log or log,
        )
    raise error


def _ending(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"its process ended with exit code {code} before it answered"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = " (often the kernel's out-of-memory killer)" if name == "SIGKILL" else ""
    return f"killed by {name}{hint}"


def _resident_bytes(child: _Child) -> int:
    """Memory the child holds now, or 0 where it is gone."""
    try:
        return psutil.Process(child.process.pid).memory_info().rss
    except psutil.Error:
        return 0


def _tail(output: IO[bytes]) -> str:
    """The last of what the child printed; leaves the shared position alone."""
    size = os.fstat(output.fileno()).st_size
    start = max(0, size - LOG_TAIL_BYTES)
    return os.pread(output.fileno(), LOG_TAIL_BYTES, start).decode("utf-8", errors="replace")


def _last(text: str) -> str:
    return text.encode()[-LOG_TAIL_BYTES:].decode(errors="replace")
