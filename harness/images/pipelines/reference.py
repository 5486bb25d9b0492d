"""Every pipeline once more: float64, NumPy only, written to be read and not to be fast.

Shares no code with the pipelines or with the libraries below them. Levels are nowhere rounded.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from harness.images.pipelines.recipe import Kernel, Recipe, Rounding

Array = npt.NDArray[np.float64]


def reference(image: npt.NDArray[np.uint8], recipe: Recipe, *, rows_first: bool = False) -> Array:
    """float64 (3, height, width) from uint8 (height, width, 3).

    Columns are resized first, or rows. Bicubic overshoots and levels end at 0 and 255 after each,
    so there the order shows; Pillow takes the one or the other, as the size suits it.
    """
    height, width = _size(image.shape[0], image.shape[1], recipe)
    top, left = _middle(height, recipe.crop[0], recipe), _middle(width, recipe.crop[1], recipe)
    rows = weights(image.shape[0], height, recipe.kernel)[top : top + recipe.crop[0]]
    columns = weights(image.shape[1], width, recipe.kernel)[left : left + recipe.crop[1]]
    channels = []
    for channel in range(3):
        levels = image[:, :, channel].astype(np.float64)
        if rows_first:
            levels = np.clip(np.clip(rows @ levels, 0, 255) @ columns.T, 0, 255)
        else:
            levels = np.clip(rows @ np.clip(levels @ columns.T, 0, 255), 0, 255)
        channels.append((levels * recipe.scale - recipe.mean[channel]) / recipe.std[channel])
    return np.stack(channels)


def weights(old: int, new: int, kernel: Kernel) -> Array:
    """(new, old): how much of each old pixel is in each new one. Rows sum to one.

    Pixel *i* covers *i* to *i* + 1. Pillow widens its kernels where an image shrinks; OpenCV takes
    the two pixels around the middle, and the outermost one twice at the borders.
    """
    scale = old / new
    middles = (np.arange(new) + 0.5) * scale
    if kernel is Kernel.OPENCV_BILINEAR:
        result = np.zeros((new, old))
        for i, middle in enumerate(middles - 0.5):
            first = math.floor(middle)
            result[i, min(max(first, 0), old - 1)] += 1 - (middle - first)
            result[i, min(max(first + 1, 0), old - 1)] += middle - first
        return result
    distances = np.abs(np.arange(old) + 0.5 - middles[:, None]) / max(1.0, scale)
    raw = _triangle(distances) if kernel is Kernel.PILLOW_BILINEAR else _cubic(distances)
    normalized: Array = raw / raw.sum(axis=1, keepdims=True)
    return normalized


def _triangle(x: Array) -> Array:
    return np.maximum(0.0, 1 - x)


def _cubic(x: Array) -> Array:
    """R. Keys, "Cubic Convolution Interpolation", IEEE ASSP 29 (1981), with a = -1/2."""
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _size(height: int, width: int, recipe: Recipe) -> tuple[int, int]:
    if len(recipe.resize) == 2:
        return recipe.resize
    factor = Fraction(recipe.resize[0], min(height, width))
    cut = recipe.long_side is Rounding.CUT
    sides = [math.floor(side * factor) if cut else round(side * factor) for side in (height, width)]
    return sides[0], sides[1]


def _middle(old: int, new: int, recipe: Recipe) -> int:
    half = Fraction(old - new, 2)
    return math.floor(half) if recipe.origin is Rounding.CUT else round(half)
