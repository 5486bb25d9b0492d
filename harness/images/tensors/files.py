"""Which files a cache is about: their content, in order, and that it stays so meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.images.datasets.content import sha256_of

_UNREADABLE = "unreadable"  # in place of a hash; such a file is a bad one

State = tuple[int, int, int] | None
"""Inode, size and time of change: a file with the same ones is taken to be untouched."""


@dataclass(frozen=True, slots=True)
class Files:
    """Files in the order in which their tensors are kept.

    Attributes:
        digest: over the content of each in order, whatever their names; 64 hexadecimal digits.
    """

    paths: tuple[Path, ...]
    digest: str
    _states: tuple[State, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def require_untouched(self, start: int, stop: int) -> None:
        """Files of these places are those that the digest is about.

        Raises:
            HarnessError: one was changed, removed or replaced since; it is named.
        """
        for path, before in zip(self.paths[start:stop], self._states[start:stop], strict=True):
            if _state(path) != before:
                raise HarnessError(
                    f"{path}: was changed after it had been hashed; expected a data set that "
                    "nobody writes to"
                )


def read_files(paths: Sequence[Path], *, threads: int = 1) -> Files:
    """Hash each file's content: a second for each 2 GB, where the disk is as fast.

    A file that cannot be read is no error here; it is a bad file wherever it is used.

    Raises:
        HarnessError: there are no files.
        ValueError: ``threads`` is below one.
    """
    if not paths:
        raise HarnessError("there are no image files, expected one at least")
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}")
    states = tuple(map(_state, paths))
    whole = hashlib.sha256()
    with ThreadPoolExecutor(threads) as pool:
        for sha256 in pool.map(_sha256, paths):
            whole.update(f"{sha256}\n".encode())
    return Files(tuple(paths), whole.hexdigest(), states)


def _sha256(path: Path) -> str:
    try:
        return sha256_of(path)
    except HarnessError:
        return _UNREADABLE


def _state(path: Path) -> State:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
