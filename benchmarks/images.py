"""How fast images become tensors: bare library calls, one process, several, and from the cache."""

from __future__ import annotations

import itertools
import shutil
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from PIL import Image

from benchmarks.images_child import alternate, bare_alone
from benchmarks.stopwatch import StepCost
from harness.errors import HarnessError, MeasureError
from harness.images.datasets.faults import listed
from harness.images.decoding import FORMATS
from harness.images.scenes import scenes
from harness.images.tensors import (
    Files,
    FileToTensor,
    PreprocessingPool,
    Stream,
    TensorCache,
    read_files,
)
from harness.images.tensors.pool import ONE_THREAD
from harness.runtime.isolation import Worker

SIZE: Final = (500, 375)  # width and height in pixels: the most frequent size in ImageNet
QUALITY: Final = 95  # at which a scene has about 95 kB; ImageNet's photographs have 110 kB
DISTINCT: Final = 32  # scenes that are drawn; they are used again for more files
SEED: Final = 11
BATCH: Final = 32  # images
CHILD_SECONDS: Final = 600.0  # limit of a round in one process

BARE_CALLS: Final = "bare calls"
ONE_PROCESS: Final = "one process"
CACHE_FIRST: Final = "cache, verified"
CACHE: Final = "cache"
"""Ways to a tensor. From the cache the first time, hashes are checked; then no more."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way from files to tensors, over some rounds of the same images.

    Attributes:
        bare: the bare calls it is held against, which ran in as many processes.
        costs: of each round; processor time is of all processes together.
    """

    name: str
    bare: str
    images: int
    costs: tuple[StepCost, ...]

    @property
    def rate(self) -> float:
        """Images per second of wall time, the median round's."""
        return statistics.median(self.images / cost.wall_s for cost in self.costs)

    @property
    def core_rate(self) -> float:
        """Images per second of processor time, that is per core, the median round's."""
        return statistics.median(self.images / cost.cpu_s for cost in self.costs)

    def core_ratio(self, other: Way) -> float:
        """Images per core against the other way's: the median of the rounds' ratios."""
        pairs = zip(self.costs, other.costs, strict=True)
        return statistics.median(theirs.cpu_s / ours.cpu_s for ours, theirs in pairs)

    def speed_up(self, other: Way) -> float:
        """Images per second of wall time against the other way's: the median of ratios."""
        pairs = zip(self.costs, other.costs, strict=True)
        return statistics.median(theirs.wall_s / ours.wall_s for ours, theirs in pairs)


def write_scenes(folder: Path, count: int) -> list[Path]:
    """Write scenes as JPEG files of ImageNet's usual size."""
    distinct = min(count, DISTINCT)
    paths = [folder / f"{place:05}.JPEG" for place in range(count)]
    for path, scene in zip(paths, scenes(distinct, seed=SEED), strict=False):
        picture = Image.fromarray(scene).resize(SIZE, Image.Resampling.BICUBIC)
        picture.save(path, "JPEG", quality=QUALITY)
    for path, first in zip(paths[distinct:], itertools.cycle(paths[:distinct]), strict=False):
        shutil.copyfile(first, path)
    return paths


def find_images(folder: Path, count: int) -> list[Path]:
    """The first images of a folder and of those below it, in order of names.

    Raises:
        HarnessError: there are none.
    """
    endings = {f".{name.lower()}" for name in (*FORMATS, "JPG", "TIF")}
    paths = (path for path in folder.rglob("*") if path.suffix.lower() in endings)
    found = sorted(path for path in paths if path.is_file())[:count]
    if not found:
        raise HarnessError(f"no images at {folder}: expected files ending in {sorted(endings)}")
    return found


def measure(
    pipeline: str, paths: Sequence[Path], *, workers: Sequence[int], rounds: int
) -> list[Way]:
    """Measure every way, all of them in each round, so that what else the machine does is shared.

    Raises:
        HarnessError: an image is bad; all of them are listed.
        MeasureError: tensors differ from those of the bare calls.
    """
    costs: dict[tuple[str, str], list[StepCost]] = defaultdict(list)
    preprocessor, files = FileToTensor(pipeline), read_files(paths)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="zoo-bench-images-")))
        most = max(workers)
        children = [stack.enter_context(Worker(environment=ONE_THREAD)) for _ in range(most)]
        pools = [
            stack.enter_context(PreprocessingPool(preprocessor, workers=number))
            for number in workers
        ]
        _fill(folder, files, preprocessor, workers=most)
        for pool in pools:
            pool.start()
        _bare(children, pipeline, paths)  # which imports
        for _ in range(rounds):
            run = (alternate, pipeline, paths)
            both = children[0].run(*run, timeout_s=CHILD_SECONDS, stage=MeasureError)
            for name, cost in zip((BARE_CALLS, ONE_PROCESS), both, strict=True):
                costs[name, BARE_CALLS].append(cost)
            for pool in pools:
                bare = BARE_CALLS
                if pool.workers > 1:
                    bare = f"{BARE_CALLS} × {pool.workers}"
                    cost = _bare(children[: pool.workers], pipeline, paths)
                    costs[bare, bare].append(cost)
                costs[f"workers × {pool.workers}", bare].append(_streamed(pool, paths))
            for name, cost in _cached(folder, files, preprocessor):
                costs[name, BARE_CALLS].append(cost)
    return [Way(name, bare, len(paths), tuple(found)) for (name, bare), found in costs.items()]


def _fill(folder: Path, files: Files, preprocessor: FileToTensor, *, workers: int) -> None:
    with TensorCache(folder, files, preprocessor, workers=workers) as cache:
        cache.fill()
        if cache.bad:
            raise HarnessError(f"{len(cache.bad)} bad files:{listed(cache.bad.values())}")


def _bare(children: Sequence[Worker], pipeline: str, paths: Sequence[Path]) -> StepCost:
    """Bare calls in several processes at once, each with its share of the images."""

    def share(place: int) -> StepCost:
        call = (bare_alone, pipeline, paths[place :: len(children)])
        return children[place].run(*call, timeout_s=CHILD_SECONDS, stage=MeasureError)

    with ThreadPoolExecutor(len(children)) as threads:
        costs = list(threads.map(share, range(len(children))))
    return StepCost(max(cost.wall_s for cost in costs), sum(cost.cpu_s for cost in costs))


def _streamed(pool: PreprocessingPool, paths: Sequence[Path]) -> StepCost:
    wall, cpu = time.perf_counter(), time.process_time() + pool.cpu_s
    count = sum(len(batch.indices) for batch in Stream(pool, paths, size=BATCH))
    if count != len(paths):
        raise HarnessError(f"{count} images of {len(paths)} were read")
    return StepCost(time.perf_counter() - wall, time.process_time() + pool.cpu_s - cpu)


def _cached(root: Path, files: Files, preprocessor: FileToTensor) -> Iterator[tuple[str, StepCost]]:
    """Read everything twice, as a process does that finds a full cache."""
    with TensorCache(root, files, preprocessor) as cache:
        for name in (CACHE_FIRST, CACHE):
            wall, cpu = time.perf_counter(), time.process_time()
            total = sum(
                float(np.sum(batch.tensors[:, 0, 0, 0])) for batch in cache.batches(size=BATCH)
            )
            if not np.isfinite(total):
                raise HarnessError(f"{name}: a tensor in {root} is not finite")
            yield name, StepCost(time.perf_counter() - wall, time.process_time() - cpu)
