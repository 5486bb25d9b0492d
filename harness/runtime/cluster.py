"""Steps on the hosts of a Ray cluster: each in a child process there, as it would run here.

Ray chooses the host, by free cores and memory. What a step is, what it may take and how it fails
is the same as without a cluster: a host has a :class:`harness.runtime.isolation.Worker` of its
own. A host that is lost in the middle costs an attempt and no verdict.

Only this module and its other side import Ray, and only where a run asks for a cluster.
"""

from __future__ import annotations

import logging
import os
import pickle
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from harness.errors import LostHost, NotEnoughMemory, RunError, StageError, Unavailable
from harness.runtime.cluster_host import HostAnswer, HostCall
from harness.runtime.identity import installed
from harness.runtime.isolation import Worker
from harness.runtime.store.quantities import GIB, MIB, size_text

T = TypeVar("T")

LOCAL: Final = "local"
"""In place of an address: a cluster of this machine alone, for as long as the run."""
ATTEMPTS: Final = 3
"""Hosts that may be lost under one step before the step is given up."""
LOOK_SECONDS: Final = 5.0  # how often somebody who waits looks whether any host can still serve
START_SECONDS: Final = 120.0  # for a cluster of this machine
PROBE_SECONDS: Final = 120.0  # for a host to start a process and read its versions
OBJECTS_BYTES: Final = 128 * MIB  # of Ray's own object store: steps hand over files, not objects

_ENVIRONMENT: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a step sees the devices that its host sees
}


@dataclass(frozen=True, slots=True)
class Hosts:
    """What the hosts of a cluster have together."""

    number: int
    cores: int
    memory_bytes: int

    def __str__(self) -> str:
        hosts = "1 host" if self.number == 1 else f"{self.number} hosts"
        return f"{hosts}, {self.cores} cores, {size_text(self.memory_bytes)} for steps"


class Cluster:
    """A Ray cluster that this process has joined, on which it runs one function at a time.

    Attributes:
        last_peak_bytes, last_cpu_s: as of :class:`harness.runtime.isolation.Worker`.
        last_waited_s: seconds that the last call waited for a host.
        last_host: where it ran.
    """

    def __init__(
        self,
        address: str,
        *,
        tools: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        recycle_above_bytes: int | None = None,
    ) -> None:
        """``tools``: distributions whose versions have to be the same on every host."""
        self.address = address
        self.last_peak_bytes: int | None = None
        self.last_cpu_s = self.last_waited_s = 0.0
        self.last_host = ""
        self._joined = False
        self._node = ""
        self._tools = tools
        self._environment = dict(environment or {})
        self._recycle_above_bytes = recycle_above_bytes

    def run(
        self,
        function: Callable[..., T],
        *args: object,
        memory_bytes: int,
        timeout_s: float,
        stage: type[StageError],
        case: str = "",
        needs: str = "",
        folder: Path | None = None,
    ) -> T:
        """Call ``function(*args)`` on a host that has so much memory free; return what it returns.

        Args:
            needs: a resource of Ray, of which it takes one; where no host has it, it runs anywhere.
            folder: an empty one that all hosts see, for what the function writes. The function gets
                one within it as its first argument, another for each attempt.
            timeout_s: seconds, from when a host begins.

        Raises:
            TypeError, HarnessError, StageError: as of
                :meth:`harness.runtime.isolation.Worker.run`.
            NotEnoughMemory: no host has so much.
            LostHost: :data:`ATTEMPTS` hosts were lost under it, or there is none left.
        """
        self.last_peak_bytes, self.last_cpu_s, self.last_waited_s, self.last_host = 0, 0.0, 0.0, ""
        lost: list[str] = []
        while len(lost) < ATTEMPTS:
            own = folder / f"attempt-{len(lost) + 1}" if folder else None
            if own:
                own.mkdir()
            call = HostCall(
                function,
                (own, *args) if own else args,
                timeout_s,
                stage,
                case,
                self._versions,
                self._environment,
                self._recycle_above_bytes,
            )
            began = time.monotonic()
            try:
                found = self._answer(call, memory_bytes, needs)
            except self._ray.exceptions.RayError as error:
                lost.append(_told(error))
                logging.getLogger(__name__).warning("%s: %s; another host takes it", case, lost[-1])
                continue
            self.last_peak_bytes, self.last_cpu_s = found.peak_bytes, found.cpu_s
            self.last_host, self._node = found.host, found.node
            self.last_waited_s = max(0.0, time.monotonic() - began - found.took_s)
            if isinstance(found.error, LostHost):
                lost.append(str(found.error))
                continue
            if found.error:
                raise found.error
            if folder and own:
                _take(own, folder)
            result: T = found.result
            return result
        raise LostHost(f"{case}: given up after {len(lost)} attempts: {'; '.join(lost)}")

    def require_fit(self, folder: Path) -> Hosts:
        """Refuse hosts that would compute something else, or do not see a folder; what there is.

        Raises:
            Unavailable: names each such host, and why.
        """
        folder.mkdir(parents=True, exist_ok=True)
        file, content = folder / f".cluster-{secrets.token_hex(8)}", secrets.token_hex(8)
        file.write_text(content, encoding="utf-8")
        try:
            said = {node["NodeID"]: self._look(node, file, content) for node in self._hosts()}
        finally:
            file.unlink(missing_ok=True)
        left = {node["NodeID"]: node["Resources"] for node in self._hosts()}  # some are just lost
        if problems := [said[one] for one in said if said[one] and one in left]:
            raise Unavailable(f"cluster {self.address}: " + "; ".join(problems))
        cores, memory = (
            sum(int(one.get(what, 0)) for one in left.values()) for what in ("CPU", "memory")
        )
        return Hosts(len(left), cores, memory)

    def close(self) -> None:
        """Leave the cluster, if this joined it."""
        if self._joined:
            self._ray.shutdown()
            del self.__dict__["_ray"]
            self._joined = False

    @cached_property
    def _versions(self) -> Mapping[str, str]:
        return installed(self._tools)

    @cached_property
    def _ray(self) -> Any:
        """Ray, joined."""
        os.environ.update({key: os.environ.get(key, at) for key, at in _ENVIRONMENT.items()})
        ray = _ray()
        if ray.is_initialized() and ray.get_runtime_context().gcs_address == self.address:
            return ray  # joined by another of this process
        try:
            ray.init(address=self.address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            told = " ".join(str(error).split())
            raise Unavailable(f"cluster {self.address} cannot be joined: {told}") from error
        self._joined = True
        return ray

    @cached_property
    def _function(self) -> Any:
        """What runs on a host: it finds the modules that this process finds."""
        paths = list(sys.path)

        def on_host(module: str, function: str, pickled: bytes) -> bytes:
            import importlib
            import pickle
            import sys

            sys.path[:] = [*paths, *(one for one in sys.path if one not in paths)]
            run = getattr(importlib.import_module(module), function)
            answered: bytes = pickle.dumps(run(*pickle.loads(pickled)))
            return answered

        return self._ray.remote(on_host)

    def _submit(self, function: str, *args: object, **options: Any) -> Any:
        try:
            pickled = pickle.dumps(args)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise TypeError(f"what {function} is given cannot be sent: {error}") from None
        remote = self._function.options(max_retries=0, **options)
        return remote.remote("harness.runtime.cluster_host", function, pickled)

    def _answer(self, call: HostCall, memory_bytes: int, needs: str) -> HostAnswer:
        """What a host answers.

        Raises:
            RayError: the host was lost.
        """
        special = any(needs in node["Resources"] for node in self._hosts())
        needed = {needs: 1} if special else {}
        self._require_room(memory_bytes, needed)
        pending = self._submit(
            "answer",
            call,
            num_cpus=1,
            memory=memory_bytes,
            resources=needed,
            scheduling_strategy=self._where(),
        )
        try:
            while not self._ray.wait([pending], timeout=LOOK_SECONDS)[0]:
                self._require_room(memory_bytes, needed)
            answered: HostAnswer = pickle.loads(self._ray.get(pending))
        except BaseException:  # interrupted: never leave a half-done call running
            with suppress(Exception):
                self._ray.cancel(pending, force=True)
            raise
        return answered

    def _where(self) -> Any:
        """Where the last call ran, if there is room: its child has imported what steps need."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        if self._node not in {node["NodeID"] for node in self._hosts()}:
            return "DEFAULT"
        return NodeAffinitySchedulingStrategy(self._node, soft=True, _spill_on_unavailable=True)

    def _hosts(self) -> list[Mapping[str, Any]]:
        """The hosts that take steps; a head may have no cores for any."""
        nodes = self._ray.nodes()
        return [node for node in nodes if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]

    def _require_room(self, memory_bytes: int, needed: Mapping[str, int]) -> None:
        """Nobody waits for memory that no host has, or for hosts that are gone.

        Raises:
            LostHost: there is none left.
            NotEnoughMemory: none has so much.
        """
        fit = [
            node["Resources"] for node in self._hosts() if needed.keys() <= node["Resources"].keys()
        ]
        sizes = [int(resources.get("memory", 0)) for resources in fit]
        if not sizes:
            whose = " with ".join(["no host", *needed])
            raise LostHost(f"cluster {self.address}: {whose} is left")
        if memory_bytes > max(sizes):
            raise NotEnoughMemory(
                f"{memory_bytes / GIB:.2f} GiB are needed; the largest of {len(sizes)} hosts of "
                f"cluster {self.address} gives {max(sizes) / GIB:.2f} GiB"
            )

    def _look(self, node: Mapping[str, Any], file: Path, content: str) -> str:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        asked = self._submit(
            "look", file, content, self._versions, num_cpus=0, scheduling_strategy=here
        )
        try:
            said: str = pickle.loads(self._ray.get(asked, timeout=PROBE_SECONDS))
        except Exception as error:
            return f"host {node['NodeManagerAddress']} does not answer: {_told(error)}"
        return said


class Local:
    """A cluster of this machine alone, which ends with this process, however that ends.

    Whoever joins it needs the token that is in this process's environment from then on, and in that
    of its children.

    Attributes:
        address: of it.
    """

    def __init__(self, *, memory_bytes: int, cores: int | None = None) -> None:
        """``cores``: all that this process may use, unless given.

        Raises:
            Unavailable: Ray is not installed, or does not start.
        """
        # before Ray is imported, which reads them then
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self._worker = Worker(environment=_ENVIRONMENT)
        self.address: str = self._worker.run(
            _start, cores, memory_bytes, timeout_s=START_SECONDS, stage=RunError
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        self._worker.close()


def _start(cores: int | None, memory_bytes: int) -> str:
    """Start the processes of a cluster, which belong to the group of this one."""
    ray = _ray()
    try:
        ray.init(
            address=LOCAL,
            num_cpus=cores,
            _memory=memory_bytes,
            object_store_memory=OBJECTS_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        told = " ".join(str(error).split())
        raise Unavailable(f"no cluster can be started here: {told}") from error
    return str(ray.get_runtime_context().gcs_address)


def _ray() -> Any:
    """
    Raises:
        Unavailable: it is not installed.
    """
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise Unavailable("--cluster needs Ray: pip install 'zoo-conformance[cluster]'") from error
    return ray


def _take(attempt: Path, folder: Path) -> None:
    """Move what an attempt wrote to where it belongs; what lost ones wrote goes."""
    for one in attempt.iterdir():
        shutil.move(one, folder / one.name)
    for left in folder.glob("attempt-*"):
        shutil.rmtree(left, ignore_errors=True)


def _told(error: BaseException) -> str:
    """The first line of somebody else's error, with its type."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
