"""Images are preprocessed as a slow, obvious reference does it, and as torchvision does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from slow_reference import reference

from harness.errors import CalibrationError
from harness.expected.buildconfig import (
    CenterCrop,
    DecodeImage,
    Normalize,
    ProcessOp,
    Resize,
    ToTensor,
)
from harness.images.preprocessing import digest, preprocess, preprocess_many

Levels = NDArray[np.uint8]
Draw = Callable[[int, int], Levels]
Preprocess = Callable[[Levels, Sequence[ProcessOp]], NDArray[np.float32]]

IMAGENET = Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
OPS = (Resize((29, 33)), CenterCrop((22, 28)), IMAGENET, ToTensor())

BOUND = 1.001
"""Levels. Pillow rounds to whole levels twice, after the columns and after the rows, by at most
half a level each, and its weights to 22 bits, less than a thousandth; the reference never does."""

SIZES = [(37, 53), (53, 37), (100, 31), (23, 29), (29, 33), (200, 201)]


def furthest(ours: Preprocess, image: Levels, ops: Sequence[ProcessOp]) -> float:
    """The largest difference from the reference, in levels: that is, before normalization."""
    normalize = next(op for op in ops if isinstance(op, Normalize))
    level = np.asarray(normalize.std)[:, None, None] * (255 if normalize.div255 else 1)
    return float(np.max(np.abs(ours(image, ops) - reference(image, ops)) * level))


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize(
    "sizes",
    [
        (Resize((29, 33)), CenterCrop((22, 28))),
        (Resize((29,)), CenterCrop((22, 23))),
        (CenterCrop((20, 21)), Resize((48, 17))),
        (DecodeImage(),),
    ],
)
@pytest.mark.parametrize("div255", [True, False])
def test_reference_agrees_to_a_level(
    noise: Draw, height: int, width: int, sizes: tuple[ProcessOp, ...], div255: bool
) -> None:
    ops = (*sizes, replace(IMAGENET, div255=div255), ToTensor())
    assert furthest(preprocess, noise(height, width), ops) <= BOUND


def _bgr(image: Levels, ops: Sequence[ProcessOp]) -> NDArray[np.float32]:
    return preprocess(image[:, :, ::-1], ops)


def _without_div255(image: Levels, ops: Sequence[ProcessOp]) -> NDArray[np.float32]:
    return preprocess(image, [*ops[:2], replace(IMAGENET, div255=False), ToTensor()])


def _sides_swapped(image: Levels, ops: Sequence[ProcessOp]) -> NDArray[np.float32]:
    return preprocess(image, [Resize((33, 29)), *ops[1:]])


def _aspect_kept(image: Levels, ops: Sequence[ProcessOp]) -> NDArray[np.float32]:
    return preprocess(image, [Resize((29,)), *ops[1:]])


def _std_of_another_channel(image: Levels, ops: Sequence[ProcessOp]) -> NDArray[np.float32]:
    wrong = replace(IMAGENET, std=(0.225, 0.224, 0.229))
    return preprocess(image, [*ops[:2], wrong, ToTensor()])


def _by_hand(
    image: Levels, how: Image.Resampling, *, left: int = 2, reducing_gap: float | None = None
) -> NDArray[np.float32]:
    """:data:`OPS` with one thing otherwise; as given here, the crop begins at (4, 2)."""
    resized = Image.fromarray(image).resize((33, 29), how, reducing_gap=reducing_gap)
    cropped = np.asarray(resized)[4:26, left : left + 28]
    return preprocess(cropped, [IMAGENET, ToTensor()])


def _crop_off_by_one(image: Levels, _: Sequence[ProcessOp]) -> NDArray[np.float32]:
    return _by_hand(image, Image.Resampling.BILINEAR, left=3)


def _nearest(image: Levels, _: Sequence[ProcessOp]) -> NDArray[np.float32]:
    return _by_hand(image, Image.Resampling.NEAREST)


def _bicubic(image: Levels, _: Sequence[ProcessOp]) -> NDArray[np.float32]:
    return _by_hand(image, Image.Resampling.BICUBIC)


def _reduced_first(image: Levels, _: Sequence[ProcessOp]) -> NDArray[np.float32]:
    return _by_hand(image, Image.Resampling.BILINEAR, reducing_gap=1.0)


def test_the_wrong_ones_are_wrong_in_one_thing_only(noise: Draw) -> None:
    right = _by_hand(noise(100, 71), Image.Resampling.BILINEAR)
    assert np.array_equal(right, preprocess(noise(100, 71), OPS))


@pytest.mark.shows(
    "preprocessing is off by a little", by="a slow float64 reference; torchvision to the last bit"
)
@pytest.mark.parametrize(
    "wrong",
    [
        _bgr,
        _without_div255,
        _crop_off_by_one,
        _sides_swapped,
        _aspect_kept,
        _std_of_another_channel,
        _nearest,
        _bicubic,
        _reduced_first,
    ],
)
def test_reference_notices_what_is_wrong(noise: Draw, wrong: Preprocess) -> None:
    assert furthest(wrong, noise(100, 71), OPS) > 2 * BOUND


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_torchvision_agrees_to_the_last_bit(noise: Draw, height: int, width: int) -> None:
    transforms = pytest.importorskip("torchvision.transforms")
    image = noise(height, width)
    for size, crop in [((29, 33), (22, 28)), ((29,), (22, 23))]:
        theirs = transforms.Compose(
            [
                transforms.Resize(size),
                transforms.CenterCrop(crop),
                transforms.ToTensor(),
                transforms.Normalize(IMAGENET.mean, IMAGENET.std),
            ]
        )(Image.fromarray(image)).numpy()
        ops = (Resize(size), CenterCrop(crop), IMAGENET, ToTensor())
        assert np.array_equal(preprocess(image, ops), theirs)


@pytest.mark.parametrize("level", [0, 1, 127, 255])
def test_constant_image_stays_constant(level: int) -> None:
    image = np.full((61, 47, 3), level, np.uint8)
    identity = Normalize((0, 0, 0), (1, 1, 1), div255=False)
    result = preprocess(image, [*OPS[:2], identity, ToTensor()])
    assert result.shape == (3, 22, 28)
    assert result.dtype == np.float32
    assert np.all(result == level)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((9, 9, 3), np.float32), r"float32 \(9, 9, 3\), expected uint8 \(height"),
        (np.zeros((9, 9), np.uint8), r"uint8 \(9, 9\)"),
        (np.zeros((3, 9, 9), np.uint8), r"uint8 \(3, 9, 9\)"),
        (np.zeros((0, 9, 3), np.uint8), r"uint8 \(0, 9, 3\)"),
        (np.zeros((9, 8, 3), np.uint8), "an image of 9×8 cannot be cropped to 9×9"),
    ],
)
def test_what_is_no_image_or_too_small_is_refused(image: Levels, message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        preprocess(image, [CenterCrop((9, 9)), IMAGENET, ToTensor()])


@pytest.mark.parametrize(
    "ops", [OPS[:3], OPS[:2], (IMAGENET, Resize((9,)), IMAGENET, ToTensor()), ()]
)
def test_pipeline_out_of_order_is_refused(noise: Draw, ops: tuple[ProcessOp, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        preprocess(noise(30, 30), ops)


def test_batch_keeps_order_and_values(noise: Draw) -> None:
    images = [noise(40, 50), noise(50, 40), noise(33, 33)]
    batch = preprocess_many(images, OPS)
    assert batch.shape == (3, 3, 22, 28)
    for index, image in enumerate(images):
        assert np.array_equal(batch[index], preprocess(image, OPS))


def test_batch_of_different_sizes_is_refused(noise: Draw) -> None:
    with pytest.raises(CalibrationError, match="images end as 9×9, 9×10, expected all of one size"):
        preprocess_many([noise(9, 9), noise(9, 10)], [Resize((9,)), IMAGENET, ToTensor()])
    with pytest.raises(CalibrationError, match="none at all"):
        preprocess_many([], OPS)


def test_digest_tells_pipelines_apart() -> None:
    others = [
        OPS[1:],
        (OPS[1], OPS[0], *OPS[2:]),
        (Resize((29, 34)), *OPS[1:]),
        (Resize((29,)), *OPS[1:]),
        (*OPS[:2], replace(IMAGENET, div255=False), ToTensor()),
        (*OPS[:2], replace(IMAGENET, mean=(0.485, 0.456, 0.4060001)), ToTensor()),
    ]
    assert len({digest(OPS), *map(digest, others)}) == 1 + len(others)


def test_digest_is_the_same_for_equal_pipelines() -> None:
    whole, real = Normalize((0, 0, 0), (1, 1, 1)), Normalize((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    assert whole == real
    assert digest([whole]) == digest([real])
