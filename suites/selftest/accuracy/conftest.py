"""Where the real photographs are."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "../shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real photographs, labels and weights; a test that asks for them is skipped without."""
    if not (SHARED / "data").is_dir():
        pytest.skip("no real images here: ../shared/data is missing")
    return SHARED / "data"
