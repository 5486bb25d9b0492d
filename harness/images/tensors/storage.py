"""Where caches lie, how large they are, which are there, and which to evict first.

<root>/<pipeline>-<digest>.npy        tensors as they are kept, of their final size from the start
<root>/<pipeline>-<digest>.journal    what of it is finished
<root>/<pipeline>-<digest>.lock       held by the one process that fills it
"""

from __future__ import annotations

import io
import os
import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from filelock import FileLock, Timeout

from harness.errors import HarnessError
from harness.images.tensors.coding import Coding, Stored
from harness.images.tensors.journal import CacheHeader, read_journal, start_journal
from harness.runtime.atomic import sync
from harness.runtime.store.quantities import size_text

TENSORS: Final = "tensors"
"""The folder below a store where caches lie; the store itself does not look into it."""

_NAME: Final = re.compile(r"(?P<name>.+)-(?P<digest>[0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class CacheFiles:
    """The files of one cache."""

    stem: Path

    @property
    def data(self) -> Path:
        """The tensors."""
        return self.stem.with_name(f"{self.stem.name}.npy")

    @property
    def journal(self) -> Path:
        """What is finished."""
        return self.stem.with_name(f"{self.stem.name}.journal")

    @property
    def lock(self) -> Path:
        """Held while filling."""
        return self.stem.with_name(f"{self.stem.name}.lock")


@dataclass(frozen=True, slots=True)
class Cached:
    """A cache from outside.

    Attributes:
        finished: images of ``count`` that are there; both 0 where the journal cannot be read.
        occupied: bytes on disk.
        used: when it was last filled or opened, in seconds since 1970.
    """

    place: CacheFiles
    name: str
    digest: str
    count: int
    finished: int
    occupied: int
    used: float


def file_bytes(count: int, coding: Coding) -> int:
    """The size of a cache's data file, whatever is finished of it."""
    return len(_npy_header(count, coding)) + count * coding.image_bytes


def data_offset(count: int, coding: Coding) -> int:
    """Where the first image begins in the data file, in bytes."""
    return len(_npy_header(count, coding))


def create(place: CacheFiles, header: CacheHeader) -> None:
    """Make an empty cache, in place of whatever there is; its disk space is taken at once.

    Call with its lock held. The journal of what was there goes first, so that at no moment
    anything counts as finished that is not.

    Raises:
        HarnessError: there is not enough room, with both figures, or nothing can be written.
    """
    coding = header.coding
    total = file_bytes(header.count, coding)
    partial = place.data.with_suffix(".partial")
    try:
        place.journal.unlink(missing_ok=True)
        place.data.unlink(missing_ok=True)
        partial.unlink(missing_ok=True)
        sync(place.data.parent)
        free = shutil.disk_usage(place.data.parent).free
        if total > free:
            raise HarnessError(
                f"{place.data} needs {size_text(total)}, {size_text(free)} are free there"
            )
        try:
            with open(partial, "xb") as file:
                file.write(_npy_header(header.count, coding))
                file.flush()
                os.posix_fallocate(file.fileno(), 0, total)
                os.fsync(file.fileno())
            os.replace(partial, place.data)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise HarnessError(f"cannot write {place.data}: {error.strerror or error}") from error
    start_journal(place.journal, header)  # syncs the folder's names too


def mapped(place: CacheFiles, header: CacheHeader) -> Stored | None:
    """The tensors, read-only and not read yet; None where the file is not as it was made."""
    coding = header.coding
    try:
        with open(place.data, "rb") as file:
            expected = _npy_header(header.count, coding)
            if os.fstat(file.fileno()).st_size != file_bytes(header.count, coding):
                return None
            if file.read(len(expected)) != expected:
                return None
            shape = (header.count, *coding.shape)
            return np.memmap(file, coding.dtype, "r", offset=len(expected), shape=shape)
    except FileNotFoundError:
        return None


def survey(root: Path) -> list[Cached]:
    """Every cache below ``root``, least recently used first.

    Raises:
        OSError: the folder cannot be read.
    """
    found = []
    for data in root.glob("*.npy"):
        if name := _NAME.fullmatch(data.stem):
            with suppress(FileNotFoundError):
                found.append(
                    _cached(CacheFiles(data.with_suffix("")), name["name"], name["digest"])
                )
    return sorted(found, key=lambda one: (one.used, one.place.stem))


def prune(
    root: Path, *, limit_bytes: int | None = None, older_than_s: float | None = None
) -> list[Cached]:
    """Remove what was not used for ``older_than_s`` seconds, then the least recently used until
    the rest fits ``limit_bytes``; give what was removed.

    What is being filled stays. Who has a cache mapped keeps it until it ends.

    Raises:
        OSError: a file cannot be removed.
    """
    caches = survey(root)
    total = sum(one.occupied for one in caches)
    eldest = float("-inf") if older_than_s is None else time.time() - older_than_s
    removed = []
    for one in caches:
        if one.used < eldest or (limit_bytes is not None and total > limit_bytes):
            with suppress(Timeout), FileLock(one.place.lock, timeout=0):
                one.place.journal.unlink(missing_ok=True)
                one.place.data.unlink(missing_ok=True)
                one.place.lock.unlink(missing_ok=True)
                total -= one.occupied
                removed.append(one)
    return removed


def _cached(place: CacheFiles, name: str, digest: str) -> Cached:
    status = place.data.stat()
    journal = read_journal(place.journal)
    count = finished = 0
    if journal is not None:
        count = journal.header.count
        finished = sum(len(journal.header.rows(chunk)) for chunk in journal.records)
    return Cached(place, name, digest, count, finished, 512 * status.st_blocks, status.st_mtime)


def _npy_header(count: int, coding: Coding) -> bytes:
    """The first bytes of the file, in NumPy's own format."""
    stream = io.BytesIO()
    description = {
        "descr": coding.dtype.str,
        "fortran_order": False,
        "shape": (count, *coding.shape),
    }
    np.lib.format.write_array_header_1_0(stream, description)
    return stream.getvalue()
