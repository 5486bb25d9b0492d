"""How much memory a step may use, and who on this machine has already asked for some."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import psutil
from filelock import FileLock

from harness.errors import HarnessError, NotEnoughMemory
from harness.runtime.atomic import write_text
from harness.runtime.memory_limits import available_bytes, total_bytes

LOG = logging.getLogger(__name__)

BUDGET_SHARE = 0.75  # of all memory: the rest is for page cache, pytest and the desktop
POLL_SECONDS = 0.15
PATIENCE_SECONDS = 30.0  # a request that has waited longer lets no later one pass
SAME_START_SECONDS = 1.0  # start times of one process may differ by this, clocks being adjusted
GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Reservation:
    """Memory that a process holds or waits for.

    ``since`` is when it asked, on a clock that all processes share; ``started`` is when the
    process was, which tells it from a later one with the same id.
    """

    id: str
    pid: int
    started: float
    owner: str
    size: int
    since: float

    def is_live(self) -> bool:
        """Whether the process that asked is still there."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < SAME_START_SECONDS
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:  # somebody else's, and there
            return True


@dataclass(frozen=True, slots=True)
class Books:
    """What the ledger's file says: who holds memory, and who waits for it."""

    held: tuple[Reservation, ...] = ()
    waiting: tuple[Reservation, ...] = ()

    def without(self, request: Reservation) -> Books:
        """The same with nothing of this request."""
        return Books(
            tuple(one for one in self.held if one.id != request.id),
            tuple(one for one in self.waiting if one.id != request.id),
        )


@dataclass(frozen=True, slots=True)
class MemoryReservations:
    """A book of reserved memory that the processes of one machine share.

    It keeps steps from running side by side that fit only one after the other; it limits nobody.
    What a process reserved is free again when the process is gone, however it went.

    Attributes:
        path: the file, beside which ``<path>.lock`` lies. Its folder is created.
        budget_bytes: what all reservations together may come to.
    """

    path: Path
    budget_bytes: int = field(kw_only=True, default_factory=lambda: default_budget_bytes())

    def books(self) -> Books:
        """What living processes hold and wait for."""
        with self._lock():
            return self._read()

    @contextmanager
    def reserve(self, size: int, *, owner: str, timeout_s: float | None = None) -> Iterator[None]:
        """Hold ``size`` bytes, once they fit beside what others hold.

        ``owner`` says to others what it is for. A request that has waited long lets no later one
        pass, so a large one is never starved. Reserve once for a whole step: a second reservation
        inside the first can wait for ever.

        Raises:
            NotEnoughMemory: more than the whole budget, or not free within ``timeout_s`` seconds
                (None: wait as long as it takes).
            HarnessError: the file cannot be written.
        """
        if size > self.budget_bytes:
            raise NotEnoughMemory(
                f"{owner} needs {size / GIB:.2f} GiB; the budget of this machine is "
                f"{self.budget_bytes / GIB:.2f} GiB, available {available_bytes() / GIB:.2f} GiB"
            )
        myself = psutil.Process()
        request = Reservation(
            id=secrets.token_hex(8),
            pid=myself.pid,
            started=myself.create_time(),
            owner=owner,
            size=size,
            since=time.time(),
        )
        try:
            self._wait(request, timeout_s)
            yield
        finally:
            with self._lock():
                self._write(self._read().without(request))

    def _wait(self, request: Reservation, timeout_s: float | None) -> None:
        deadline = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        while (held := self._try(request)) is not None:
            if time.monotonic() >= deadline:
                holders = ", ".join(f"{one.owner} {one.size / GIB:.2f} GiB" for one in held)
                raise NotEnoughMemory(
                    f"{request.owner} needs {request.size / GIB:.2f} of "
                    f"{self.budget_bytes / GIB:.2f} GiB and waited {timeout_s:g} s; "
                    f"held by: {holders or 'nobody, but others wait for longer'}"
                )
            time.sleep(POLL_SECONDS)

    def _try(self, request: Reservation) -> tuple[Reservation, ...] | None:
        """Hold the request if it is its turn and return None, else who holds memory now."""
        with self._lock():
            read = self._read()
            books = read.without(request)
            free = self.budget_bytes - sum(one.size for one in books.held)
            if request.size <= free and not _is_behind(request, books):
                self._write(replace(books, held=(*books.held, request)))
                return None
            if request not in read.waiting:
                LOG.info("%s waits for %.2f GiB of memory", request.owner, request.size / GIB)
                self._write(replace(books, waiting=(*books.waiting, request)))
            return books.held

    def _lock(self) -> FileLock:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HarnessError(f"memory ledger {self.path}: {error.strerror}") from error
        return FileLock(f"{self.path}.lock")

    def _read(self) -> Books:
        """What is written, less what processes asked for that are gone."""
        try:
            document = json.loads(self.path.read_bytes())
            held, waiting = (
                tuple(Reservation(**one) for one in document[name]) for name in ("held", "waiting")
            )
        except FileNotFoundError:
            return Books()
        except OSError as error:
            raise HarnessError(f"memory ledger {self.path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            LOG.warning("memory ledger %s is damaged and begun anew: %s", self.path, error)
            return Books()
        return Books(
            tuple(one for one in held if one.is_live()),
            tuple(one for one in waiting if one.is_live()),
        )

    def _write(self, books: Books) -> None:
        write_text(self.path, json.dumps(asdict(books), indent=1))


def default_budget_bytes() -> int:
    """Three quarters of what this process may use at all."""
    return int(total_bytes() * BUDGET_SHARE)


def _is_behind(request: Reservation, books: Books) -> bool:
    """Whether somebody asked earlier and has waited for so long that it comes first."""
    now = time.time()
    return any(
        one.since < request.since and now - one.since > PATIENCE_SECONDS for one in books.waiting
    )
