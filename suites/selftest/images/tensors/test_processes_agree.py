"""What another process makes of an image is held against what this one makes of it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_preprocessors import tiny

from harness.errors import NonConformance, PreprocessError
from harness.images.pipelines import load, pipelines
from harness.images.tensors.elsewhere import made, require_same
from harness.runtime.isolation import Worker

PIPELINE = pipelines()["vendor-run-time"]
IMAGES = [np.random.default_rng(1).integers(0, 256, (60, 70 + i, 3), np.uint8) for i in range(3)]


def of_this_process(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Differs from process to process in the last bit of one value, as an unset seed would."""
    tensor = tiny(image)
    tensor[0, 0, 0] = np.nextafter(tensor[0, 0, 0], np.float32(os.getpid()))
    return tensor


def made_by(run: str) -> list[NDArray[np.float32]]:
    return [globals()[run](image) for image in IMAGES]


@pytest.fixture(scope="module")
def another() -> Iterator[Worker]:
    with Worker(environment={"PYTHONHASHSEED": "1"}) as worker:
        yield worker


def test_real_pipeline_gives_the_same(another: Worker) -> None:
    call = (made, PIPELINE.id, IMAGES)
    theirs = another.run(*call, timeout_s=60, stage=PreprocessError)
    require_same(load(PIPELINE.id), PIPELINE, IMAGES, theirs)


def test_what_depends_on_the_process_is_noticed(another: Worker) -> None:
    theirs = another.run(made_by, "tiny", timeout_s=60, stage=PreprocessError)
    require_same(tiny, PIPELINE, IMAGES, theirs)
    with pytest.raises(NonConformance, match=r"values that differ by up to .* \[image of 60×70\]"):
        require_same(of_this_process, PIPELINE, IMAGES, theirs)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda made: made[::-1], "differ by up to"),
        (lambda made: [one.astype(np.float64) for one in made], "float64 .*, here float32"),
        (lambda made: [one * np.float32(np.nan) for one in made], "differ by up to nan"),
    ],
)
def test_other_tensors_are_noticed(wrong, message: str) -> None:
    theirs = wrong([tiny(image) for image in IMAGES])
    with pytest.raises(NonConformance, match=message):
        require_same(tiny, PIPELINE, IMAGES, theirs)


def test_missing_answer_is_noticed() -> None:
    with pytest.raises(ValueError, match="shorter"):
        require_same(tiny, PIPELINE, IMAGES, [tiny(IMAGES[0])])
