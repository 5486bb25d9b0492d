"""What is in an image file: its hash, and whether it can be decoded, within bounds."""

from __future__ import annotations

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, UnidentifiedImageError

from harness.errors import HarnessError
from harness.runtime.foreign import open_regular, read_bytes

MAX_BYTES: Final = 2**26
"""Bytes of one image file; the largest photographs of the validation set have a quarter of it."""

MAX_PIXELS: Final = 2**26
"""Pixels of one image (8192×8192), below the size at which Pillow warns (89 million)."""

FORMATS: Final = ("JPEG", "PNG")  # what lies under .JPEG: ILSVRC2012 has a PNG among its JPEGs


@dataclass(frozen=True, slots=True)
class Content:
    """SHA-256 of a file's bytes in hexadecimal, and why it is no image; empty where it is one."""

    sha256: str
    damage: str


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
    """Why these bytes are no JPEG or PNG image within the bounds; empty where they are one."""
    if not data:
        return "empty"
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                return f"{image.width}×{image.height}, expected at most {MAX_PIXELS} pixels"
            if decode:
                image.load()
    except UnidentifiedImageError:
        return f"not {' or '.join(FORMATS)}"
    except Exception as error:  # damaged bytes make decoders raise anything
        return f"cannot be decoded: {error}"
    return ""


def _examine(path: Path, *, decode: bool) -> Content:
    try:
        data = read_bytes(path, most=MAX_BYTES)
    except OSError as error:
        return Content("", f"cannot be read: {error.strerror or error}")
    return Content(hashlib.sha256(data).hexdigest(), damage_of(data, decode=decode))
