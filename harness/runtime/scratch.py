"""Temporary folders that belong to a living process; what a killed one left, a later run removes.

The owner holds a lock on a file in the folder, which the operating system lets go of however the
process ends. So neither a process id that is used again nor a slow process misleads.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

PREFIX: Final = "zoo-"
OWNER: Final = ".owner"


class Scratch:
    """A folder below the system's one for temporary files, until :meth:`close`."""

    def __init__(self, kind: str) -> None:
        """``kind``: what it is for, as its name says it; what dead processes left goes first."""
        _sweep_once()
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-"))
            self._lock = FileLock(self.path / OWNER)
            with suppress(Timeout, OSError):  # another process took it for one that is left over
                self._lock.acquire(timeout=0)
                if (self.path / OWNER).exists():
                    return

    def close(self) -> None:
        """Remove it, as far as that is possible."""
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            self._lock.release()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def _sweep_once() -> None:
    sweep()


def sweep() -> list[Path]:
    """Remove the folders of this user whose owners have ended; gives them."""
    removed = []
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{OWNER}"):
        lock = FileLock(path)
        with suppress(Timeout, OSError):
            if path.lstat().st_uid != os.geteuid() or path.parent.is_symlink():
                continue
            lock.acquire(timeout=0)
            shutil.rmtree(path.parent, ignore_errors=True)
            lock.release()
            removed.append(path.parent)
    return removed
