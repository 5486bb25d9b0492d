"""In which order images are evaluated: by seed, the same on every machine.

A rank is the SHA-256 of seed and position, so no random number generator takes part, and neither
its version. Two orders serve two purposes:

``draw``      stratified by class. For a subset of a size chosen beforehand.
``shuffled``  uniform. For the sequential test, which may then stop after any image.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import MeasureError

Positions = NDArray[np.int64]
"""Positions in the list of images, in the order in which they are to be evaluated."""

_TWO_TO_64 = 2.0**64


def draw(labels: ArrayLike, count: int, *, seed: int, equal: bool = False) -> Positions:
    """Draw ``count`` images at random, spread over the classes.

    Every prefix is spread as well as its length allows, and a longer draw extends a shorter one
    of the same seed. Where all classes are of one size, each round of the classes has one image of
    each, in random order.

    Args:
        labels: the class of each image, shape (images,), whole numbers.
        count: how many, from 1 to all.
        seed: of the draw.
        equal: the same number of each class as long as it lasts, instead of its share of the set.
            On a set with classes of different sizes the hits are then no estimate for the set.

    Raises:
        MeasureError: the labels are no whole numbers in one dimension, or ``count`` is not within
            their number.

    >>> draw([0, 0, 0, 1, 1, 1], 4, seed=0)
    array([4, 2, 5, 0])
    """
    classes = np.asarray(labels)
    if classes.dtype.kind not in "iu" or classes.ndim != 1:
        raise MeasureError(
            f"the labels are {classes.dtype} of shape {classes.shape}, "
            "expected whole numbers in one dimension"
        )
    _require_count(count, classes.size)
    ranks = _ranks("within the class", seed, classes.size)
    by_class = np.lexsort((ranks, classes))
    _, first, sizes = np.unique(classes[by_class], return_index=True, return_counts=True)
    place = np.arange(classes.size) - np.repeat(first, sizes)
    # An image's time is uniform within its own turn, so each class advances at its own pace.
    time = place + _ranks("within the round", seed, classes.size)[by_class]
    if not equal:
        time = time / np.repeat(sizes, sizes)
    return by_class[np.argsort(time, kind="stable")][:count].astype(np.int64)


def shuffled(images: int, *, seed: int) -> Positions:
    """All positions in uniformly random order: any prefix is a simple random sample.

    Raises:
        MeasureError: there is no image.
    """
    _require_count(images, images)
    return np.argsort(_ranks("all", seed, images), kind="stable").astype(np.int64)


def _ranks(purpose: str, seed: int, count: int) -> NDArray[np.float64]:
    """A number in [0, 1) for each position; equal ones (by chance 1e-10) keep their order."""
    start = f"{purpose} {seed} ".encode()
    digests = b"".join(
        hashlib.sha256(start + b"%d" % position).digest()[:8] for position in range(count)
    )
    return np.frombuffer(digests, ">u8") / _TWO_TO_64


def _require_count(count: int, images: int) -> None:
    if not 1 <= count <= images:
        raise MeasureError(f"{count} images are to be drawn of {images}, expected from 1 to all")
