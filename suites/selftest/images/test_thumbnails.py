"""Pictures to show are small, and what cannot be read has none."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from harness.images.thumbnails import SIDE, thumbnail


def test_a_picture_is_small_and_keeps_its_shape(tmp_path: Path) -> None:
    Image.new("RGB", (400, 200), (200, 30, 30)).save(tmp_path / "a.jpg")
    made = Image.open(io.BytesIO(thumbnail(str(tmp_path / "a.jpg"))))
    assert (made.format, made.size) == ("JPEG", (SIDE, SIDE // 2))


@pytest.mark.parametrize("path", ["gone.jpg", "", "/", "a\0b", "\ud800", "/dev/zero", "a" * 9999])
def test_what_cannot_be_read_has_none(path: str) -> None:
    """Whatever a run log names, which may be anybody's."""
    assert thumbnail(path) == b""
