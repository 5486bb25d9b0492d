"""Workers of pytest-xdist in one process: as slow to begin, and as easily dead, as the real ones.

Like ``xdist/remote.py`` a worker runs an item only when it knows the next one or was told that
there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any

from harness.plugin.scheduling import RowScheduling, Weight

BUDGET = 10


def config_of(workers: int) -> Any:
    """As much of a pytest configuration as a scheduler asks for."""
    return SimpleNamespace(getvalue={"tx": [f"{workers}*popen"]}.get)


class SimulatedWorker:
    """What a scheduler knows a worker by, and the queue at its other end."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.queue: list[int] = []
        self.shutting_down = False

    def shutdown(self) -> None:
        self.shutting_down = True

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        assert not self.shutting_down, "work for a worker that was told to go"
        self.queue.extend(indices)

    @property
    def can_run(self) -> bool:
        """Whether it has an item and knows what comes after it."""
        return len(self.queue) >= 2 or (len(self.queue) == 1 and self.shutting_down)


@dataclass(slots=True)
class Simulation:
    """What came of a run.

    Attributes:
        runs: (worker, group, item), in order of completion; a crash is one too.
        together: for each moment, the weights of what the workers had begun.
    """

    runs: list[tuple[str, str, str]] = field(default_factory=list)
    together: list[tuple[Weight, ...]] = field(default_factory=list)


def simulate(
    weights: Mapping[str, Weight],
    *,
    workers: int,
    crashing: Iterable[str] = (),
    seed: int = 0,
    scheduling: type[RowScheduling] = RowScheduling,
) -> Simulation:
    """Run items (node id → weight) to the end.

    Raises:
        AssertionError: all workers stand still and work is left, or the run never ends.
    """
    chance, names, items = Random(seed), count(), list(weights)
    scheduler = scheduling(config_of(workers), weigh=weights.get, budget_bytes=BUDGET)
    came_of = Simulation()
    live: list[SimulatedWorker] = []

    def start() -> None:
        live.append(SimulatedWorker(f"w{next(names)}"))
        scheduler.add_node(live[-1])
        scheduler.add_node_collection(live[-1], items)

    for _ in range(workers):
        start()
    scheduler.schedule()
    while scheduler.has_pending:
        assert len(came_of.runs) < 2 * len(items), "the run does not come to an end"
        if scheduler.tests_finished:
            for worker in live:
                worker.shutdown()
        running = [worker for worker in live if worker.can_run]
        assert running, f"all workers stand still: {[worker.queue for worker in live]}"
        came_of.together.append(tuple(weights[items[worker.queue[0]]] for worker in running))
        worker = chance.choice(running)
        index = worker.queue.pop(0)
        came_of.runs.append((worker.gateway.id, weights[items[index]].group, items[index]))
        if items[index] in crashing:
            live.remove(worker)
            assert scheduler.remove_node(worker) == items[index]
            start()
            scheduler.schedule()
        else:
            scheduler.mark_test_complete(worker, index)
    return came_of
