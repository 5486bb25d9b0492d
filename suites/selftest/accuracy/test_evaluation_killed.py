"""Whatever ends the process, what comes out in the end is what an uninterrupted run gives."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest
from tiny_evaluation import IDENTITY, IMAGES, answered, start_evaluating

from harness.accuracy.folder import open_results
from harness.accuracy.predictions import Predictions

pytestmark = [
    pytest.mark.shows(
        "an image is counted twice, or lost, when a run is killed",
        by="parts with their own checksums, nothing else is believed",
    )
]

MOST_STARTS = 60


def require_same_table(found: Predictions, expected: Predictions) -> None:
    """Every image once, each with the same answer to the last bit."""
    assert found.table["position"].to_pylist() == list(range(IMAGES)), "lost or counted twice"
    assert found.table.equals(expected.table), "another answer"


def results(root: Path) -> Predictions:
    return open_results(root / IDENTITY.digest)


def finish(root: Path, folder: str = "ResultsFolder") -> None:
    process = start_evaluating(root, folder)
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_that_is_killed_at_random_goes_on_where_it_was(tmp_path: Path, seed: int) -> None:
    moments, kills = random.Random(seed), 0
    for _ in range(MOST_STARTS):
        process = start_evaluating(tmp_path / "killed")
        assert process.stdout is not None
        process.stdout.readline()
        if kills < 5:
            time.sleep(moments.uniform(0.0, 0.2))
            process.kill()
        process.communicate(timeout=60)
        kills += process.returncode == -signal.SIGKILL
        if process.returncode == 0:
            break
    assert kills >= 3
    require_same_table(results(tmp_path / "killed"), answered(tmp_path / "whole"))


def test_ctrl_c_keeps_everything_that_was_known(tmp_path: Path) -> None:
    process = start_evaluating(tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    while not list((tmp_path / IDENTITY.digest).glob("*.parquet")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    known = len(results(tmp_path))
    assert process.returncode != 0
    assert 0 < known < IMAGES
    assert results(tmp_path).table["position"].to_pylist() == list(range(known))
    finish(tmp_path)
    require_same_table(results(tmp_path), answered(tmp_path / "whole"))


def test_a_journal_that_is_ahead_of_its_data_would_be_noticed(tmp_path: Path) -> None:
    process = start_evaluating(tmp_path, "AheadOfData")
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    finish(tmp_path, "AheadOfData")
    with pytest.raises(AssertionError, match="lost or counted twice"):
        require_same_table(results(tmp_path), answered(tmp_path / "whole"))
