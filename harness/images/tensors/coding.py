"""How tensors are kept: as whole levels where a pipeline allows it, to the last bit either way.

Every pipeline here resizes on whole levels and normalizes last, so that each value of a tensor is
one of 256 for its channel. Which ones, a pipeline tells itself: an image of one level gives that
level's value everywhere. So a tensor is kept in uint8, a quarter of its size, and a table of
3 × 256 values gives it back. No second normalization is written down that would have to agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.errors import ImageError
from harness.images.pipelines import Floats, Run

LEVELS: Final = 256
Stored: TypeAlias = npt.NDArray[Any]
"""uint8 or float32 (images, 3, height, width), as a coding says."""

_NOISES: Final = ((300, 400), (41, 67))  # pixels: larger and smaller than what is cut out
_CONSTANT: Final = (256, 256)  # pixels: what most pipelines resize to, so that it costs little


@dataclass(frozen=True, slots=True, eq=False)
class Coding:
    """The form in which one pipeline's tensors are kept.

    Attributes:
        shape: of a tensor: channels, height, width.
        table: float32 (3, 256), the value of each level in each channel; None where tensors are
            kept in float32 as they are.
    """

    shape: tuple[int, int, int]
    table: Floats | None

    @property
    def dtype(self) -> np.dtype[Any]:
        """What is kept: uint8 or float32, little-endian."""
        return np.dtype("<f4") if self.table is None else np.dtype("|u1")

    @property
    def image_bytes(self) -> int:
        """Bytes of one kept image."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def same_as(self, other: Coding) -> bool:
        """Whether what the other one has kept can be read by this one."""
        if self.table is None or other.table is None:
            return self.shape == other.shape and self.table is other.table
        return self.shape == other.shape and self.table.tobytes() == other.table.tobytes()

    def encode(self, tensor: Floats) -> Stored:
        """One tensor, float32 (3, height, width), in the form in which it is kept.

        What comes out gives the tensor back to the last bit: that is checked, each time.

        Raises:
            ImageError: it has another shape or dtype, or a value (NaN too) that is no level's.
        """
        if tensor.shape != self.shape or tensor.dtype != np.float32:
            raise ImageError(
                f"becomes {tensor.dtype} {tensor.shape}, expected float32 {self.shape}"
            )
        if self.table is None:
            return np.ascontiguousarray(tensor, self.dtype)
        codes = np.empty(self.shape, np.uint8)
        scratch = np.empty(self.shape[1:], np.float32)
        for values, row, out in zip(tensor, self.table, codes, strict=True):
            nearest_levels(values, row, scratch, out)
            row.take(out, out=scratch, mode="clip")  # no code is clipped, but nothing is copied
            if not np.array_equal(scratch.view(np.uint32), values.view(np.uint32)):
                raise ImageError("becomes values that stand for no whole level of 256")
        return codes

    def decode(self, stored: Stored) -> Floats:
        """Kept images (n, 3, height, width) as float32: a new array, shared with nobody."""
        if self.table is None:
            return np.array(stored, np.float32)
        tensors = np.empty(stored.shape, np.float32)
        for codes, values in zip(stored, tensors, strict=True):
            for row, plane, out in zip(self.table, codes, values, strict=True):
                row.take(plane, out=out, mode="clip")
        return tensors


def nearest_levels(
    values: Floats, row: Floats, scratch: Floats, out: npt.NDArray[np.uint8]
) -> None:
    """Write into ``out`` the levels whose values lie nearest; anything for what is far off."""
    scale = np.float32((LEVELS - 1) / (row[-1] - row[0]))
    with np.errstate(invalid="ignore", over="ignore"):
        np.multiply(values, scale, out=scratch)
        np.add(scratch, np.float32(0.5) - row[0] * scale, out=scratch)
        out[...] = scratch  # cut off, so rounded


def exact(run: Run) -> Coding:
    """A pipeline's tensors in float32, as they are."""
    first = run(np.zeros((*_CONSTANT, 3), np.uint8))
    return Coding((first.shape[0], first.shape[1], first.shape[2]), None)


def probe(run: Run) -> Coding:
    """The smallest form that keeps this pipeline's tensors to the last bit.

    Levels are taken where 256 images of one level give one value each, rising in every channel,
    and where noise is given back. It takes about 0.2 s.
    """
    floats = exact(run)
    table = np.empty((floats.shape[0], LEVELS), np.float32)
    for level in range(LEVELS):
        tensor = run(np.full((*_CONSTANT, 3), level, np.uint8))
        table[:, level] = tensor[:, 0, 0]
        if not np.all(tensor == tensor[:, :1, :1]):
            return floats
    if not np.all(np.diff(table, axis=1) > 0):
        return floats
    levels = Coding(floats.shape, table)
    rng = np.random.default_rng(0)
    try:
        for size in _NOISES:
            levels.encode(run(rng.integers(0, LEVELS, (*size, 3), np.uint8)))
    except ImageError:
        return floats
    return levels
