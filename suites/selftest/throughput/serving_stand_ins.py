"""Stand-ins for models: sessions and lanes that compute next to nothing, some of them wrongly.

They are in a module of their own so that a process which serves them can import them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import MissingBackend
from harness.throughput import trials
from harness.throughput.trials import LoadGenTest, Mode

Floats = NDArray[np.float32]
IMAGES = 8


def pictures() -> Floats:
    """Images that no two answers are alike for."""
    return np.random.default_rng(1).normal(size=(IMAGES, 3, 2, 2)).astype(np.float32)


def right(images: Floats) -> Floats:
    """What a right session answers: 12 classes."""
    return images.reshape(len(images), -1)


@dataclass
class Sleeping:
    """Answers rightly, after a while for each batch."""

    seconds: float = 0.002

    def logits(self, images: Floats) -> Floats:
        time.sleep(self.seconds)
        return right(images)


class Dropping:
    """Answers one image fewer, where there are two or more."""

    def logits(self, images: Floats) -> Floats:
        return right(images)[: max(1, len(images) - 1)]


class Swapping:
    """Answers the images of a batch in another order; an image alone is answered rightly."""

    def logits(self, images: Floats) -> Floats:
        time.sleep(0.001)
        return right(images)[::-1]


@dataclass
class Early:
    """Returns before it has computed: what comes is the answer to the last call."""

    calls: int = 0
    last: Floats = field(default_factory=lambda: np.zeros((1, 12), np.float32))

    def logits(self, images: Floats) -> Floats:
        self.calls += 1
        if self.calls <= IMAGES:  # nothing is under load yet
            return right(images)
        time.sleep(0.001)
        stale, self.last = self.last, right(images)
        return np.resize(stale, (len(images), 12))


class Empty:
    """Answers NaN where there are two images or more."""

    def logits(self, images: Floats) -> Floats:
        return right(images) * (np.nan if len(images) > 1 else 1)


class Alike:
    """Answers every image alike."""

    def logits(self, images: Floats) -> Floats:
        return np.ones((len(images), 12), np.float32)


class Hanging:
    """Does not answer in time."""

    def logits(self, images: Floats) -> Floats:
        time.sleep(60)
        return right(images)


@dataclass
class HangingLater:
    """Does not answer in time when it is under load."""

    calls: int = 0

    def logits(self, images: Floats) -> Floats:
        self.calls += 1
        time.sleep(60 if self.calls > 30 else 0.01)
        return right(images)


class Crashing:
    """Is ended by a signal."""

    def logits(self, images: Floats) -> Floats:  # noqa: ARG002
        os.abort()


class Raising:
    """Divides by zero."""

    def logits(self, images: Floats) -> Floats:
        return right(images) / (1 // 0)


def unloadable() -> Sleeping:
    """A session that fails when it is opened."""
    return Sleeping(1 // 0)


def missing() -> Sleeping:
    """A session that cannot be opened here."""
    raise MissingBackend("no such device")


@dataclass
class Lane:
    """A session as a lane, in this process."""

    session: Sleeping | Early | Swapping = field(default_factory=Sleeping)

    def logits(self, positions: Sequence[int]) -> Floats:
        return self.session.logits(pictures()[list(positions)])


def trial(**other: object) -> LoadGenTest:
    """A short test of SingleStream."""
    usual: dict[str, object] = {
        "scenario": "SingleStream",
        "mode": "PerformanceOnly",
        "images": IMAGES,
        "batch": 1,
        "min_seconds": 0.2,
        "min_queries": 64,
        "expected_per_s": 400.0,
    }
    return LoadGenTest(**(usual | other))  # type: ignore[arg-type]


@dataclass
class Environment:
    """Answers a variable of its process's environment."""

    name: str

    def logits(self, images: Floats) -> Floats:
        return np.full((len(images), 1), float(os.environ[self.name]), np.float32)


def forgetful_trial(folder: Path) -> None:
    """A test whose system never answers one of the samples; LoadGen waits for ever."""
    _wrong_trial(folder, "PerformanceOnly", times=0)


def repeating_trial(folder: Path, mode: Mode) -> None:
    """A test whose system answers one of the samples twice; LoadGen may or may not survive it."""
    _wrong_trial(folder, mode, times=2)


def _wrong_trial(folder: Path, mode: Mode, *, times: int) -> None:
    answer, count = trials.answer, iter(range(10**6))

    def wrong(loadgen: object, ids: Sequence[int], outputs: Floats) -> None:
        for _ in range(times if next(count) == 3 else 1):
            answer(loadgen, ids, outputs)

    trials.answer = wrong
    trials.run_trial(trial(mode=mode), [Lane()], folder)
