"""The most probable classes of each image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import MeasureError
from harness.judging.postprocessing.outputs import Floats
from harness.judging.postprocessing.softmax import softmax

Ids = NDArray[np.int64]
"""Class ids: positions in the network's output."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The ``k`` most probable classes of each image, the most probable one first.

    Attributes:
        ids: shape (images, k).
        probabilities: shape (images, k), float64; never rising along a row.
    """

    ids: Ids
    probabilities: Floats


def top_k(logits: ArrayLike, *, k: int = 5, images: Sequence[str] = (), case: str = "") -> Ranking:
    """Rank the classes of each image by their logits.

    Of equal logits the lowest id comes first; +0 and -0 are equal. Logits tell apart what
    probabilities do not any more (both 0, or rounded alike), so they decide, and agree with an
    order by probability wherever that is one.

    Args:
        logits: shape (images, classes), any real dtype.
        k: how many, from 1 to the number of classes.
        images: what the images are called in errors.
        case: named in the error.

    Raises:
        MeasureError: there are fewer than ``k`` classes: a hit among all of them would say
            nothing; or see :func:`harness.judging.postprocessing.outputs.checked_outputs`.
        ValueError: ``k`` is below 1.

    >>> top_k([[1.0, 3.0, 3.0]], k=2).ids
    array([[1, 2]])
    """
    if k < 1:
        raise ValueError(f"k = {k}, expected at least 1")
    probabilities = softmax(logits, images=images, case=case)
    classes = probabilities.shape[1]
    if k > classes:
        raise MeasureError(f"a top-{k} was asked for, but there are {classes} classes", case=case)
    descending = -np.asarray(logits, np.float64)
    ids = np.argsort(descending, axis=1, kind="stable")[:, :k].astype(np.int64)
    return Ranking(ids, np.take_along_axis(probabilities, ids, axis=1))
