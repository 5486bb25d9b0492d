"""The loop: tensors in, answers on disk, and on from there when it is started again.

Images are evaluated in batches at fixed places of the order, so that a batch holds the same images
however often the run was interrupted. A thread makes the next batches while the model is at one.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harness.accuracy.folder import ResultsFolder
from harness.accuracy.predictions import Item, require_finite, rows
from harness.backends.session import Floats, Session
from harness.errors import MeasureError
from harness.images.tensors import Batch, Tensors

T = TypeVar("T")

BATCH: Final = 25
"""Images in a batch; two make a look of the sequential test. On one thread the session's rate does
not depend on it, and 25 tensors of 224 × 224 have 15 MB."""

AHEAD: Final = 2  # batches that wait while the model is at one
PART_IMAGES: Final = 500  # after which answers go to the disk, or
FIRST_SECONDS: Final = 1.0  # after which the first answers go to the disk
PART_SECONDS: Final = 5.0  # after that time: as much as a killed run has to do again
POLL_SECONDS: Final = 0.1  # how late the thread notices that nobody wants its batches any more

UNKNOWN, MISS, HIT, BAD = -1, 0, 1, 2
"""What is known of an image; as int8."""

_END: Final = object()


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Images ``first`` to ``stop``: tensors of the good ones in order, reasons of the others."""

    first: int
    stop: int
    tensors: Floats | None
    bad: dict[int, str]


class ModelRun:
    """One model's evaluation: what is known of each image, and what is not on the disk yet.

    Attributes:
        hits: for each image UNKNOWN, MISS, HIT (of the first class) or BAD; int8.
    """

    def __init__(self, session: Session, folder: ResultsFolder, items: Sequence[Item]) -> None:
        """Reads what is there; the folder has to be held.

        Raises:
            MeasureError: there are outputs that are no numbers; the image is named.
        """
        self.folder = folder
        self._session, self._items = session, items
        self.hits: NDArray[np.int8] = np.full(len(items), UNKNOWN, np.int8)
        self._unwritten: list[tuple[int, Any]] = []
        self._written = time.monotonic() - PART_SECONDS + FIRST_SECONDS
        for part in folder.parts():
            self._note(part.first, part.table)

    def lacks(self, group: Group) -> bool:
        """Whether some image of the group is not known yet."""
        return bool((self.hits[group.first : group.stop] == UNKNOWN).any())

    def answer(self, group: Group) -> None:
        """Run the model on a group.

        Raises:
            RunError: the backend refuses it.
            MeasureError: outputs are no numbers; they are kept as such, and the image is named.
        """
        if not self.lacks(group):
            return
        items = self._items[group.first : group.stop]
        if group.tensors is None:
            logits = np.empty((0, 0), np.float32)
        else:
            logits = self._session.logits(group.tensors)
        table = rows(items, logits, group.bad, case=self._case)
        self._unwritten.append((group.first, table))
        self._note(group.first, table)
        count = sum(one.num_rows for _, one in self._unwritten)
        if count >= PART_IMAGES or time.monotonic() - self._written >= PART_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Have everything on the disk."""
        waiting, self._unwritten = self._unwritten, []
        self._written = time.monotonic()
        while waiting:
            first, stop, tables = waiting[0][0], waiting[0][0], []
            while waiting and waiting[0][0] == stop:
                tables.append(waiting.pop(0)[1])
                stop += tables[-1].num_rows
            self.folder.write(first, pa.concat_tables(tables))

    @property
    def _case(self) -> str:
        return f"{self.folder.identity.row} {self.folder.identity.precision}"

    def _note(self, first: int, table: Any) -> None:
        hits = table["hit1"].combine_chunks().cast(pa.int8()).fill_null(BAD)
        self.hits[first : first + table.num_rows] = hits.to_numpy()
        require_finite(table, case=self._case)


def evaluate(
    runs: Sequence[ModelRun],
    tensors: Tensors,
    *,
    stop: int,
    batch: int = BATCH,
    progress: Callable[[int], None] | None = None,
) -> Generator[int, None, None]:
    """Run every model on the first ``stop`` images, and tell after each batch how many are known.

    The generator may be closed at any time: what is known is then written. All runs have the same
    images in the same order; where one knows an image already, only the others are asked.

    Args:
        tensors: of the runs' images, in their order.
        stop: images; as many more are evaluated as fill the last batch.
        progress: is told how many images were evaluated since.

    Yields:
        How many of the first images are known to all runs; first what is known from before.

    Raises:
        RunError, MeasureError: see :meth:`Run.answer`.
        HarnessError: whatever the tensors raise, or answers cannot be written.
    """
    total = len(runs[0].hits)
    goal = min(-(-stop // batch) * batch, total)
    try:
        yield known(runs)
        for first, end in _missing(runs, goal, batch):
            groups = grouped(tensors, first, end, batch)
            with closing(prefetched(groups, ahead=AHEAD)) as ready:
                for group in ready:
                    for run in runs:
                        run.answer(group)
                    if progress is not None:
                        progress(group.stop - group.first)
                    yield known(runs)
    finally:
        with ExitStack() as stack:  # one that cannot be written does not cost the others
            for run in runs:
                stack.callback(run.flush)


def known(runs: Sequence[ModelRun]) -> int:
    """How many of the first images all runs know."""
    unknown = np.logical_or.reduce([run.hits == UNKNOWN for run in runs])
    return int(unknown.argmax()) if unknown.any() else len(unknown)


def grouped(tensors: Tensors, first: int, stop: int, batch: int) -> Generator[Group, None, None]:
    """Batches by their images' places: from ``first``, a multiple of ``batch``, to ``stop``.

    Raises:
        MeasureError: an image has neither a tensor nor a reason.
    """
    held: list[Batch] = []
    start = first
    for part in tensors.batches(size=batch, start=first, stop=stop):
        while part.indices and part.indices[-1] >= start + batch:
            split = sum(index < start + batch for index in part.indices)
            held.append(Batch(part.indices[:split], part.tensors[:split]))
            part = Batch(part.indices[split:], part.tensors[split:])
            yield _group(tensors, held, start, start + batch)
            held, start = [], start + batch
        held.append(part)
        if part.indices[-1:] == (start + batch - 1,):
            yield _group(tensors, held, start, start + batch)
            held, start = [], start + batch
    while start < stop:
        yield _group(tensors, held, start, min(start + batch, stop))
        held, start = [], start + batch


def prefetched(items: Generator[T, None, None], *, ahead: int) -> Generator[T, None, None]:
    """The same items, made in a thread, at most ``ahead`` before they are asked for."""
    ready: queue.Queue[object] = queue.Queue(maxsize=ahead)
    ending = threading.Event()
    failure: list[BaseException] = []

    def offer(item: object) -> bool:
        while not ending.is_set():
            try:
                ready.put(item, timeout=POLL_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def produce() -> None:
        try:
            with closing(items):
                for item in items:
                    if not offer(item):
                        return
        except BaseException as error:  # raised again by whoever asks
            failure.append(error)
        offer(_END)

    thread = threading.Thread(target=produce, name="prefetch", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not _END:
            yield item  # type: ignore[misc]
        if failure:
            raise failure[0]
    finally:
        ending.set()
        thread.join()


def _missing(runs: Sequence[ModelRun], goal: int, batch: int) -> Iterator[tuple[int, int]]:
    """Stretches of whole batches, below ``goal``, of which some run lacks some image."""
    unknown = np.logical_or.reduce([run.hits[:goal] == UNKNOWN for run in runs])
    first: int | None = None
    for start in range(0, goal, batch):
        lacking = bool(unknown[start : start + batch].any())
        if lacking and first is None:
            first = start
        if not lacking and first is not None:
            yield first, start
            first = None
    if first is not None:
        yield first, goal


def _group(tensors: Tensors, held: Sequence[Batch], first: int, stop: int) -> Group:
    parts = [part for part in held if part.indices]
    here = {index for part in parts for index in part.indices}
    absent = [index for index in range(first, stop) if index not in here]
    reasons = tensors.bad if absent else {}
    for index in absent:
        if index not in reasons:
            raise MeasureError(f"image {index} has neither a tensor nor a reason")
    bad = {index - first: reasons[index].text for index in absent}
    if not parts:
        return Group(first, stop, None, bad)
    whole = parts[0].tensors if len(parts) == 1 else np.concatenate([p.tensors for p in parts])
    return Group(first, stop, whole, bad)
