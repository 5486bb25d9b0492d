"""A model of one matrix product, its images in memory, and a process of its own to be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.accuracy import running
from harness.accuracy.folder import Part, ResultsFolder
from harness.accuracy.identity import Identity
from harness.accuracy.order import ALL, Order, Shard
from harness.accuracy.predictions import Item, Predictions, rows
from harness.accuracy.running import ModelRun, evaluate
from harness.images.datasets import DatasetFault, FaultKind, LabelledImage
from harness.images.tensors import Batch

REPOSITORY = Path(__file__).parents[3]
CLASSES, IMAGES, BATCH = 10, 400, 10
PAUSE_S = 0.05  # 2 s in all, so that a busy machine does not end it before it is killed
GAP = "not the validation set: 400 of 50000 images"

IDENTITY = Identity(
    row="zoo/tiny/linear",
    precision="fp32",
    model="ab" * 32,
    pipeline="tiny",
    tensors="cd" * 32,
    dataset="ef" * 32,
    images=IMAGES,
    gap=GAP,
    order=Order.SHUFFLED,
    seed=7,
    batch=BATCH,
    tools={"numpy": "2"},
)


def linear(noise: float = 0.0) -> NDArray[np.float32]:
    """The matrix; noise makes another, somewhat worse model."""
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(12, CLASSES))
    return (weights + noise * rng.normal(size=weights.shape)).astype(np.float32)


class Linear:
    """A session; remembers how large its batches were."""

    def __init__(self, weights: NDArray[np.float32] | None = None, *, pause_s: float = 0.0) -> None:
        self.weights = linear() if weights is None else weights
        self.batches: list[int] = []
        self._pause_s = pause_s

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        self.batches.append(len(images))
        time.sleep(self._pause_s)
        # not @, whose last bits depend on how many images are in a batch
        return np.einsum("nk,kc->nc", images.reshape(len(images), -1), self.weights)


class Preloaded:
    """Tensors in memory, ``bad`` ones missing; remembers what was asked for."""

    def __init__(self, tensors: NDArray[np.float32], bad: Mapping[int, str] | None = None) -> None:
        self._tensors = tensors
        self.bad = {
            index: DatasetFault(FaultKind.UNREADABLE, f"{index}.JPEG", text)
            for index, text in (bad or {}).items()
        }
        self.asked: list[tuple[int, int]] = []
        self.made = 0

    def batches(self, *, size: int, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        stop = len(self._tensors) if stop is None else stop
        self.asked.append((start, stop))
        good = [index for index in range(start, stop) if index not in self.bad]
        for first in range(0, len(good), size):
            part = good[first : first + size]
            self.made += len(part)
            yield Batch(tuple(part), self._tensors[part])


def tensors(count: int = IMAGES) -> NDArray[np.float32]:
    return np.random.default_rng(2).normal(size=(count, 3, 2, 2)).astype(np.float32)


def items(count: int = IMAGES, shard: Shard = ALL) -> list[Item]:
    """Images whose right class the linear model finds in seven of ten cases."""
    answers = (tensors(count).reshape(count, -1) @ linear()).argmax(axis=1)
    wrong = np.random.default_rng(3).random(count) > 0.7
    labels = np.where(wrong, (answers + 1) % CLASSES, answers).tolist()
    every = [
        Item(place, LabelledImage(f"{place:05}.JPEG", Path(f"{place:05}.JPEG"), label), "00" * 32)
        for place, label in enumerate(labels)
    ]
    return [every[place] for place in shard.places(count)]


def shard_tensors(shard: Shard, count: int = IMAGES) -> NDArray[np.float32]:
    return tensors(count)[list(shard.places(count))]


def answered(
    root: Path,
    *,
    identity: Identity = IDENTITY,
    session: Linear | None = None,
    source: Preloaded | None = None,
    stop: int = IMAGES,
) -> Predictions:
    """Evaluate a shard in this process, to its end."""
    folder = ResultsFolder(root, identity)
    mine = items(identity.images, identity.shard)
    source = source or Preloaded(shard_tensors(identity.shard, identity.images))
    with folder.held():
        runs = [ModelRun(session or Linear(), folder, mine)]
        for _ in evaluate(runs, source, stop=stop, batch=BATCH):
            pass
    return folder.answers()


def shard_of(number: int, of: int) -> Identity:
    return replace(IDENTITY, shard=Shard(number, of))


# ── a process of its own ──────────────────────────────────────────────────────────────────────


class AheadOfData(ResultsFolder):
    """A wrong one: notes a part as finished before its data is on the disk, and is killed then."""

    def write(self, first: int, table: object) -> None:
        with open(self.path / "journal", "a") as journal:
            journal.write(f"{first} {first + table.num_rows}\n")
        if len((self.path / "journal").read_text().splitlines()) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(first, table)

    def parts(self) -> Sequence[Part]:
        journal = self.path / "journal"
        lines = journal.read_text().splitlines() if journal.exists() else []
        finished = [tuple(map(int, line.split())) for line in lines]
        return [Part(journal, first, stop, _trusted(first, stop)) for first, stop in finished]


def _trusted(first: int, stop: int) -> object:
    mine = items()[first:stop]
    return rows(mine, np.empty((0, 0), np.float32), dict.fromkeys(range(len(mine)), "finished"))


def start_evaluating(root: Path, folder: str = "ResultsFolder") -> subprocess.Popen[str]:
    """Evaluate slowly, in small parts, in another process; it says when it has begun."""
    paths = [str(REPOSITORY), str(Path(__file__).parent)]
    source = f"import sys; sys.path[:0] = {paths!r}; import tiny_evaluation"
    call = f"tiny_evaluation.evaluate_slowly({str(root)!r}, tiny_evaluation.{folder})"
    return subprocess.Popen(
        [sys.executable, "-c", f"{source}; {call}"], stdout=subprocess.PIPE, text=True
    )


def evaluate_slowly(root: str, kind: type[ResultsFolder]) -> None:
    running.PART_IMAGES = 30
    folder = kind(Path(root), IDENTITY)
    with folder.held():
        run = ModelRun(Linear(pause_s=PAUSE_S), folder, items())
        print("begun", flush=True)
        for _ in evaluate([run], Preloaded(tensors()), stop=IMAGES, batch=BATCH):
            pass
