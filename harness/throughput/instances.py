"""Sessions of one model in processes of their own: what the vendor calls ``-i`` and ``-p``.

LoadGen keeps its clock in this process. So nothing of a workload runs here: neither its libraries'
threads nor its memory, its hang or its crash are LoadGen's.
"""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol, Self, cast

import psutil

from harness.backends.session import Load
from harness.errors import RunError, RunHang
from harness.runtime.isolation import Worker
from harness.throughput.serving import Floats, OpenSession, serve

START_SECONDS = 300.0  # for a process's imports and its model, on a busy machine with a cold disk
ENDING_SECONDS = 10.0  # for a process that closed its connection to say why
LIFE_SECONDS = 24 * 3600.0  # no process is left for longer; each answer has its own limit
POLL_SECONDS = 0.2  # how late the death of a process that starts is noticed

ONE_THREAD: Mapping[str, str] = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Set for instances that share cores: the load is made by their number."""


class Lane(Protocol):
    """One instance. Used by one thread at a time."""

    def logits(self, positions: Sequence[int]) -> Floats:
        """Run the images at these positions as one batch: float32 (n, classes)."""


class Instances:
    """Instances of one model, ready when this returns; ended with the ``with`` block.

    Attributes:
        lanes: one for each instance of each process.
        peak_bytes: most resident memory of all the processes together, each at its own peak:
            interpreter, libraries, images and sessions. Known after the block; 0 before.
    """

    def __init__(
        self,
        open_session: OpenSession,
        images: Path,
        load: Load,
        *,
        answer_timeout_s: float,
        environment: Mapping[str, str] = ONE_THREAD,
    ) -> None:
        """Start ``load.processes`` processes with ``load.instances`` sessions in each.

        ``open_session`` has to be picklable. ``answer_timeout_s``: seconds for one batch.

        Raises:
            RunError, Unavailable: a session cannot be opened.
        """
        self.peak_bytes = 0
        self._hosts: list[_Host] = []
        self._pool = ThreadPoolExecutor(load.processes)
        try:
            for _ in range(load.processes):
                host = _Host(open_session, images, load.instances, environment, self._pool)
                self._hosts.append(host)
            self.lanes: tuple[Lane, ...] = tuple(
                _Connected(connection, host, answer_timeout_s)
                for host in self._hosts
                for connection in host.connections()
            )
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes, by force where they do not end themselves."""
        for host in self._hosts:
            host.close()
        self._pool.shutdown()
        self.peak_bytes = sum(host.worker.last_peak_bytes or 0 for host in self._hosts)


class _Host:
    """A process with some instances."""

    def __init__(
        self,
        open_session: OpenSession,
        images: Path,
        instances: int,
        environment: Mapping[str, str],
        pool: ThreadPoolExecutor,
    ) -> None:
        self.worker = Worker(environment=environment)
        self._folder = tempfile.TemporaryDirectory(prefix="lanes-")
        address = f"{self._folder.name}/socket"
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(address)
        self._listening.listen(instances)
        self._listening.settimeout(POLL_SECONDS)
        self._count = instances
        self._open: list[Connection] = []

        def live() -> None:
            call = (serve, open_session, images, address, instances)
            self.worker.run(*call, timeout_s=LIFE_SECONDS, stage=RunError)

        self._life: Future[None] = pool.submit(live)

    def connections(self) -> list[Connection]:
        """The connections to all instances, once these are ready.

        Raises:
            RunError, Unavailable: a session cannot be opened.
        """
        deadline = time.monotonic() + START_SECONDS
        while len(self._open) < self._count:
            try:
                accepted, _ = self._listening.accept()
            except TimeoutError:
                if self._life.done():
                    raise self.ending() from None
                if time.monotonic() > deadline:
                    raise RunHang(f"no instance was ready within {START_SECONDS:g} s") from None
            else:
                self._open.append(Connection(accepted.detach()))
        return self._open

    def ending(self) -> BaseException:
        """Why the process has ended, or is about to."""
        with suppress(TimeoutError):
            return self._life.exception(ENDING_SECONDS) or RunError("an instance ended by itself")
        return RunHang("an instance closed its connection and did not end")

    def kill(self) -> None:
        """End the process at once."""
        if (pid := self.worker.pid) is not None:
            with suppress(psutil.Error):
                psutil.Process(pid).kill()

    def close(self) -> None:
        """Have the process end itself, or end it."""
        for connection in self._open:
            connection.close()
        self._listening.close()
        if len(self._open) < self._count:
            self.kill()  # it would wait for ever to be accepted
        with suppress(BaseException):
            self._life.exception(ENDING_SECONDS)
        if not self._life.done():
            self.kill()
        self.worker.close()
        self._folder.cleanup()


class _Connected:
    """An instance behind a connection."""

    def __init__(self, connection: Connection, host: _Host, timeout_s: float) -> None:
        self._connection = connection
        self._host = host
        self._timeout_s = timeout_s

    def logits(self, positions: Sequence[int]) -> Floats:
        """Run the images at these positions as one batch.

        Raises:
            RunHang: there was no answer in time; its process is killed.
            RunError, Unavailable: the session failed, or its process has ended.
        """
        try:
            self._connection.send(list(positions))
            if self._connection.poll(self._timeout_s):
                return cast(Floats, self._connection.recv())
        except (EOFError, OSError):
            raise self._host.ending() from None
        self._host.kill()
        images = f"{len(positions)} image" + "s" * (len(positions) != 1)
        raise RunHang(f"no answer to a batch of {images} within {self._timeout_s:g} s")
