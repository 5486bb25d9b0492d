"""How much a store holds, and what goes first.

Two things can go: the large files of an entry, which leaves what was found of them, and the entry
itself. A run on a store whose large files are gone builds only what it needs the files for.
"""

from __future__ import annotations

import logging
import os
import shutil
import stat
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from harness.runtime.store.contents import SHARED_FROM_BYTES
from harness.runtime.store.layout import USED, StoreFolders, discard, label
from harness.runtime.store.leases import let_go, remove_entry

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry from outside: what it occupies, and when it was last used (seconds since 1970).

    ``inodes`` maps each file on disk to its bytes; entries that share a file share the inode.
    ``large`` are the files that can be evicted.
    """

    path: Path
    used: float
    inodes: Mapping[tuple[int, int], int]
    large: tuple[Path, ...] = ()

    @property
    def step(self) -> str:
        """The step that made it."""
        return self.path.parent.name

    @property
    def size(self) -> int:
        """Bytes of all its files, shared or not."""
        return sum(self.inodes.values())


def survey(layout: StoreFolders) -> list[Stored]:
    """Every entry, least recently used first. Entries that go away meanwhile are left out."""
    found = []
    for entry in layout.entries():
        with suppress(FileNotFoundError):
            found.append(_stored(entry))
    return sorted(found, key=lambda stored: (stored.used, stored.path))


def occupied(entries: Iterable[Stored]) -> int:
    """Bytes on disk, shared files counted once."""
    sizes: dict[tuple[int, int], int] = {}
    for stored in entries:
        sizes.update(stored.inodes)
    return sum(sizes.values())


def shortage(layout: StoreFolders, free_bytes: int) -> int:
    """How many bytes are missing on the store's disk until ``free_bytes`` are free there.

    Of a small disk no more than a quarter is asked to be free.
    """
    disk = shutil.disk_usage(layout.root)
    return max(0, min(free_bytes, disk.total // 4) - disk.free)


def make_room(layout: StoreFolders, *, limit_bytes: int | None, free_bytes: int) -> list[Path]:
    """Let go of large files, the least recently used first, until the store fits ``limit_bytes``
    and its disk has ``free_bytes`` free; give the entries whose files went.

    What is in use stays.
    """
    entries = survey(layout)
    names = Counter(inode for stored in entries for inode in stored.inodes)
    total = occupied(entries)
    most = total - shortage(layout, free_bytes)
    if limit_bytes is not None:
        most = min(most, limit_bytes)
    gone = []
    for stored in entries:
        if total <= most:
            break
        if stored.large and let_go(stored.path, stored.large):
            gone.append(stored.path)
            left = _stored(stored.path).inodes if stored.path.exists() else {}
            lost = stored.inodes.keys() - left.keys()
            names.subtract(lost)
            total -= sum(stored.inodes[inode] for inode in lost if names[inode] == 0)
            LOG.info("let the large files of %s go", label(stored.path))
    if gone:
        _drop_lone_blobs(layout)
    return gone


def prune(
    layout: StoreFolders,
    *,
    limit_bytes: int | None = None,
    older_than_s: float | None = None,
    keep_in_use: bool = True,
) -> list[Stored]:
    """Remove what was not used for ``older_than_s`` seconds, then the least recently used until
    the rest fits ``limit_bytes``; give what was removed.

    Without ``keep_in_use`` entries go even while a process reads them. What killed builders left
    behind goes in any case.
    """
    entries = survey(layout)
    names = Counter(inode for stored in entries for inode in stored.inodes)
    total = occupied(entries)
    eldest = float("-inf") if older_than_s is None else time.time() - older_than_s
    removed = []
    for stored in entries:
        too_old = stored.used < eldest
        too_much = limit_bytes is not None and total > limit_bytes
        if not (too_old or too_much):
            continue
        if remove_entry(stored.path, layout.tmp, keep_in_use=keep_in_use):
            removed.append(stored)
            names.subtract(stored.inodes.keys())
            total -= sum(size for inode, size in stored.inodes.items() if names[inode] == 0)
            LOG.info("removed %s from the artifact store", label(stored.path))
    if limit_bytes is not None and total > limit_bytes:
        LOG.warning("the artifact store holds %d bytes in use, limit %d", total, limit_bytes)
    _drop_lone_blobs(layout)
    _sweep(layout)
    return removed


def sweep_entry(layout: StoreFolders, entry: Path) -> None:
    """Remove what killed builders of one entry left behind. Call with its lock held."""
    for left in layout.tmp.glob(f"{label(entry)}-*"):
        discard(left)


def _sweep(layout: StoreFolders) -> None:
    """Remove leavings, and locks of entries that are no more, wherever nobody is building."""
    left = {layout.labelled(path.name.rpartition("-")[0]) for path in layout.tmp.iterdir()}
    locked = {layout.labelled(path.stem) for path in layout.locks.glob("*.lock")}
    for entry in sorted(left | {entry for entry in locked if not entry.exists()}):
        lock = layout.lock(entry)
        with suppress(Timeout, OSError):
            layout.mend_lock(entry)
        with suppress(Timeout, OSError), FileLock(lock, timeout=0):
            sweep_entry(layout, entry)
            if not entry.exists():
                lock.unlink(missing_ok=True)


def _drop_lone_blobs(layout: StoreFolders) -> None:
    """Remove large files that no entry holds any more."""
    for blob in layout.blobs.glob("*/*"):
        with suppress(OSError):
            found = blob.lstat()
            if not stat.S_ISREG(found.st_mode):
                discard(blob)
            elif found.st_nlink == 1:
                blob.unlink()


def _stored(entry: Path) -> Stored:
    inodes: dict[tuple[int, int], int] = {}
    large = []
    for folder, _, names in os.walk(entry):
        for name in names:
            path = os.path.join(folder, name)
            found = os.stat(path, follow_symlinks=False)
            inodes[found.st_dev, found.st_ino] = found.st_size
            if found.st_size >= SHARED_FROM_BYTES:
                large.append(Path(path))
    marker = entry / USED
    used = (marker if marker.exists() else entry).lstat().st_mtime
    return Stored(entry, used, inodes, tuple(large))
