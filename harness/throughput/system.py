"""The system under test: LoadGen's samples to instances, and their answers back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from harness.throughput.instances import Lane
from harness.throughput.serving import Floats

IDLE_SECONDS = 0.01  # between two empty answers after a failure, so that the rest is no busy loop

Complete = Callable[[Sequence[int], Floats], None]
"""Tells LoadGen that samples, by their ids, have these outputs, (n, classes)."""


class LoadGenSample(Protocol):
    """LoadGen's: ``id`` is of this one request, ``index`` the position of its image."""

    id: int
    index: int


@dataclass
class System:
    """Runs queries in batches on lanes, each lane with a batch at a time.

    LoadGen does not survive an exception: the next test in the process would abort it. So after a
    failure every sample that is still to come gets an empty answer, LoadGen ends in its own time,
    and whoever started it raises ``failure``.

    Attributes:
        lanes: the instances. A query of one batch is run on the first.
        batch: most images in a batch.
        complete: called for each batch as soon as it is computed.
        failure: the first thing that went wrong, or None.
    """

    lanes: Sequence[Lane]
    batch: int
    complete: Complete
    failure: BaseException | None = None

    def issue(self, samples: Sequence[LoadGenSample]) -> None:
        """Run a query; returns when all of its samples are answered."""
        batches = [
            samples[start : start + self.batch] for start in range(0, len(samples), self.batch)
        ]
        rest = _Shared(iter(batches))
        if len(batches) == 1:
            self._work(self.lanes[0], rest)
            return
        with ThreadPoolExecutor(len(self.lanes)) as pool:
            list(pool.map(self._work, self.lanes, [rest] * len(self.lanes)))

    def flush(self) -> None:
        """LoadGen has no more queries; nothing is held back here."""

    def _work(self, lane: Lane, batches: _Shared) -> None:
        """Take batch after batch; never raises."""
        while (batch := batches.next()) is not None:
            ids = [sample.id for sample in batch]
            if self.failure is None:
                try:
                    self.complete(ids, lane.logits([sample.index for sample in batch]))
                    continue
                except BaseException as error:
                    self.failure = self.failure or error
            else:
                time.sleep(IDLE_SECONDS)
            self.complete(ids, np.empty((len(ids), 0), np.float32))


class _Shared:
    """Batches that several threads take from."""

    def __init__(self, batches: Iterator[Sequence[LoadGenSample]]) -> None:
        self._batches = batches
        self._lock = threading.Lock()

    def next(self) -> Sequence[LoadGenSample] | None:
        with self._lock:
            return next(self._batches, None)
