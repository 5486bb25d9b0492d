"""A run that stops when it is decided stops where the test says, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from tiny_evaluation import (
    BATCH,
    IDENTITY,
    IMAGES,
    Linear,
    Preloaded,
    answered,
    items,
    linear,
    tensors,
)

from harness.accuracy.folder import ResultsFolder
from harness.accuracy.judging import paired
from harness.accuracy.running import ModelRun, evaluate
from harness.accuracy.sequential import LossWatch, difference, stands_for
from harness.judging.accuracy.risks import Margin
from harness.judging.accuracy.sequential import follow

INT8 = replace(IDENTITY, precision="int8", model="ff" * 32)
MARGIN = Margin(Decimal(10))


def watched(
    root: Path, *, noise: float, bad: dict[int, str] | None = None, interrupt: int = IMAGES
) -> tuple[LossWatch, int]:
    """Run both halves until it is decided; the watch, and how many images were evaluated."""
    folders = [ResultsFolder(root, identity) for identity in (IDENTITY, INT8)]
    with folders[0].held(), folders[1].held():
        fp32 = ModelRun(Linear(), folders[0], items())
        int8 = ModelRun(Linear(linear(noise)), folders[1], items())
        watch = LossWatch(fp32, int8, margin=MARGIN, population=stands_for(IMAGES))
        steps = evaluate([fp32, int8], Preloaded(tensors(), bad), stop=interrupt, batch=BATCH)
        reached = next((known for known in steps if watch.decided(known)), IMAGES)
        steps.close()
    return watch, reached


@pytest.mark.parametrize("bad", [{}, {3: "x", 60: "x", 61: "x"}], ids=["all good", "bad files"])
@pytest.mark.parametrize(("noise", "fails"), [(0.0, False), (1.0, True)])
def test_it_stops_when_the_test_decides(
    tmp_path: Path, noise: float, fails: bool, bad: dict[int, str]
) -> None:
    watch, reached = watched(tmp_path, noise=noise, bad=bad)
    assert bool(watch.evidence.fails) is fails
    assert bool(watch.evidence.passes) is not fails
    assert reached < IMAGES
    assert int(watch.evidence.decided_at) == watch.evidence.images <= reached


def test_it_decides_as_the_test_on_all_images_would(tmp_path: Path) -> None:
    watch, _ = watched(tmp_path / "watched", noise=0.2)
    session = Linear(linear(0.2))
    halves = [
        answered(tmp_path / "whole"),
        answered(tmp_path / "whole", identity=INT8, session=session),
    ]
    fp32, int8 = paired(*halves)
    evidence = follow(
        difference(fp32.hit1, int8.hit1), margin=MARGIN, population=stands_for(IMAGES)
    )
    assert watch.evidence.decided_at == evidence.decided_at
    assert watch.evidence.against_lost == pytest.approx(evidence.against_lost)


def test_an_interruption_changes_nothing(tmp_path: Path) -> None:
    whole, _ = watched(tmp_path / "whole", noise=1.0)
    watched(tmp_path / "twice", noise=1.0, interrupt=20)
    again, _ = watched(tmp_path / "twice", noise=1.0)
    assert again.evidence.images == whole.evidence.images
    assert again.evidence.against_good == whole.evidence.against_good


def test_what_differs_is_counted_with_its_sign() -> None:
    fp32, int8 = np.array([True, True, False, False]), np.array([True, False, True, False])
    assert difference(fp32, int8).tolist() == [0, 1, -1, 0]
    swapped = difference(int8, fp32)
    assert swapped.tolist() != difference(fp32, int8).tolist()


def test_a_small_set_never_counts_as_all_there_is() -> None:
    assert stands_for(1300) == 50_000
    assert stands_for(60_000) == 60_000
