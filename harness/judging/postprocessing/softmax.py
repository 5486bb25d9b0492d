"""Logits to probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from harness.judging.postprocessing.outputs import Floats, checked_outputs


def softmax(logits: ArrayLike, *, images: Sequence[str] = (), case: str = "") -> Floats:
    """``exp(x) / sum(exp(x))`` of each image, in float64.

    Each image's largest logit is taken off first, which changes nothing and keeps ``exp`` from
    overflowing. A class more than 745 below the largest one gets the probability 0.

    Args:
        logits: shape (images, classes), any real dtype.
        images: what the images are called in errors.
        case: named in the error.

    Returns:
        Probabilities of the same shape, each row summing to 1 but for rounding.

    Raises:
        MeasureError: see :func:`harness.judging.postprocessing.outputs.checked_outputs`.

    >>> softmax([[0.0, 0.0]])
    array([[0.5, 0.5]])
    """
    values = checked_outputs(logits, images=images, case=case)
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    probabilities: Floats = powers / powers.sum(axis=1, keepdims=True)
    return probabilities
