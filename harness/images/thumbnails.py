"""Small pictures of image files, to be shown and never to be judged by."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

from harness.errors import HarnessError

SIDE: Final = 96
"""Pixels of the longer side."""

QUALITY: Final = 70


def thumbnail(path: str) -> bytes:
    """A small JPEG of an image file, or nothing where it cannot be read any more."""
    from PIL import Image

    from harness.images.decoding import decode

    try:
        levels = decode(Path(path))
    except (HarnessError, ValueError):  # the latter of a path that can be none
        return b""
    picture, sink = Image.fromarray(levels), io.BytesIO()
    picture.thumbnail((SIDE, SIDE))
    picture.save(sink, "JPEG", quality=QUALITY)
    return sink.getvalue()
