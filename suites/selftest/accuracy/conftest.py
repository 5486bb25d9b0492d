"""Where the real photographs are, and one store for what is made of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "../shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real photographs, labels and weights; a test that asks for them is skipped without."""
    if not (SHARED / "data").is_dir():
        pytest.skip("no real images here: ../shared/data is missing")
    return SHARED / "data"


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store for all workers: what one has exported, compiled or decoded, the others find."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    (folder / "photographs-store").mkdir(mode=0o700, exist_ok=True)
    return folder / "photographs-store"
