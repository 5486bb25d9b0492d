"""Files that are either the old one or the new one, whatever happens in between."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from harness.errors import HarnessError


def write_bytes(path: Path, data: bytes) -> None:
    """Replace the content of ``path``, or create it; a reader sees all of it or none of it.

    The new content is written and synced beside the target, then renamed over it. A symbolic link
    is followed, an existing file keeps its permissions, and a new one gets the usual ones.

    Raises:
        HarnessError: the file cannot be written; what stood there before is untouched.
    """
    target = Path(os.path.realpath(path))
    partial = target.with_name(f".{target.name}.{secrets.token_hex(8)}.partial")
    try:
        try:
            with open(partial, "xb") as file:
                if target.exists():
                    os.fchmod(file.fileno(), target.stat().st_mode & 0o7777)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        sync(target.parent)
    except OSError as error:
        raise HarnessError(f"cannot write {path}: {error.strerror or error}") from error


def write_text(path: Path, text: str) -> None:
    """Replace the content of ``path`` with ``text`` in UTF-8, line ends as given.

    Raises:
        HarnessError: as in :func:`write_bytes`.
    """
    write_bytes(path, text.encode("utf-8"))


def sync(path: Path) -> None:
    """Have a file's content, or a directory's names, on the disk itself: they survive a power cut.

    Raises:
        OSError: it cannot be opened or synced.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
