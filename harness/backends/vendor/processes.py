"""A command-line tool in a process that can hang, crash or leave others behind.

The tool and a small watcher form a process group of their own. The watcher waits on a pipe that
only this process holds; once it closes, by intent or because this process is gone, the whole group
is killed. What has left the group is found by a mark in its environment.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from harness.errors import MissingBackend

LOG_TAIL_BYTES = 4096  # what is kept of the output; as for steps in a child process
TERM_GRACE_SECONDS = 3.0  # for a tool to let go of its card before it is killed
MARK = "ZOO_TOOL_RUN"  # the environment variable that marks everything one call started

_WATCH = ("/bin/sh", "-c", "trap '' TERM INT HUP; read _; kill -KILL 0")
_UNPRINTABLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[^\S\n\t ]|[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a tool ended.

    Attributes:
        tool: its file name.
        code: exit code; negative, the signal that ended it; None, killed as its time was over.
        seconds: wall time from start to end.
        log: the end of what it printed, both streams in order; terminal codes are taken out.
    """

    tool: str
    code: int | None
    seconds: float
    log: str


def run_tool(
    command: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str],
    timeout_s: float,
) -> Ended:
    """Run a command in a folder and wait, ``timeout_s`` seconds at most.

    When this returns or raises, no process that the command started is left.

    Args:
        folder: the working directory, and where temporary files go: they are removed with it.
        environment: set for the tool, in addition to what this process has.

    Raises:
        MissingBackend: the command cannot be started.
    """
    mark = secrets.token_hex(16)
    with tempfile.TemporaryFile(buffering=0) as output, _group(mark) as group:
        start = time.monotonic()
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "TMPDIR": str(folder), **environment, MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=group,
            )
        except OSError as error:
            problem = error.strerror or error
            raise MissingBackend(f"cannot start {command[0]}: {problem}") from error
        try:
            code: int | None = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _stop(process, group)
        return Ended(Path(command[0]).name, code, time.monotonic() - start, _tail(output))


@contextmanager
def _group(mark: str) -> Iterator[int]:
    """The id of a fresh process group; at the end all of it, and all that is marked, is killed."""
    watcher = subprocess.Popen(
        _WATCH,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        yield watcher.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(watcher.pid, signal.SIGKILL)
        watcher.communicate()
        _kill_marked(mark)


def _stop(process: subprocess.Popen[bytes], group: int) -> None:
    """Ask a tool that still runs to end, then make it."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(TERM_GRACE_SECONDS)
        process.kill()
    process.wait()


def _kill_marked(mark: str) -> None:
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # others' processes, and those that just ended
            if process.environ().get(MARK) == mark:
                process.kill()


def _tail(output: IO[bytes]) -> str:
    size = os.fstat(output.fileno()).st_size
    data = os.pread(output.fileno(), LOG_TAIL_BYTES, max(0, size - LOG_TAIL_BYTES))
    text = data.decode("utf-8", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub("", text)
