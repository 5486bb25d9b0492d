"""The store itself: get what is there, build what is not, once."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from harness.errors import DamagedArtifact, HarnessError
from harness.runtime.atomic import sync
from harness.runtime.private import require_private
from harness.runtime.store.contents import Hashes
from harness.runtime.store.entries import Entry, entry_damage, read_manifest, seal
from harness.runtime.store.keys import JSON, Key
from harness.runtime.store.layout import StoreFolders, label
from harness.runtime.store.lazy import log_damage, usable
from harness.runtime.store.leases import remove_entry, take_lease
from harness.runtime.store.pruning import (
    Stored,
    make_room,
    occupied,
    prune,
    shortage,
    survey,
    sweep_entry,
)
from harness.runtime.store.quantities import GIB, parse_size

LOG = logging.getLogger(__name__)
DEFAULT_LIMIT_BYTES = 8 * GIB  # decisions: a fraction of a build disk; what a large row's steps
FREE_BYTES = 6 * GIB  # write at a time on two workers

Produce = Callable[[Path], Mapping[str, JSON]]


class Store:
    """Keeps what steps make, for all processes of a machine that use the same root.

    The root is created by the first build and is part of no key.
    """

    def __init__(
        self,
        root: Path,
        *,
        limit_bytes: int | None = DEFAULT_LIMIT_BYTES,
        free_bytes: int = 0,
    ) -> None:
        """Large files are evicted, and then entries, where more is held or less is free on disk.

        ``limit_bytes`` (None: no limit) holds after each build, ``free_bytes`` also before one.
        """
        self.root = root
        self.limit_bytes = limit_bytes
        self.free_bytes = free_bytes
        self._layout = StoreFolders(root)
        self._hashes = Hashes()

    def get(self, key: Key) -> Entry | None:
        """The entry of a key, or None. Reads its manifest and the sizes of its files.

        A damaged entry is logged, removed and None.
        """
        path = self._layout.entry(key)
        if not os.path.lexists(path):
            return None
        lease = take_lease(path)
        try:
            manifest = read_manifest(path, key)
        except DamagedArtifact as damage:
            log_damage(damage)
            del lease
            with suppress(OSError):
                remove_entry(path, self._layout.tmp, keep_in_use=True)
            return None
        return None if lease is None else Entry(path, manifest, lease, self._hashes)

    def build(self, key: Key, produce: Produce) -> Entry:
        """The entry of a key, made by ``produce`` if there is none.

        ``produce`` writes its files into the folder it is given and returns the facts. Of all
        processes that want a key, one builds and the others wait. Nothing is left behind where
        ``produce`` raises, and nothing is ever used that a killed builder left.

        Raises:
            HarnessError: the store cannot be written, or facts or files cannot be stored.
            Exception: whatever ``produce`` raises.
        """
        if entry := self.get(key):
            return entry
        self._layout.create()
        if shortage(self._layout, self.free_bytes):
            self._make_room()
        with self._building(key):
            entry = self.get(key) or self._make(key, produce)
        self._make_room()
        return entry

    def use(self, key: Key, produce: Produce, *, files: Sequence[str] | None = None) -> Entry:
        """As :meth:`build`, and the content of ``files`` (None: of all) is what was written.

        A damaged entry is logged and built anew, so that ``Entry.file`` can be called on them.

        Raises:
            DamagedArtifact: what was just built is damaged already.
            HarnessError: as in :meth:`build`, or there is no such file.
        """
        return usable(lambda: self.build(key, produce), files=files)

    def prune(
        self,
        *,
        limit_bytes: int | None = None,
        older_than_s: float | None = None,
        keep_in_use: bool = True,
    ) -> list[Stored]:
        """Remove entries by age, then by last use until the rest fits; give what was removed.

        Where letting go of large files is enough to fit, all entries stay.

        Raises:
            HarnessError: the store cannot be written.
        """
        self._layout.create()
        if limit_bytes is not None:
            make_room(self._layout, limit_bytes=limit_bytes, free_bytes=0)
        return prune(
            self._layout,
            limit_bytes=limit_bytes,
            older_than_s=older_than_s,
            keep_in_use=keep_in_use,
        )

    def entries(self) -> list[Stored]:
        """Every entry, damaged ones included, least recently used first."""
        return survey(self._layout)

    def size(self) -> int:
        """Bytes on disk in all entries, shared files counted once."""
        return occupied(self.entries())

    def damage(self) -> list[str]:
        """Read every entry in full and say what is damaged, or lies where it cannot be used."""
        damaged = [text for stored in self.entries() for text in entry_damage(stored.path)]
        return [*damaged, *self.oddities()]

    def oddities(self) -> list[str]:
        """What lies among the store's own files and is no file."""
        return list(self._layout.oddities())

    def _make_room(self) -> None:
        make_room(self._layout, limit_bytes=self.limit_bytes, free_bytes=self.free_bytes)
        if self.limit_bytes is not None:
            prune(self._layout, limit_bytes=self.limit_bytes)

    @contextmanager
    def _building(self, key: Key) -> Iterator[None]:
        """Hold the key's lock, and say so when that takes waiting for."""
        entry = self._layout.entry(key)
        lock = FileLock(self._layout.lock(entry))
        try:
            self._layout.mend_lock(entry)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                LOG.info("waiting for another process that builds %s", key)
                lock.acquire()
        except OSError as error:
            raise HarnessError(f"{self.root} cannot be written: {error.strerror}") from error
        try:
            yield
        finally:
            lock.release()

    def _make(self, key: Key, produce: Produce) -> Entry:
        """Build an entry beside the others and move it into place. Call with its lock held."""
        final = self._layout.entry(key)
        sweep_entry(self._layout, final)
        folder = self._layout.tmp / f"{label(final)}-{secrets.token_hex(4)}"
        folder.mkdir()
        try:
            facts = produce(folder)
            try:
                seal(folder, key, facts, blobs=self._layout.blobs, hashes=self._hashes)
                lease = take_lease(folder)
                assert lease is not None
                if os.path.lexists(final):  # damaged, and in use elsewhere
                    remove_entry(final, self._layout.tmp, keep_in_use=False)
                final.parent.mkdir(mode=0o700, exist_ok=True)
                os.rename(folder, final)
                sync(final.parent)
            except OSError as error:
                raise HarnessError(f"{key} cannot be stored: {error}") from error
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return Entry(final, read_manifest(final, key), lease, self._hashes)


def open_store(root: Path | None = None, *, limit: str | None = None) -> Store:
    """The store that options and environment name.

    ``root``, else ``ZOO_STORE``, else the user's cache folder; ``limit`` (as ``20GiB``), else
    ``ZOO_STORE_LIMIT``, else 8 GiB.

    Raises:
        HarnessError: the limit is no size, or others may write to the store.
    """
    chosen = root or os.environ.get("ZOO_STORE") or platformdirs.user_cache_path("zoo-conformance")
    limit = limit or os.environ.get("ZOO_STORE_LIMIT")
    limit_bytes = parse_size(limit) if limit else DEFAULT_LIMIT_BYTES
    root = Path(chosen).expanduser().absolute()
    require_private(root, what="the store")
    return Store(root, limit_bytes=limit_bytes, free_bytes=FREE_BYTES)
