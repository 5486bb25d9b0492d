"""Images on disk, and one valid test by LoadGen for those who only read its logs."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from serving_stand_ins import Lane, pictures, trial

from harness.throughput.trials import run_trial


@pytest.fixture
def images(tmp_path: Path) -> Path:
    path = tmp_path / "images.npy"
    np.save(path, pictures())
    return path


@pytest.fixture(scope="session")
def valid_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("valid")
    run_trial(trial(), [Lane()], folder)
    return folder


@pytest.fixture
def logs(valid_logs: Path, tmp_path: Path) -> Path:
    """The logs of a valid test, to be spoiled."""
    return Path(shutil.copytree(valid_logs, tmp_path / "logs"))
