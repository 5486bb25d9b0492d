"""Folders whose content is believed: only where nobody else could have written it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from harness.errors import HarnessError

TRUST: Final = "ZOO_TRUST_STORE"
"""Of the environment: any text but "" and "0" takes folders that others may write to."""

_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
_ROOT: Final = 0  # who may write anywhere anyway


def require_private(folder: Path, *, what: str) -> None:
    """Refuse a folder, or one directly in it, that others own or may write to, as ssh does of keys.

    Above it no folder may be writable by all without the sticky bit, or it could be exchanged.
    What does not exist is fine.

    Raises:
        HarnessError: names the folder, its owner and mode, and how to mend it.
    """
    if os.environ.get(TRUST, "0") not in ("", "0"):
        return
    for one in (folder, *_folders_in(folder)):
        found = _stat(one)
        if found is None:
            continue
        if found.st_uid not in (os.geteuid(), _ROOT):
            _refuse(one, found, what, "owned by you", f"choose another, or chown it: {one}")
        if found.st_mode & _OTHERS:
            _refuse(one, found, what, "writable by you alone", f"chmod go-w {one}")
    for above in folder.absolute().parents:
        found = _stat(above)
        if found and found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
            _refuse(above, found, what, "not writable by all", f"chmod o-w {above}")


def make_private(folder: Path) -> None:
    """Make a folder, and those above it, that nobody else may write to.

    Raises:
        OSError: it cannot be made.
    """
    for above in reversed(folder.parents):
        if not above.exists():
            above.mkdir(mode=0o755, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def _refuse(folder: Path, found: os.stat_result, what: str, expected: str, mend: str) -> None:
    mode = stat.S_IMODE(found.st_mode)
    raise HarnessError(
        f"{what} {folder} is owned by user {found.st_uid} with mode {mode:04o}, expected "
        f"{expected}, since what lies in it is believed; {mend}, or set {TRUST}=1"
    )


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _folders_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir()]
    except OSError:
        return []
