"""Files by their content: hashing each once, and storing each once."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from pathlib import Path

from harness.runtime.store.quantities import MIB

LOG = logging.getLogger(__name__)
SHARED_FROM_BYTES = MIB  # below, a second name costs about as much as the content


class Hashes:
    """SHA-256 of files, computed once for as long as a file is not touched.

    A file counts as untouched while device, inode, size and time of change in nanoseconds are
    the same, so that one content under several names is read once.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int, int], str] = {}

    def sha256(self, path: Path) -> str:
        """The file's SHA-256 in hexadecimal digits.

        Raises:
            OSError: the file cannot be read.
        """
        with open(path, "rb") as file:
            found = os.fstat(file.fileno())
            signature = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
            if signature not in self._known:
                self._known[signature] = hashlib.file_digest(file, "sha256").hexdigest()
            return self._known[signature]


def share(path: Path, sha256: str, *, blobs: Path, hashes: Hashes) -> None:
    """Make ``path`` and everything of the same content one file on disk, where links allow.

    What is already there is linked to only if it still is what its name says.
    """
    blob = blobs / sha256[:2] / sha256
    partial = path.with_name(f".{path.name}.link")
    try:
        blob.parent.mkdir(parents=True, exist_ok=True)
        if not (blob.exists() and hashes.sha256(blob) == sha256):
            blob.unlink(missing_ok=True)
            os.link(path, blob)
        elif not path.samefile(blob):
            os.link(blob, partial)
            os.replace(partial, path)
    except OSError as error:  # no links here, too many, or another process was faster
        LOG.debug("%s keeps a copy of its own: %s", path, error)


def disown(path: Path) -> None:
    """Give a file that has other names a content of its own, which nobody else can change."""
    if path.stat().st_nlink > 1:
        partial = path.with_name(f".{path.name}.copy")
        shutil.copyfile(path, partial)
        os.replace(partial, path)
