"""Batches of tensors in order, from worker processes, in bounded memory."""

from __future__ import annotations

import os
import queue
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from harness.images.datasets.faults import DatasetFault, FaultKind
from harness.images.pipelines import Floats
from harness.images.tensors.coding import Stored
from harness.images.tensors.pool import Bad, Job, PreprocessingPool
from harness.runtime.scratch import Scratch

FILES_A_CALL: Final = 32
"""Files that a worker is handed at once. A call costs 0.2 ms, an image some milliseconds. Of
224 × 224, 32 tensors have 18 MiB; glibc maps blocks from 32 MiB on anew each time, at more cost."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Tensors, float32 (n, 3, height, width), and the places of their files among all files."""

    indices: tuple[int, ...]
    tensors: Floats


class Stream:
    """Batches of a sequence of files, made while they are consumed. A stream is run once.

    Every batch but the last has ``size`` images, in the files' order. A bad file is in none: its
    tensor does not exist, and it is told of in ``bad``, complete when the stream has ended.

    At most ``ahead`` batches are made before they are asked for (by default two for each worker),
    or parts of 32 images of larger batches; their tensors are all the memory that is used. Workers
    hand theirs over in a temporary file with room for a call of each, which is there meanwhile.
    """

    def __init__(
        self,
        pool: PreprocessingPool,
        paths: Sequence[Path],
        *,
        size: int,
        ahead: int | None = None,
    ) -> None:
        """Nothing is started before the first batch is asked for.

        Raises:
            ValueError: ``size`` or ``ahead`` is below one.
        """
        self.bad: dict[int, DatasetFault] = {}
        self._ahead = 2 * pool.workers if ahead is None else ahead
        if size < 1 or self._ahead < 1:
            raise ValueError(f"size and ahead must be at least 1, got {size} and {ahead}")
        self._pool, self._paths, self._size = pool, paths, size

    def __iter__(self) -> Iterator[Batch]:
        """The batches.

        Raises:
            PreprocessError: the pipeline cannot be built, or there is no room for slots.
        """
        with closing(self._parts()) as parts:
            yield from rebatched(parts, self._size)

    def _parts(self) -> Generator[Batch, None, None]:
        pool, step = self._pool, min(self._size, FILES_A_CALL)
        coding, threads = pool.coding, pool.threads
        slot_bytes = step * coding.image_bytes
        with Scratch("tensors") as folder:
            file = folder / "slots"
            file.touch()
            os.truncate(file, threads * slot_bytes)
            rows = np.memmap(file, coding.dtype, "r", shape=(threads * step, *coding.shape))
            free: queue.SimpleQueue[int] = queue.SimpleQueue()
            for slot in range(threads):
                free.put(slot)

            def made(start: int) -> tuple[dict[int, Bad], Batch]:
                paths = tuple(self._paths[start : start + step])
                slot = free.get()
                try:
                    job = Job(paths, file, slot * slot_bytes)
                    bad = pool.run(job)
                    good = [row for row in range(len(paths)) if row not in bad]
                    tensors = coding.decode(picked(rows[slot * step :], good))
                finally:
                    free.put(slot)
                found = {start + row: one for row, one in bad.items()}
                return found, Batch(tuple(start + row for row in good), tensors)

            starts = range(0, len(self._paths), step)
            with closing(pool.in_order(made, starts, ahead=self._ahead)) as results:
                for bad, batch in results:
                    for index, one in bad.items():
                        self.bad[index] = fault(self._paths[index], one)
                    yield batch


def fault(path: Path, bad: Bad) -> DatasetFault:
    """A bad file as a fault of its data set, see :func:`harness.images.datasets.faults.listed`."""
    return DatasetFault(FaultKind.UNREADABLE, str(path), bad.reason)


def picked(rows: Stored, good: Sequence[int]) -> Stored:
    """These rows; without a copy where they are the first ones."""
    return rows[: len(good)] if list(good) == list(range(len(good))) else rows[list(good)]


def rebatched(parts: Iterable[Batch], size: int) -> Iterator[Batch]:
    """The same images in batches of ``size``, the last one smaller; none is empty.

    What fits as it is, is handed on without a copy.
    """
    held: list[Batch] = []
    count = 0
    for part in parts:
        start = 0
        while len(part.indices) - start >= size - count:
            held.append(_cut(part, start, start + size - count))
            start += size - count
            yield _joined(held)
            held, count = [], 0
        if start < len(part.indices):
            held.append(_cut(part, start, len(part.indices)))
            count += len(part.indices) - start
    if held:
        yield _joined(held)


def _cut(part: Batch, start: int, stop: int) -> Batch:
    if (start, stop) == (0, len(part.indices)):
        return part
    return Batch(part.indices[start:stop], part.tensors[start:stop])


def _joined(parts: list[Batch]) -> Batch:
    if len(parts) == 1:
        return parts[0]
    indices = tuple(index for part in parts for index in part.indices)
    return Batch(indices, np.concatenate([part.tensors for part in parts]))
