"""What holds for every pipeline, whatever the image; each check raises NonConformance."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from harness.errors import NonConformance
from harness.images.pipelines.catalogue import ImagePipeline
from harness.images.pipelines.departure import departing_step
from harness.images.pipelines.recipe import Kernel, Recipe
from harness.images.pipelines.reference import reference
from harness.images.pipelines.run import Floats, Levels, Run

THREADS = 4

ROUNDING = 1e-4
"""Levels that float32 arithmetic adds to a value: some ulp of a normalized value of up to 3."""


def distance(tensor: Floats, image: Levels, recipe: Recipe) -> float:
    """The largest difference of a pipeline's tensor from the reference's, in levels of 255.

    For bicubic, from the nearer of the references that resize columns or rows first. NaN where the
    tensor has one, infinite where shape or dtype differ: neither is within a bound.
    """
    if tensor.shape != (3, *recipe.crop) or tensor.dtype != np.float32:
        return math.inf
    orders = (False, True) if recipe.kernel is Kernel.PILLOW_BICUBIC else (False,)
    references = (reference(image, recipe, rows_first=order) for order in orders)
    return min(float(np.max(np.abs(tensor - one) * _level(recipe))) for one in references)


def require_specified(
    run: Run, pipeline: ImagePipeline, image: Levels, *, place: bool = False
) -> float:
    """The tensor is what the specification says, as near as the library's arithmetic allows.

    Returns the distance from the reference in levels. ``place``: whether the step is looked for
    that departs, which takes a second where one does.
    """
    tensor = run(image)
    found, bound = distance(tensor, image, pipeline.recipe), pipeline.bound.levels
    if not found <= bound:
        told = ""
        if place and math.isfinite(found):
            told = f"\n  {departing_step(tensor, image, pipeline.recipe, bound=bound)}"
        raise NonConformance(
            f"{pipeline.id} is {found:.3f} levels of 255 from its specification, bound "
            f"{pipeline.bound.levels} [image of {image.shape[0]}×{image.shape[1]}]\n"
            f"  the bound: {pipeline.bound.cause}\n"
            f"  specified: {pipeline.recipe}{told}"
        )
    return found


def require_well_formed(run: Run, pipeline: ImagePipeline, image: Levels) -> None:
    """float32 (3, height, width), contiguous, finite, and between black and white."""
    tensor, recipe = run(image), pipeline.recipe
    expected = (3, *recipe.crop)
    if tensor.dtype != np.float32 or tensor.shape != expected or not tensor.flags.c_contiguous:
        raise NonConformance(
            f"{pipeline.id} gives {tensor.dtype} {tensor.shape}, expected contiguous float32 "
            f"{expected}"
        )
    levels = tensor * _level(recipe) + np.asarray(recipe.mean)[:, None, None] / recipe.scale
    least, most = float(np.min(levels)), float(np.max(levels))
    if not (least >= -ROUNDING and most <= 255 + ROUNDING):
        raise NonConformance(
            f"{pipeline.id} gives levels from {least:g} to {most:g}, expected 0 to 255"
        )


def require_constant(run: Run, pipeline: ImagePipeline, size: tuple[int, int], level: int) -> None:
    """An image of one level gives one value in each channel, and the right one."""
    recipe = pipeline.recipe
    tensor = run(np.full((*size, 3), level, np.uint8))
    for channel, values in enumerate(tensor):
        right = (level * recipe.scale - recipe.mean[channel]) / recipe.std[channel]
        step = recipe.scale / recipe.std[channel]
        if not (np.all(values == values[0, 0]) and abs(values[0, 0] - right) <= ROUNDING * step):
            raise NonConformance(
                f"{pipeline.id} makes {float(np.min(values)):g} to {float(np.max(values)):g} of a "
                f"constant {level}, expected {right:g} [channel {channel}, {size[0]}×{size[1]}]"
            )


def is_centred(pipeline: ImagePipeline, image: Levels) -> bool:
    """Whether the crop can be in the middle: the remainder of the width is even."""
    _, width = pipeline.recipe.resized(image.shape[0], image.shape[1])
    return (width - pipeline.recipe.crop[1]) % 2 == 0


def require_mirrored(run: Run, pipeline: ImagePipeline, image: Levels) -> None:
    """The mirror image gives the mirrored tensor, where :func:`is_centred`.

    Exact arithmetic is symmetric, so both may differ by the bound each, in opposite directions.
    """
    straight = run(image)
    mirrored = run(np.ascontiguousarray(image[:, ::-1]))[:, :, ::-1]
    found = float(np.max(np.abs(straight - mirrored) * _level(pipeline.recipe)))
    if not found <= 2 * pipeline.bound.levels:
        raise NonConformance(
            f"{pipeline.id} is off the middle: the mirror image differs by {found:.3f} levels, "
            f"bound {2 * pipeline.bound.levels} [image of {image.shape[0]}×{image.shape[1]}]"
        )


def require_repeatable(run: Run, pipeline: ImagePipeline, images: list[Levels]) -> None:
    """Alone, in another order, and in several threads at once: the same to the last bit.

    The images are left as they were.
    """
    before = [image.tobytes() for image in images]
    alone = [run(image).tobytes() for image in images]
    backwards = [run(image).tobytes() for image in reversed(images)]
    with ThreadPoolExecutor(THREADS) as threads:
        at_once = [one.tobytes() for one in threads.map(run, images * THREADS)]
    if [image.tobytes() for image in images] != before:
        raise NonConformance(f"{pipeline.id} changes the image that it is given")
    if backwards[::-1] != alone:
        raise NonConformance(f"{pipeline.id} depends on what was preprocessed before")
    if at_once != alone * THREADS:
        raise NonConformance(f"{pipeline.id} depends on what runs in other threads")


def _level(recipe: Recipe) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """What one level is worth, inverted: (3, 1, 1)."""
    return np.asarray(recipe.std)[:, None, None] / recipe.scale
