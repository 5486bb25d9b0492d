"""However a file says its size, it is read whole up to the limit and not beyond."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.errors import ImageError
from harness.images.decoding import Limits, decode


@pytest.fixture
def data() -> bytes:
    stream = io.BytesIO()
    levels = np.random.default_rng(2).integers(0, 256, (90, 90, 3), np.uint8)
    Image.fromarray(levels).save(stream, "PNG")
    return stream.getvalue()


def test_what_might_never_end_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="pipe: cannot be read: a FIFO, expected a file"):
        decode(tmp_path / "pipe")


@pytest.mark.parametrize("room", [0, 1])
def test_limit_holds_to_the_byte(tmp_path: Path, data: bytes, room: int) -> None:
    (tmp_path / "file.png").write_bytes(data)
    limits = Limits(max_bytes=len(data) - 1 + room)
    if room:
        assert np.array_equal(decode(tmp_path / "file.png", limits=limits), decode(data))
        return
    with pytest.raises(ImageError, match=rf"file\.png: larger than {len(data) - 1} bytes"):
        decode(tmp_path / "file.png", limits=limits)


def test_what_never_ends_is_refused() -> None:
    with pytest.raises(ImageError, match="/dev/zero: cannot be read: a device, expected a file"):
        decode(Path("/dev/zero"), limits=Limits(max_bytes=1000))
