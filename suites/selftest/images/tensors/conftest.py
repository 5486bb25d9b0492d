"""A small pipeline and small files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_preprocessors import Tiny, pictures


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "trace"


@pytest.fixture
def preprocessor(trace: Path) -> Tiny:
    return Tiny(trace)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """100 images: three calls of a worker, and a part of a fourth."""
    return pictures(tmp_path / "images", 100)
