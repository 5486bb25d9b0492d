"""Making chunks of a cache. All of it is called with the cache's lock held."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import closing

from harness.errors import DamagedArtifact, HarnessError
from harness.images.tensors.coding import Coding
from harness.images.tensors.files import Files
from harness.images.tensors.journal import (
    CacheHeader,
    FinishedChunk,
    Journal,
    append_record,
    read_journal,
)
from harness.images.tensors.pool import Bad, Job, PreprocessingPool
from harness.images.tensors.reading import CacheReader, digest
from harness.images.tensors.storage import CacheFiles, create, data_offset, mapped

LOG = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Is told how many images are finished, of how many."""


class Filler:
    """Writes data, has it on the disk, and only then notes it as finished.

    Attributes:
        tried: chunks that this process has made itself.
    """

    def __init__(
        self,
        place: CacheFiles,
        files: Files,
        reader: CacheReader,
        pool: PreprocessingPool,
        header: Callable[[Coding], CacheHeader],
    ) -> None:
        """``header``: what a new journal begins with."""
        self.tried: set[int] = set()
        self._place, self._files, self._reader = place, files, reader
        self._pool, self._header = pool, header

    def fill(
        self, chunks: Sequence[int], ending: threading.Event, progress: Progress | None
    ) -> None:
        """Make these chunks, also those that are finished already, until ``ending`` is set.

        Raises:
            HarnessError: there is no room, nothing can be written, or a file has changed.
            MissingSource, PreprocessError: the pipeline cannot be built.
        """
        try:
            self._fill(self._journal(), chunks, ending, progress)
        except OSError as error:
            what = error.strerror or error
            raise HarnessError(f"cannot write {self._place.data}: {what}") from error

    def _fill(
        self,
        journal: Journal,
        chunks: Sequence[int],
        ending: threading.Event,
        progress: Progress | None,
    ) -> None:
        header = journal.header
        for chunk in chunks:
            if chunk in journal.records:  # its data is about to change
                journal = append_record(self._place.journal, journal, chunk, None)
        done = sum(len(header.rows(chunk)) for chunk in journal.records)
        start = data_offset(header.count, header.coding)

        def made(chunk: int) -> tuple[int, dict[int, Bad]]:
            places = header.rows(chunk)
            paths = self._files.paths[places.start : places.stop]
            offset = start + places.start * header.coding.image_bytes
            found = self._pool.run(Job(paths, self._place.data, offset))
            return chunk, {places.start + row: bad for row, bad in found.items()}

        rows = mapped(self._place, header)
        if rows is None:
            raise DamagedArtifact(f"{self._place.data} was changed by somebody else")
        ahead = 2 * self._pool.workers
        with (
            open(self._place.data, "r+b") as file,
            closing(self._pool.in_order(made, chunks, ahead=ahead)) as results,
        ):
            for chunk, bad in results:
                places = header.rows(chunk)
                self._files.require_untouched(places.start, places.stop)
                os.fsync(file.fileno())
                record = FinishedChunk(digest(rows[places.start : places.stop]), bad)
                journal = append_record(self._place.journal, journal, chunk, record)
                self.tried.add(chunk)
                done += len(places)
                if progress is not None:
                    progress(done, header.count)
                if ending.is_set():
                    break

    def _journal(self) -> Journal:
        """The journal to go on from; a new one where there is none that fits."""
        header = self._header(self._pool.coding)
        found = read_journal(self._place.journal)
        journal = self._reader.usable(found)
        if (
            journal is not None
            and journal.header.coding.same_as(header.coding)
            and mapped(self._place, journal.header) is not None
        ):
            return journal
        if found is not None:
            LOG.warning("%s is not what it should be, begun anew", self._place.data)
        create(self._place, header)
        journal = read_journal(self._place.journal)
        if journal is None:
            raise DamagedArtifact(f"{self._place.journal} is damaged just after it was written")
        return journal
