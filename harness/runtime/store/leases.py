"""Holding an entry while it is used, in a way that ends with the process."""

from __future__ import annotations

import fcntl
import os
import secrets
import weakref
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from harness.runtime.store.layout import LET_GO, USED, discard, label


class Lease:
    """Keeps an entry from being pruned for as long as this object lives.

    A shared lock on the entry's ``used`` file, which the kernel drops when the process ends.
    """

    __slots__ = ("__weakref__",)

    def __init__(self, descriptor: int) -> None:
        """Takes over a descriptor that holds the lock."""
        weakref.finalize(self, os.close, descriptor)


def take_lease(entry: Path) -> Lease | None:
    """Hold the entry and note that it is used now; None where there is none.

    Waits for the moment that a removal in progress takes.
    """
    path = entry / USED
    while True:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return None
        lease = Lease(descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        with suppress(FileNotFoundError):
            if _is_at(descriptor, path):
                with suppress(OSError):  # a store that may only be read
                    os.utime(descriptor)
                return lease


def remove_entry(entry: Path, tmp: Path, *, keep_in_use: bool) -> bool:
    """Remove an entry in one step, unless it is in use; False where it was kept.

    ``tmp`` is a folder on the same file system.
    """
    gone = tmp / f"{label(entry)}-{secrets.token_hex(4)}"
    descriptor: int | None = None
    try:
        with suppress(OSError):
            descriptor = os.open(entry / USED, os.O_RDONLY | os.O_NONBLOCK)
        if keep_in_use and descriptor is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with suppress(FileNotFoundError):  # another process was faster
            os.rename(entry, gone)
    except BlockingIOError:
        return False
    finally:
        if descriptor is not None:
            os.close(descriptor)
    discard(gone)
    return True


def let_go(entry: Path, files: Iterable[Path]) -> bool:
    """Remove some of an entry's files, unless it is in use; False where it was kept.

    Whoever is killed meanwhile leaves an entry that says of itself that files may be missing.
    """
    try:
        descriptor = os.open(entry / USED, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:  # another process was faster, or it is no entry
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (entry / LET_GO).touch()
        for path in files:
            path.unlink(missing_ok=True)
    except (BlockingIOError, FileNotFoundError):
        return False
    finally:
        os.close(descriptor)
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one that has this name now."""
    return os.path.samestat(os.fstat(descriptor), os.stat(path))
