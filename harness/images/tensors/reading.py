"""What of a cache is finished, and its data, held against its hash at first use."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.errors import HarnessError
from harness.images.tensors.coding import Stored
from harness.images.tensors.journal import FinishedChunk, Journal, read_journal
from harness.images.tensors.storage import CacheFiles, mapped


class CacheReader:
    """One process's view of a cache, which others may be filling. Safe to use from threads.

    Only what belongs to this key is seen; anything else under the name counts as nothing.
    """

    def __init__(self, place: CacheFiles, *, key: str, count: int, chunk: int) -> None:
        """Nothing is read yet."""
        self._place = place
        self._of = (key, count, chunk)
        self._mutex = threading.RLock()
        self._journal: Journal | None = None
        self._rows: Stored | None = None
        self._seen: tuple[int, ...] = ()
        self._sound: set[int] = set()

    def journal(self) -> Journal | None:
        """The journal as it is now, its data mapped; None where there is nothing of use.

        Raises:
            HarnessError: there are files that cannot be read.
        """
        try:
            return self._refreshed()
        except OSError as error:
            what = error.strerror or error
            raise HarnessError(f"cannot read {self._place.data}: {what}") from error

    def _refreshed(self) -> Journal | None:
        with self._mutex:
            seen = (*_identity(self._place.data)[:2], *_identity(self._place.journal))
            if seen != self._seen:
                if seen[:2] != self._seen[:2]:  # another data file, and with it another journal
                    self._rows = self._journal = None
                    self._sound.clear()
                self._seen = seen
                self._journal = self._continued()
                if self._journal is not None and self._rows is None:
                    self._rows = mapped(self._place, self._journal.header)
                    with suppress(OSError):  # a folder that may only be read
                        os.utime(self._place.data)
            return None if self._rows is None else self._journal

    def _continued(self) -> Journal | None:
        """The journal with what was added, or read anew where it was cut off instead."""
        path, known = self._place.journal, self._journal
        journal = read_journal(path, known)
        if known and journal and journal.valid_bytes == known.valid_bytes:
            journal = read_journal(path)
        return self.usable(journal)

    def usable(self, journal: Journal | None) -> Journal | None:
        """The journal, if it is of this key."""
        if journal is None:
            return None
        header = journal.header
        return journal if (header.key, header.count, header.chunk) == self._of else None

    def chunk(self, chunk: int) -> tuple[FinishedChunk, Stored] | None:
        """A chunk's record and data; None where it is not finished, or is damaged."""
        with self._mutex:
            journal = self.journal()
            if journal is None or self._rows is None or chunk not in journal.records:
                return None
            record, places = journal.records[chunk], journal.header.rows(chunk)
            rows = self._rows[places.start : places.stop]
            if chunk not in self._sound:
                if digest(rows) != record.sha256:
                    return None
                self._sound.add(chunk)
            return record, rows


def digest(rows: Stored) -> str:
    """SHA-256 of kept images, in hexadecimal."""
    return hashlib.sha256(rows.data.cast("B")).hexdigest()


def unfinished(journal: Journal | None, chunks: Sequence[int], *, tried: set[int]) -> list[int]:
    """Chunks that are not finished, or hold files that another attempt may read.

    ``tried``: chunks on which that attempt was made.
    """
    records = journal.records if journal else {}
    return [
        chunk
        for chunk in chunks
        if chunk not in records
        or (chunk not in tried and any(bad.ended for bad in records[chunk].bad.values()))
    ]


def _identity(path: Path) -> tuple[int, int, int]:
    """Inode, size and time of change; zeros where there is no file."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return 0, 0, 0
    return found.st_ino, found.st_size, found.st_mtime_ns
