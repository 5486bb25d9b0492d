"""Subjects measured in turns: every round tests each of them, and each round by itself can be
compared, because what the machine does meanwhile it does to all of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import cycle, islice
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from harness.backends.session import Load
from harness.errors import MeasureError, StageError
from harness.throughput import reference
from harness.throughput.instances import ONE_THREAD, Instances, Lane
from harness.throughput.logs import (
    Performance,
    read_performance,
    read_served,
    require_no_errors,
)
from harness.throughput.served import require_apart, require_right
from harness.throughput.serving import Floats, OpenSession
from harness.throughput.trials import SEEDS, LoadGenTest, Mode, Scenario, run_trial

REFERENCE = "reference"
"""The name of the workload that others are compared with."""

ALONE = Load(instances=1, processes=1, batch=1)
"""How SingleStream loads every workload: one image after the other."""

LEAST_QUERIES = 64
"""Of a SingleStream test: with fewer, LoadGen's early stopping says nothing of the 90th percentile
(its own log: ``Processed at least 64 queries``)."""

AHEAD = 1.5
"""Samples of an Offline test, over those that its duration needs at the speed seen before: a
session that is faster this time must not be done too soon."""

TRIES = 3
"""Of a test that LoadGen finds too short, each with more samples."""

WARM_SECONDS = 0.2  # for a first look at the speed, after one batch that does not count


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What is measured.

    Attributes:
        name: stands in the facts and names a folder of logs.
        open_session: picklable; called once for each instance.
        images: an ``.npy`` file, (n, 3, height, width) as the sessions take them, n from 2.
        load: how Offline loads it: instances in each process, processes, and images in a batch. A
            session that loads a device by itself, as the vendor's runner does, is one instance.
        environment: set in its processes.
        identity: kept in the facts.
    """

    name: str
    open_session: OpenSession
    images: Path
    load: Load = ALONE
    environment: Mapping[str, str] = field(default_factory=lambda: dict(ONE_THREAD))
    identity: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long to measure.

    Attributes:
        rounds: tests of each workload in each scenario.
        seconds: at least, for each test.
        queries: at least, of a SingleStream test.
        answer_timeout_s: seconds for one batch.
    """

    rounds: int = 10
    seconds: float = 1.0
    queries: int = LEAST_QUERIES
    answer_timeout_s: float = 120.0


def reference_subject(folder: Path, load: Load = ALONE) -> Workload:
    """The reference workload on the CPU; writes its images into the folder."""
    return Workload(
        name=REFERENCE,
        open_session=reference.ReferenceWorkload,
        images=reference.write_images(folder),
        load=load,
        identity=reference.identity(),
    )


def measure(
    workloads: Sequence[Workload],
    effort: Effort,
    folder: Path,
    scenarios: Sequence[Scenario] = ("SingleStream", "Offline"),
) -> dict[str, Any]:
    """Test all workloads in turns by LoadGen; facts in JSON's types.

    To be called in a process that can be killed, such as ``isolation``'s: LoadGen waits for ever
    for an answer that does not come. All logs are kept in the folder. The order of the workloads
    is turned round from round to round, so that a steady drift of the machine cancels.

    Facts: ``loadgen`` (version), ``seeds``, ``effort``, ``subjects`` (each one's identity and
    environment) and ``scenarios``: for each and each workload ``load``, ``rounds`` (see
    :class:`harness.throughput.logs.Performance`), ``peak_bytes`` of its processes, and ``served``:
    how many logged answers were held against those of the images alone, and the farthest.

    Raises:
        Unavailable: LoadGen is not installed, or a session cannot be opened here.
        RunError: a session failed, hung or crashed, or answers are missing, wrong or mixed up.
        MeasureError: LoadGen finds a test invalid, or its logs cannot be read.
        ValueError: there is nothing to measure, or a name twice.
    """
    names = [workload.name for workload in workloads]
    if not names or len(set(names)) != len(names) or effort.rounds < 1:
        raise ValueError(f"{effort.rounds} rounds of {names}")
    measured = {scenario: _measured(workloads, effort, folder, scenario) for scenario in scenarios}
    versions = {
        one["version"]
        for found in measured.values()
        for part in found.values()
        for one in part["rounds"]
    }
    return {
        "loadgen": ", ".join(sorted(versions)),
        "seeds": dict(SEEDS),
        "effort": asdict(effort),
        "subjects": {
            workload.name: {
                "identity": dict(workload.identity),
                "environment": dict(workload.environment),
            }
            for workload in workloads
        },
        "scenarios": measured,
    }


def _measured(
    workloads: Sequence[Workload], effort: Effort, folder: Path, scenario: Scenario
) -> dict[str, Any]:
    with ExitStack() as stack:
        stands = []
        for workload in workloads:
            load = ALONE if scenario == "SingleStream" else workload.load
            with _told(workload, scenario):
                instances = Instances(
                    workload.open_session,
                    workload.images,
                    load,
                    answer_timeout_s=effort.answer_timeout_s,
                    environment=workload.environment,
                )
            stack.enter_context(instances)
            stands.append(_Stand(workload, instances, load, effort, scenario, folder / scenario))
        for stand in stands:
            with _told(stand.workload, scenario):
                stand.prepare()
        for round_ in range(effort.rounds):
            for stand in stands if round_ % 2 == 0 else reversed(stands):
                with _told(stand.workload, scenario):
                    stand.test(round_ + 1)
    return {stand.workload.name: stand.facts() for stand in stands}


@contextmanager
def _told(workload: Workload, scenario: Scenario) -> Iterator[None]:
    """Have an error of a step say which workload it is about; its case is the caller's to name."""
    try:
        yield
    except StageError as error:
        message = f"{workload.name}, {scenario}: {error.message}"
        raise type(error)(message, command=error.command, log=error.log) from error


@dataclass
class _Stand:
    """A workload under test in one scenario."""

    workload: Workload
    instances: Instances
    load: Load
    effort: Effort
    scenario: Scenario
    folder: Path
    per_second: float = 0.0
    checked: int = 0
    farthest: float = 0.0
    rounds: list[Performance] = field(default_factory=list)
    alone: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def prepare(self) -> None:
        """Answer each image alone, look at the speed, serve each image once under LoadGen."""
        images = len(np.load(self.workload.images, mmap_mode="r", allow_pickle=False))
        lane = self.instances.lanes[0]
        self.alone = np.concatenate([lane.logits([position]) for position in range(images)])
        require_apart(self.alone)
        self.per_second = _speed(self.instances.lanes, images, self.load.batch)
        logs = self.folder / self.workload.name / "accuracy"
        self._run("AccuracyOnly", logs)
        require_no_errors(logs)
        self._check(logs, each_once=True)

    def test(self, number: int) -> None:
        """Run a performance test; once more, and longer, where it was too short to be valid.

        Raises:
            MeasureError: it is invalid by LoadGen's rules, or at last too short.
        """
        for attempt in range(1, TRIES + 1):
            name = f"round-{number:02}" + (f".{attempt}" if attempt > 1 else "")
            logs = self.folder / self.workload.name / name
            self._run("PerformanceOnly", logs)
            performance = read_performance(logs)
            if not performance.broken:
                self._check(logs, each_once=False)
                self.rounds.append(performance)
                return
            if not performance.too_short:
                break
            self.per_second = max(2 * self.per_second, AHEAD * performance.samples_per_second)
        reasons = "; ".join(performance.broken)
        raise MeasureError(f"LoadGen finds the test INVALID: {reasons} ({logs})")

    def facts(self) -> dict[str, Any]:
        """What came of it; to be asked for when the instances have ended."""
        return {
            "load": asdict(self.load),
            "rounds": [asdict(one) for one in self.rounds],
            "peak_bytes": self.instances.peak_bytes,
            "served": {"checked": self.checked, "farthest": self.farthest},
        }

    def _run(self, mode: Mode, logs: Path) -> None:
        lanes = self.instances.lanes
        whole = self.load.batch * len(lanes)
        offline = max(1, ceil(AHEAD * self.per_second * self.effort.seconds / whole)) * whole
        trial = LoadGenTest(
            scenario=self.scenario,
            mode=mode,
            images=len(self.alone),
            batch=self.load.batch,
            min_seconds=self.effort.seconds,
            min_queries=offline if self.scenario == "Offline" else self.effort.queries,
            expected_per_s=self.per_second,
        )
        run_trial(trial, lanes, logs)

    def _check(self, logs: Path, *, each_once: bool) -> None:
        served = read_served(logs)
        farthest = require_right(served, self.alone, each_once=each_once, log=logs)
        self.checked += len(served)
        self.farthest = max(self.farthest, farthest)


def _speed(lanes: Sequence[Lane], images: int, batch: int) -> float:
    """About how many images a second all lanes together answer."""
    positions = list(islice(cycle(range(images)), batch))

    def work(lane: Lane, seconds: float) -> int:
        count, end = 0, time.monotonic() + seconds
        while not count or time.monotonic() < end:
            count += len(lane.logits(positions))
        return count

    with ThreadPoolExecutor(len(lanes)) as pool:
        list(pool.map(partial(work, seconds=0.0), lanes))
        start = time.monotonic()
        answered = sum(pool.map(partial(work, seconds=WARM_SECONDS), lanes))
        return answered / (time.monotonic() - start)
