"""The other side of :mod:`harness.runtime.cluster`: a host of it, which runs calls in a child."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, LostHost, StageError
from harness.runtime.identity import differing, installed
from harness.runtime.isolation import Worker


@dataclass(frozen=True, slots=True)
class HostCall:
    """A call as a host gets it.

    Attributes:
        function, args, timeout_s, stage, case: as of :meth:`Worker.run`.
        versions: what has to be installed there, see :func:`installed`.
        environment, recycle_above_bytes: as of :class:`Worker`.
    """

    function: Callable[..., Any]
    args: tuple[object, ...]
    timeout_s: float
    stage: type[StageError]
    case: str
    versions: Mapping[str, str]
    environment: Mapping[str, str]
    recycle_above_bytes: int | None


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """What came of a call, and what it took there; ``error`` is what it raised, or None.

    ``node``: the host as Ray calls it.
    """

    host: str
    node: str
    result: Any
    error: HarnessError | None
    peak_bytes: int
    cpu_s: float
    took_s: float


def answer(call: HostCall) -> HostAnswer:
    """Run a call in this host's child, which is kept for the next one."""
    began = time.monotonic()
    result, error = None, None
    worker = _worker(tuple(sorted(call.environment.items())), call.recycle_above_bytes)
    try:
        require_same(call.versions)
        result = worker.run(
            call.function, *call.args, timeout_s=call.timeout_s, stage=call.stage, case=call.case
        )
    except HarnessError as problem:
        error = problem
    took = time.monotonic() - began
    peak, cpu = worker.last_peak_bytes or 0, worker.last_cpu_s
    return HostAnswer(name(), _node(), result, error, peak, cpu, took)


def require_same(versions: Mapping[str, str]) -> None:
    """Refuse to compute with other versions than the run's.

    Raises:
        LostHost: names this host, and both versions of each thing that differs.
    """
    if told := differing(installed(tuple(versions)), versions):
        raise LostHost(f"host {name()} has {told}")


def look(file: Path, content: str, versions: Mapping[str, str]) -> str:
    """Why this host cannot take part in a run, or "": its versions, and whether it sees a file."""
    try:
        require_same(versions)
        seen = file.read_text(encoding="utf-8")
    except (OSError, HarnessError) as error:
        if isinstance(error, HarnessError):
            return str(error)
        seen = ""
    if seen != content:
        return f"host {name()} does not see {file.parent}: give --store a folder that all hosts see"
    return ""


@cache
def name() -> str:
    """What this host is called, and by which process."""
    return f"{socket.gethostname()} (process {os.getpid()})"


@cache
def _node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


@cache
def _worker(environment: tuple[tuple[str, str], ...], recycle_above_bytes: int | None) -> Worker:
    return Worker(environment=dict(environment), recycle_above_bytes=recycle_above_bytes)
