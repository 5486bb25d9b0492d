"""A batch of network outputs that may be ranked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import MeasureError
from harness.judging.logits import LARGEST

Floats = NDArray[np.float64]
"""Shape (images, classes)."""


def checked_outputs(values: ArrayLike, *, images: Sequence[str] = (), case: str = "") -> Floats:
    """The outputs in float64, exactly as they were: every float16 and float32 is a float64.

    Args:
        values: shape (images, classes), any real dtype.
        images: what the images are called in errors; their numbers where none is given.
        case: named in the error.

    Raises:
        MeasureError: it is no real array of that shape, is empty, or holds NaN, infinity or a
            number beyond float32; names the first image and class concerned.
        ValueError: not as many names as images.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise MeasureError(f"the outputs are {array.dtype}, not real numbers", case=case)
    if array.ndim != 2 or 0 in array.shape:
        raise MeasureError(
            f"the outputs have shape {array.shape}, expected (images, classes), none of them 0",
            case=case,
        )
    if images and len(images) != len(array):
        raise ValueError(f"{len(images)} names for {len(array)} images")
    array = array.astype(np.float64)
    unusable = np.argwhere(~(np.abs(array) <= LARGEST))  # NaN is not below anything
    if unusable.size:
        image, class_id = (int(index) for index in unusable[0])
        value = array[image, class_id]
        what = "NaN" if np.isnan(value) else "infinity" if np.isinf(value) else f"{value:g}"
        name = f"image {image}" + (f" ({images[image]})" if images else "")
        raise MeasureError(
            f"{name} has {what} for class {class_id}, expected a float32 number "
            f"({len(np.unique(unusable[:, 0]))} of {len(array)} images cannot be ranked)",
            case=case,
        )
    return array
