"""What is in the store is used; what is not is built in the child, under reserved memory."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.backends.backend import Host
from harness.errors import MissingSource, StageError
from harness.expected.variants import Variant
from harness.pipeline.declared import Step
from harness.pipeline.keys import step_tools
from harness.pipeline.limits import IDLE_BYTES, RECYCLED_BYTES, bytes_for, is_large, seconds_for
from harness.reporting.results import StepCost
from harness.runtime.cluster import Cluster
from harness.runtime.isolation import CHILD_ENVIRONMENT, Worker
from harness.runtime.memory import POLL_SECONDS, MemoryReservations, default_budget_bytes
from harness.runtime.store import JSON, Entry, Key, LazyArtifact, Store, open_store
from harness.runtime.store.lazy import usable
from harness.runtime.store.quantities import MIB, size_text

NEARLY_FULL_BYTES = 512 * MIB  # with less free, a step that failed has likely failed of that


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is asked for.

    ``weights``: None for seeded ones, "hub", or a folder. ``memory_bytes``: what all processes of
    this machine may reserve together. ``step_timeout_s``: in place of the limit by size.
    ``host``: what of this machine backends use. ``cluster``: the address of the Ray cluster on
    whose hosts steps run; None for this machine.
    """

    build_config: Path
    store: Path | None = None
    store_limit: str | None = None
    weights: str | None = None
    memory_bytes: int | None = None
    step_timeout_s: float | None = None
    host: Host = field(default_factory=Host)
    cluster: str | None = None

    @property
    def weights_kind(self) -> str:
        """As reports name it: "seeded" or "published"."""
        return "seeded" if self.weights is None else "published"


def make_worker() -> Worker:
    """The child process of a worker, not started yet."""
    return Worker(recycle_above_bytes=RECYCLED_BYTES, environment=CHILD_ENVIRONMENT)


@dataclass
class Builder:
    """Builds things once: one store, one child process, one ledger of memory.

    Attributes:
        ran: what each step took that ran; taken from here by whoever tells of them.
    """

    settings: Settings
    worker: Worker
    ran: list[StepCost] = field(default_factory=list)
    _failed: dict[str, StageError] = field(default_factory=dict)

    @cached_property
    def store(self) -> Store:
        """Where everything built is kept."""
        return open_store(self.settings.store, limit=self.settings.store_limit)

    @cached_property
    def reservations(self) -> MemoryReservations:
        """Who of this machine's processes holds how much memory."""
        budget = self.settings.memory_bytes or default_budget_bytes()
        return MemoryReservations(self.store.root / "memory.json", budget_bytes=budget)

    @cached_property
    def cluster(self) -> Cluster | None:
        """Where steps run, if not here."""
        if self.settings.cluster is None:
            return None
        return Cluster(
            self.settings.cluster,
            tools=tuple(step_tools()),
            environment=CHILD_ENVIRONMENT,
            recycle_above_bytes=IDLE_BYTES,
        )

    def close(self) -> None:
        """End the child, and leave the cluster."""
        self.worker.close()
        if "cluster" in self.__dict__ and self.cluster:
            self.cluster.close()

    def build(
        self,
        step: Step,
        key: Key,
        variant: Variant,
        *inputs: object,
        waits_s: float = 0.0,
        needs: str = "",
    ) -> Entry:
        """The entry of a key, made in the child where it is not in the store.

        A step that failed is not run again: asked once more, it fails as it did.

        ``inputs``: what the step gets after its folder; of a :class:`LazyArtifact` it gets the
        path, and nobody asks for one where nothing is built. ``waits_s``, ``needs``: see
        :meth:`run_apart`.

        Raises:
            MissingSource: no upstream network is known for the row.
        """
        require_resolved(variant)

        def produce(folder: Path) -> Mapping[str, JSON]:
            held, given = _opened(inputs)
            if step.recycles and is_large(variant):
                self.worker.recycle()  # frameworks keep freed memory for themselves
            try:
                facts: dict[str, JSON] = dict(
                    self.run_apart(
                        step, variant, *given, waits_s=waits_s, needs=needs, folder=folder
                    )
                )
            except StageError as error:
                raise _with_disk(error, self.store.root) from None
            finally:
                held.clear()  # until here, nothing that was opened could go
            cost = self.ran[-1]
            return facts | {"peak_bytes": cost.peak_bytes, "cpu_s": round(cost.cpu_s, 3)}

        def built() -> Entry:
            if failed := self._failed.get(key.digest):
                raise failed.again()
            try:
                return self.store.build(key, produce)
            except StageError as error:
                self._failed.setdefault(key.digest, error)
                raise

        return usable(built) if step.checked else built()

    def run_apart(
        self,
        step: Step,
        variant: Variant,
        *inputs: object,
        seconds: float | None = None,
        waits_s: float = 0.0,
        needs: str = "",
        alone: bool = False,
        folder: Path | None = None,
    ) -> Any:
        """Run a step in the child, or on a host, under the memory that it is reserved for the row.

        ``seconds``: its limit, by default that of a step; ``waits_s`` comes on top, for what is
        not its own work.
        ``needs``: the backend that it runs on, which hosts of a cluster may have or not.
        ``alone``: here, while no other step of the suite runs on this machine.
        ``folder``: what the step writes to and gets first.

        Raises:
            StageError: see :meth:`harness.runtime.isolation.Worker.run`.
            LostHost: see :meth:`harness.runtime.cluster.Cluster.run`.
        """
        whole = self.reservations.budget_bytes if alone else bytes_for(step.copies, variant)
        limit_s = waits_s + (self.settings.step_timeout_s or seconds or seconds_for(variant))
        if self.cluster and not alone:
            try:
                return self.cluster.run(
                    step.function,
                    *inputs,
                    memory_bytes=whole,
                    needs=needs,
                    timeout_s=limit_s,
                    stage=step.error,
                    case=variant.row,
                    folder=folder,
                )
            finally:
                self.ran.append(_cost(step, self.cluster, self.cluster.last_waited_s, whole))
        if folder:
            inputs = (folder, *inputs)
        asked_s = time.monotonic()
        with self.reservations.reserve(whole, owner=f"{step.name} {variant.row}"):
            waited_s = time.monotonic() - asked_s
            if waited_s < POLL_SECONDS:
                waited_s = 0.0  # that is what asking takes
            try:
                return self.worker.run(
                    step.function,
                    *inputs,
                    timeout_s=limit_s,
                    stage=step.error,
                    case=variant.row,
                )
            finally:
                self.ran.append(_cost(step, self.worker, waited_s, whole))


def _cost(step: Step, by: Worker | Cluster, waited_s: float, asked_bytes: int) -> StepCost:
    """What a step took that has just ended."""
    host = by.last_host if isinstance(by, Cluster) else ""
    peak = by.last_peak_bytes or 0
    return StepCost(step.name, by.last_cpu_s, peak, round(waited_s, 3), asked_bytes, host)


def require_resolved(variant: Variant) -> None:
    """Refuse a row of which no upstream network is known.

    Raises:
        MissingSource: with the reason.
    """
    if variant.unresolved:
        raise MissingSource(f"{variant.row}: {variant.unresolved}")


def _opened(arguments: Sequence[object]) -> tuple[list[Entry], list[object]]:
    """The entries that are needed, to be held, and the arguments with paths in their place."""
    held: list[Entry] = []
    given: list[object] = []
    for one in arguments:
        if isinstance(one, LazyArtifact):
            entry, path = one.opened()
            held.append(entry)
            given.append(path)
        else:
            given.append(one)
    return held, given


def _with_disk(error: StageError, root: Path) -> StageError:
    """The error, with a word about the disk where that is full: what comes of it differs widely."""
    free = shutil.disk_usage(root).free
    if free >= NEARLY_FULL_BYTES and os.strerror(errno.ENOSPC) not in error.message + error.log:
        return error
    cause = (
        f"most likely because the disk is full: {size_text(free)} free at {root}; make room, or "
        "choose another folder with --store or ZOO_STORE"
    )
    return type(error)(
        f"{error.message}; {cause}", case=error.case, command=error.command, log=error.log
    )
