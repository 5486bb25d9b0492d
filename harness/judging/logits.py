"""Two sets of logits that may be compared: the reference's and the candidate's."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import MeasureError

Logits = NDArray[np.float64]
"""Shape (images, classes), float64."""

LARGEST = float(np.finfo(np.float32).max)
"""Beyond this a logit is no float32 number, whatever the array holds it in."""


def paired(reference: ArrayLike, candidate: ArrayLike, *, case: str = "") -> tuple[Logits, Logits]:
    """Both halves in float64, checked so that arithmetic on them means something.

    Args:
        reference: logits of shape (images, classes), any real dtype.
        candidate: logits of the same shape, image by image for the same images.
        case: named in the error.

    Raises:
        MeasureError: a half is no real array of shape (images, classes), is empty, holds NaN,
            infinity or a number beyond float32, or the shapes differ. The message names the half
            and the first image concerned.
    """
    halves = _half(reference, "reference", case), _half(candidate, "candidate", case)
    if halves[0].shape != halves[1].shape:
        raise MeasureError(
            "the candidate's logits have shape "
            f"{halves[1].shape} (images, classes), the reference's {halves[0].shape}",
            case=case,
        )
    return halves


def root_mean_square(values: Logits) -> float:
    """Root of the mean square over all elements, without overflow or underflow on the way."""
    largest = float(np.max(np.abs(values), initial=0.0))
    if largest == 0.0:
        return 0.0
    return largest * float(np.sqrt(np.mean(np.square(values / largest))))


def decibels(signal: float, noise: float) -> float:
    """``20 log10(signal / noise)`` of two root mean squares.

    No noise is ``inf``, whatever the signal; noise without signal is ``-inf``.
    """
    if noise == 0.0:
        return float("inf")
    if signal == 0.0:
        return float("-inf")
    return float(20.0 * (np.log10(signal) - np.log10(noise)))


def _half(values: ArrayLike, name: str, case: str) -> Logits:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise MeasureError(f"the {name}'s logits are {array.dtype}, not real numbers", case=case)
    if array.ndim != 2:
        raise MeasureError(
            f"the {name}'s logits have shape {array.shape}, expected (images, classes)", case=case
        )
    images, classes = array.shape
    if images == 0 or classes < 2:
        raise MeasureError(
            f"the {name} holds {images} images of {classes} classes; "
            "at least one image and two classes are needed",
            case=case,
        )
    array = array.astype(np.float64)
    _refuse_unusable(array, name, case)
    return array


def _refuse_unusable(array: Logits, name: str, case: str) -> None:
    usable = np.abs(array) <= LARGEST  # False for NaN too
    bad = np.flatnonzero(~usable.all(axis=1))
    if bad.size == 0:
        return
    first = int(bad[0])
    value = array[first][~usable[first]][0]
    what = "NaN" if np.isnan(value) else "infinity" if np.isinf(value) else f"{value:g}"
    raise MeasureError(
        f"the {name} holds {what} in image {first} "
        f"({bad.size} of {len(array)} images hold NaN, infinity or a number beyond float32)",
        case=case,
    )
