"""Bare library calls and the suite's own, image by image in one process: run in a child."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.stopwatch import StepCost
from harness.errors import MeasureError
from harness.images.decoding import decode
from harness.images.pipelines import Floats, load


def bare_alone(pipeline: str, paths: Sequence[Path]) -> StepCost:
    """What all images take by bare calls."""
    from benchmarks.images_bare import BARE  # torch and OpenCV: in the child alone

    bare = BARE[pipeline]
    wall, cpu = time.perf_counter(), time.process_time()
    for path in paths:
        bare(path)
    return StepCost(time.perf_counter() - wall, time.process_time() - cpu)


def alternate(pipeline: str, paths: Sequence[Path]) -> tuple[StepCost, StepCost]:
    """What all images take by bare calls, and by the suite; in turns, each as often the first.

    Raises:
        MeasureError: a tensor is not the bare one, so there is nothing to compare.
    """
    from benchmarks.images_bare import BARE

    run, bare = load(pipeline), BARE[pipeline]

    def ours(path: Path) -> Floats:
        return run(decode(path))

    sums = {bare: [0.0, 0.0], ours: [0.0, 0.0]}
    for place, path in enumerate(paths):
        tensors = []
        both: list[Callable[[Path], Floats]] = [bare, ours]
        for function in both if place % 2 else reversed(both):  # the second finds the file cached
            wall, cpu = time.perf_counter(), time.process_time()
            tensors.append(function(path))
            sums[function][0] += time.perf_counter() - wall
            sums[function][1] += time.process_time() - cpu
        if not np.array_equal(tensors[0], tensors[1]):
            raise MeasureError(
                "the suite and the bare calls give different tensors", case=str(path)
            )
    return StepCost(*sums[bare]), StepCost(*sums[ours])
