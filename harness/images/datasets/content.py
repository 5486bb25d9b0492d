"""What is in an image file: its hash, and whether it can be decoded, within bounds."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import HarnessError, ImageError
from harness.images.decoding import LIMITS, orientation_of, require_header
from harness.images.decoding import decode as decoded
from harness.runtime.foreign import open_regular, read_bytes

MAX_BYTES: Final = LIMITS.max_bytes
_NAMELESS: Final = "image in memory"  # as decoding calls content without a name


@dataclass(frozen=True, slots=True)
class Content:
    """SHA-256 of a file's bytes in hexadecimal, and why it is no image; empty where it is one.

    ``turned``: whether EXIF says that it is to be turned or mirrored.
    """

    sha256: str
    damage: str
    turned: bool = False


def examine(paths: list[Path], *, decode: bool = True, jobs: int = 1) -> list[Content]:
    """Hash files and try to decode them; results stand in the order of ``paths``.

    Args:
        decode: decode every pixel; otherwise headers only, which misses a file cut short.
        jobs: threads; hashing and decoding leave Python's lock.

    Raises:
        ValueError: ``jobs`` is below one.
    """
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}")
    with ThreadPoolExecutor(jobs) as threads:
        return list(threads.map(lambda path: _examine(path, decode=decode), paths))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        HarnessError: it cannot be read.
    """
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror or error}") from error


def damage_of(data: bytes, *, decode: bool = True) -> str:
    """Why these bytes are no image that evaluation would take; empty where they are one."""
    try:
        decoded(data) if decode else require_header(data)
    except ImageError as error:
        return str(error).removeprefix(f"{_NAMELESS}: ")
    return ""


def _examine(path: Path, *, decode: bool) -> Content:
    try:
        data = read_bytes(path, most=MAX_BYTES)
    except OSError as error:
        return Content("", f"cannot be read: {error.strerror or error}")
    damage = damage_of(data, decode=decode)
    turned = not damage and orientation_of(data) != 1
    return Content(hashlib.sha256(data).hexdigest(), damage, turned)
