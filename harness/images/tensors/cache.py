"""Tensors of a data set on disk, made once for each pipeline and read by everybody."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, Self

import numpy as np
from filelock import FileLock, Timeout

from harness.errors import DamagedArtifact, HarnessError, ImageError
from harness.images.datasets.faults import DatasetFault
from harness.images.pipelines import Floats
from harness.images.tensors.batches import FILES_A_CALL, Batch, fault, picked, rebatched
from harness.images.tensors.coding import Coding, Stored
from harness.images.tensors.files import Files
from harness.images.tensors.filling import Filler, Progress
from harness.images.tensors.journal import CacheHeader, FinishedChunk
from harness.images.tensors.pool import FILE_SECONDS, PreprocessingPool
from harness.images.tensors.preprocessor import Preprocessor
from harness.images.tensors.reading import CacheReader, unfinished
from harness.images.tensors.storage import CacheFiles, file_bytes
from harness.runtime.private import make_private

LOG = logging.getLogger(__name__)
POLL_SECONDS: Final = 0.02  # how late it is noticed that another process has finished a chunk


class TensorCache:
    """The tensors of some files under one pipeline, on disk, in the files' order.

    The file has its final size from the start. Chunks of it are finished one after the other; a
    chunk counts as finished once its data is on the disk and its hash in the journal, so that
    whatever ends a process, nothing is done again but what was under way. One process fills,
    others read what is finished and wait for the rest. Each process holds a chunk against its hash
    at first use; a damaged one is made anew.

    Give files in the order in which they will be asked for: an evaluation that stops early has
    then made little more than it needed, and the next one goes on from there.

    Safe to use from several threads. Ends its worker processes with the ``with`` block.
    """

    def __init__(
        self,
        root: Path,
        files: Files,
        preprocessor: Preprocessor,
        *,
        workers: int = 1,
        file_limit_s: float = FILE_SECONDS,
    ) -> None:
        """Nothing is read, written or started yet. ``workers``: processes that fill.

        Raises:
            ValueError: as :class:`Preprocessor`.
        """
        key = preprocessor.key(files=files.digest)
        self.files = files
        self.place = CacheFiles(root / f"{preprocessor.name}-{key.digest}")
        self._name, self._key = preprocessor.name, key.text
        self._pool = PreprocessingPool(
            preprocessor, workers=workers, compact=True, file_limit_s=file_limit_s
        )
        self._reader = CacheReader(self.place, key=key.text, count=len(files), chunk=FILES_A_CALL)
        self._filler = Filler(self.place, files, self._reader, self._pool, self._header)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker processes."""
        self._pool.close()

    @property
    def expected_bytes(self) -> int:
        """The size of the data file when all is finished; it has that from the start.

        Raises:
            MissingSource, PreprocessError: it is not there yet, and the pipeline cannot be asked.
        """
        return file_bytes(len(self.files), self._coding())

    @property
    def finished(self) -> int:
        """Images that are made, or known to be bad, by whichever process."""
        journal = self._reader.journal()
        if journal is None:
            return 0
        return sum(len(journal.header.rows(chunk)) for chunk in journal.records)

    @property
    def bad(self) -> dict[int, DatasetFault]:
        """The bad files among the finished ones, by their place."""
        journal = self._reader.journal()
        records = journal.records.values() if journal else ()
        every = sorted((index, bad) for record in records for index, bad in record.bad.items())
        return {index: fault(self.files.paths[index], bad) for index, bad in every}

    def fill(self, *, stop: int | None = None, progress: Progress | None = None) -> None:
        """Have the first ``stop`` files (None: all) finished, by this process or another one.

        Files that ended their worker twice in another run are tried anew.

        Raises:
            HarnessError: there is no room, nothing can be written, or a file has changed.
            MissingSource, PreprocessError: the pipeline cannot be built.
        """
        self._fill(self._chunks(0, stop), threading.Event(), progress)

    def batches(self, *, size: int, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        """The tensors of files ``start`` to ``stop`` (None: the end) in batches, in order.

        What is missing is made in the background meanwhile, until the iterator is closed. Every
        batch but the last has ``size`` images. Bad files are in none, see ``bad``.

        Raises:
            ValueError: ``size`` is below one.
            DamagedArtifact: data that was just made anew is damaged again.
            HarnessError: as :meth:`fill`.
        """
        if size < 1:
            raise ValueError(f"size must be at least 1, got {size}")
        wanted = range(*slice(start, stop).indices(len(self.files)))
        chunks, ending = self._chunks(start, stop), threading.Event()
        with ThreadPoolExecutor(1, thread_name_prefix="tensors") as background:
            filling = background.submit(self._fill, chunks, ending, None)
            try:
                with closing(self._parts(chunks, filling)) as parts:
                    yield from rebatched((_within(part, wanted) for part in parts), size)
            finally:
                ending.set()

    def tensors(self, indices: Sequence[int]) -> Floats:
        """The tensors of these files, float32 (n, 3, height, width); all must be finished.

        Raises:
            ImageError: one of them is bad.
            HarnessError: one of them is not finished.
            IndexError: there is no such file.
        """
        if not all(0 <= index < len(self.files) for index in indices):
            raise IndexError(f"places must be within 0 and {len(self.files) - 1}, got {indices}")
        found = []
        for index in indices:
            chunk = index // FILES_A_CALL
            if self._missing([chunk]):
                raise HarnessError(f"{self.files.paths[index]} has no tensor yet: fill first")
            record, rows = self._sound(chunk)
            if index in record.bad:
                raise ImageError(str(fault(self.files.paths[index], record.bad[index])))
            found.append(rows[index - chunk * FILES_A_CALL])
        coding = self._coding()
        return coding.decode(np.stack(found) if found else np.empty((0, *coding.shape)))

    def _coding(self) -> Coding:
        journal = self._reader.journal()
        return journal.header.coding if journal else self._pool.coding

    def _header(self, coding: Coding) -> CacheHeader:
        return CacheHeader(self._name, self._key, len(self.files), FILES_A_CALL, coding)

    def _chunks(self, start: int, stop: int | None) -> range:
        start, stop, _ = slice(start, stop).indices(len(self.files))
        return range(start // FILES_A_CALL, -(-stop // FILES_A_CALL))

    def _missing(self, chunks: Sequence[int]) -> list[int]:
        return unfinished(self._reader.journal(), chunks, tried=self._filler.tried)

    def _fill(self, chunks: range, ending: threading.Event, progress: Progress | None) -> None:
        """Fill, or wait for who does, until the chunks are finished or ``ending`` is set."""
        while self._missing(chunks) and not ending.is_set():
            try:
                make_private(self.place.data.parent)
                with suppress(Timeout), FileLock(self.place.lock, timeout=POLL_SECONDS):
                    self._filler.fill(self._missing(chunks), ending, progress)
            except OSError as error:
                what = error.strerror or error
                raise HarnessError(f"cannot use {self.place.data.parent}: {what}") from error

    def _parts(self, chunks: range, filling: Future[None]) -> Generator[Batch, None, None]:
        for chunk in chunks:
            while self._missing([chunk]):
                if filling.done():
                    filling.result()
                    raise HarnessError(f"{self.place.data} was removed while it was read")
                time.sleep(POLL_SECONDS)
            record, rows = self._sound(chunk)
            first = chunk * FILES_A_CALL
            good = [row for row in range(len(rows)) if first + row not in record.bad]
            tensors = self._coding().decode(picked(rows, good))
            yield Batch(tuple(first + row for row in good), tensors)

    def _sound(self, chunk: int) -> tuple[FinishedChunk, Stored]:
        """A finished chunk; made anew where its data is damaged."""
        found = self._reader.chunk(chunk)
        if found is None:
            images = f"images {chunk * FILES_A_CALL} and following"
            LOG.warning("%s: %s are damaged and made anew", self.place.data, images)
            with FileLock(self.place.lock):
                if self._reader.chunk(chunk) is None:  # nobody else was faster
                    self._filler.fill([chunk], threading.Event(), None)
            found = self._reader.chunk(chunk)
            if found is None:
                raise DamagedArtifact(f"{self.place.data}: {images} are damaged again")
        return found


def _within(part: Batch, wanted: range) -> Batch:
    """The images of a batch whose places are wanted; the others are at its ends."""
    keep = [row for row, index in enumerate(part.indices) if index in wanted]
    if len(keep) == len(part.indices):
        return part
    rows = slice(keep[0], keep[-1] + 1) if keep else slice(0)
    return Batch(part.indices[rows], part.tensors[rows])
