"""Which step of a pipeline departs from its specification: the one whose change explains all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from harness.images.pipelines.recipe import Kernel, Recipe, Rounding
from harness.images.pipelines.reference import reference

Array = npt.NDArray[np.float64]
Levels = npt.NDArray[np.uint8]

FARTHEST: Final = 2
"""Pixels by which a crop is looked for beside its place."""

SAME: Final = 0.999
"""Share of a channel's variance that a scale and a shift leave unexplained is below one less it."""


def departing_step(
    tensor: npt.NDArray[np.float32], image: Levels, recipe: Recipe, *, bound: float
) -> str:
    """The step by whose change alone a tensor is as its recipe says; in words.

    Steps are tried in the order in which they run. Where none explains all, what the channels are
    to the reference's tells the normalization from what comes before it.

    Args:
        tensor: float32 (3, height, width), of the recipe's shape.
        image: uint8 (height, width, 3), of which it was made.
        bound: levels of 255 within which a tensor is as specified.
    """
    for one in _changes(recipe):
        if _within(tensor, one.made(image), one.recipe, bound, but_for=one.but_for):
            return f"the step that departs: {one.step} ({one.told}); the others are as specified"
    specified = reference(image, recipe)
    for down, right in _shifts():
        here, there = _overlap(tensor, down, right), _overlap(specified, -down, -right)
        if _within(here, there, recipe, bound):
            return (
                f"the step that departs: crop (off by {down} rows and {right} columns); the others "
                "are as specified"
            )
    if _is_affine(tensor, specified):
        return "the step that departs: normalization; each channel is a scale and a shift away"
    return "the step that departs: resize or crop; no scale and shift of the channels explains it"


@dataclass(frozen=True, slots=True)
class _Change:
    """A recipe with one step changed, and what is done to the image before it is followed.

    ``but_for``: the share of values that may be others, where libraries round a middle between two
    pixels to the one or the other.
    """

    step: str
    told: str
    recipe: Recipe
    before: Callable[[Levels], Levels] = lambda image: image
    but_for: float = 0.0

    def made(self, image: Levels) -> Array:
        """What it gives, as the reference does it."""
        return reference(np.ascontiguousarray(self.before(image)), self.recipe)


def _changes(recipe: Recipe) -> Iterator[_Change]:
    for kernel in Kernel:
        if kernel is not recipe.kernel:
            yield _Change("resize", str(kernel), replace(recipe, kernel=kernel))
    for middle in (0.5, 0.0):  # Pillow takes the pixel in which a middle lies, OpenCV its corner
        yield _Nearest("resize", "nearest neighbours", recipe, but_for=0.01, middle=middle)
    side = recipe.resize[0]
    if len(recipe.resize) == 1:
        yield _Change("resize", "aspect ratio lost", replace(recipe, resize=(side, side)))
    for other in (side - 1, side + 1):
        size = (other,) if len(recipe.resize) == 1 else (other, other)
        told = f"to {other} in place of {side} pixels"
        yield _Change("resize", told, replace(recipe, resize=size))
    for rounding in Rounding:
        told = f"fractions {rounding}"
        yield _Change("resize", told, replace(recipe, long_side=rounding))
        yield _Change("crop", told, replace(recipe, origin=rounding))
    yield _Change("channels", "BGR", recipe, before=lambda image: image[:, :, ::-1])
    mean, std = recipe.mean, recipe.std
    half = {"mean": _halved(mean), "std": _halved(std)}
    statistics: dict[str, dict[str, Any]] = {
        "mean and standard deviation swapped": {"mean": std, "std": mean},
        "statistics of the channels in reverse": {"mean": mean[::-1], "std": std[::-1]},
        "statistics in float16": half,
        "levels not divided by 255": {"scale": 1.0},
        "levels divided twice": {"scale": recipe.scale / 255},
        "no mean": {"mean": (0.0, 0.0, 0.0)},
        "no standard deviation": {"std": (1.0, 1.0, 1.0)},
    }
    for told, changed in statistics.items():
        yield _Change("normalization", told, replace(recipe, **changed))


@dataclass(frozen=True, slots=True)
class _Nearest(_Change):
    middle: float = 0.5

    def made(self, image: Levels) -> Array:
        size = self.recipe.resized(image.shape[0], image.shape[1])
        rows, columns = (
            np.floor((np.arange(new) + self.middle) * old / new).astype(np.int64)
            for new, old in zip(size, image.shape, strict=False)
        )
        resized = np.ascontiguousarray(image[rows][:, columns])
        return reference(resized, replace(self.recipe, resize=size))


def _halved(values: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(float(np.float16(one)) for one in values)


def _shifts() -> Iterator[tuple[int, int]]:
    reach = range(-FARTHEST, FARTHEST + 1)
    return ((down, right) for down in reach for right in reach if down or right)


def _overlap(tensor: npt.NDArray[np.floating], down: int, right: int) -> Array:
    """The part that is also in a picture that lies so far away."""
    _, height, width = tensor.shape
    rows = slice(max(-down, 0), height - max(down, 0))
    columns = slice(max(-right, 0), width - max(right, 0))
    return tensor[:, rows, columns].astype(np.float64)


def _within(
    tensor: npt.NDArray[np.floating],
    made: Array,
    recipe: Recipe,
    bound: float,
    *,
    but_for: float = 0.0,
) -> bool:
    worth = np.asarray(recipe.std)[:, None, None] / recipe.scale
    if tensor.shape != made.shape:
        return False
    return bool(np.mean(~(np.abs(tensor - made) * worth <= bound)) <= but_for)


def _is_affine(tensor: npt.NDArray[np.floating], made: Array) -> bool:
    """Whether each channel follows its reference."""
    flat = zip(tensor.reshape(3, -1).astype(np.float64), made.reshape(3, -1), strict=True)
    return all(
        np.ptp(own) and np.ptp(other) and abs(float(np.corrcoef(own, other)[0, 1])) > SAME
        for own, other in flat
    )
