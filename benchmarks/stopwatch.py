"""Wall and processor time of named steps within one process."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepCost:
    """What a step took, in seconds; ``cpu_s`` is user and system time of all threads."""

    wall_s: float
    cpu_s: float


class Stopwatch:
    """Collects what each step took; a step that raises is counted too.

    Attributes:
        costs: by the step's name, in the order of their first use.
    """

    def __init__(self) -> None:
        self.costs: dict[str, StepCost] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block; a name used twice is added up."""
        wall, cpu = time.perf_counter(), _cpu_s()
        try:
            yield
        finally:
            earlier = self.costs.get(name, StepCost(0.0, 0.0))
            self.costs[name] = StepCost(
                earlier.wall_s + time.perf_counter() - wall, earlier.cpu_s + _cpu_s() - cpu
            )


def _cpu_s() -> float:
    """Processor time of this process and of the children that it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
