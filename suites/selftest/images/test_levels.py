"""Levels that a device normalizes itself are those that the tensors were made of."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import PreprocessError
from harness.expected.buildconfig import CenterCrop, Normalize, ProcessOp, Resize, ToTensor
from harness.images.levels import levels_of
from harness.images.preprocessing import preprocess

SIDE = 24
NORMALIZE = Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
OF_LEVELS = Normalize((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), div255=False)


def steps(normalize: Normalize) -> tuple[ProcessOp, ...]:
    return (Resize((SIDE, SIDE)), CenterCrop((SIDE, SIDE)), normalize, ToTensor())


@pytest.mark.parametrize("normalize", [NORMALIZE, OF_LEVELS])
def test_every_level_comes_back(normalize: Normalize) -> None:
    image = np.arange(SIDE * SIDE * 3, dtype=np.uint16).astype(np.uint8).reshape(SIDE, SIDE, 3)
    tensors = preprocess(image, steps(normalize))[None]
    assert np.array_equal(levels_of(tensors, steps(normalize))[0], image.transpose(2, 0, 1))


@pytest.mark.shows(
    "a device gets images that are prepared otherwise",
    by="levels are taken back from the tensors, or refused",
)
@pytest.mark.parametrize(
    "wrong",
    [
        lambda tensors: tensors + 0.5 / 255 / 0.229,
        lambda tensors: tensors * 1.2,
        lambda tensors: np.where(tensors == tensors.max(), np.nan, tensors),
        lambda tensors: tensors + 200,
    ],
    ids=["half a level off", "another scale", "NaN", "beyond 255"],
)
def test_what_was_normalized_otherwise_is_refused(wrong: object) -> None:
    image = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    tensors = preprocess(image, steps(NORMALIZE))[None]
    with pytest.raises(PreprocessError, match="no levels of 0 to 255"):
        levels_of(wrong(tensors), steps(NORMALIZE))
