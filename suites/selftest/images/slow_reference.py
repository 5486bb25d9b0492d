"""Preprocessing once more: float64, one number at a time, written to be read and not to be fast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from harness.expected.buildconfig import CenterCrop, Normalize, ProcessOp, Resize, ToTensor

Array = NDArray[np.float64]


def reference(image: NDArray[np.uint8], ops: Sequence[ProcessOp]) -> Array:
    """float64 (3, height, width). Levels are nowhere rounded, not even between two operators."""
    values = image.astype(np.float64)
    for op in ops:
        match op:
            case Resize((height, width)):
                values = resized(values, height, width)
            case Resize((short,)):
                values = resized(values, *with_short_side(values.shape[0], values.shape[1], short))
            case CenterCrop((height, width)):
                top, left = middle(values.shape[0], height), middle(values.shape[1], width)
                values = values[top : top + height, left : left + width]
            case Normalize(mean, std, div255):
                for channel in range(3):
                    one = values[:, :, channel] / 255 if div255 else values[:, :, channel]
                    values[:, :, channel] = (one - mean[channel]) / std[channel]
            case ToTensor():
                values = np.stack([values[:, :, channel] for channel in range(3)])
    return values


def resized(values: Array, height: int, width: int) -> Array:
    """Rows, then columns, each a weighted mean of the old ones."""
    rows, columns = triangles(values.shape[0], height), triangles(values.shape[1], width)
    return np.einsum("ih,hwc,jw->ijc", rows, values, columns)


def triangles(old: int, new: int) -> Array:
    """Weights (new, old). Each new pixel is the old ones around it, under a triangle that is two
    pixels wide: old pixels where the image grows, new ones where it shrinks (the antialiasing).
    """
    scale = old / new
    reach = max(1.0, scale)
    weights = np.zeros((new, old))
    for i in range(new):
        for j in range(old):
            distance = abs((j + 0.5) - (i + 0.5) * scale)
            weights[i, j] = max(0.0, 1 - distance / reach)
        weights[i] /= weights[i].sum()
    return weights


def with_short_side(height: int, width: int, short: int) -> tuple[int, int]:
    """Both sides by the same factor; the fraction of a pixel is dropped."""
    factor = Fraction(short, min(height, width))
    return math.floor(height * factor), math.floor(width * factor)


def middle(old: int, new: int) -> int:
    """Where the crop begins: half of what is left over, halves to the even neighbour."""
    half, odd = divmod(old - new, 2)
    return half + (half % 2 if odd else 0)
