"""Preprocessed images back to the levels they were made of, for devices that normalize."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.errors import PreprocessError
from harness.expected.buildconfig.process_ops import Normalize, ProcessOp

NEAREST = 0.01  # levels that float32 may have moved one by; 1e-5 are seen


def levels_of(images: npt.NDArray[np.float32], ops: Sequence[ProcessOp]) -> npt.NDArray[np.uint8]:
    """Undo the normalization of images (n, 3, height, width): uint8 of the same shape, RGB.

    Raises:
        PreprocessError: they are not whole levels of 0 to 255 that these operators normalized.
        ValueError: there is not exactly one Normalize among the operators.
    """
    (normalize,) = (op for op in ops if isinstance(op, Normalize))
    mean = np.asarray(normalize.mean, np.float64)[:, None, None]
    std = np.asarray(normalize.std, np.float64)[:, None, None]
    exact = (images * std + mean) * (255 if normalize.div255 else 1)
    levels = np.rint(exact)
    with np.errstate(invalid="ignore"):
        far = not np.all(np.abs(exact - levels) <= NEAREST)  # NaN is far
    if far or levels.min() < 0 or levels.max() > 255:
        raise PreprocessError("images are no levels of 0 to 255 under the build config's Normalize")
    return levels.astype(np.uint8)
