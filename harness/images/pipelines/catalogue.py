"""Which pipelines there are, what each is specified to do, and how near to that it must come."""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from harness.errors import ExpectationError, ImageError
from harness.images.decoding import PILLOWS_PIXELS
from harness.images.pipelines.recipe import Kernel, Recipe
from harness.images.pipelines.run import Floats, Levels, Run
from harness.runtime import entry_points


@dataclass(frozen=True, slots=True)
class Bound:
    """How far a library may be from exact arithmetic, in levels of 255, and why."""

    levels: float
    cause: str


@dataclass(frozen=True, slots=True)
class ImagePipeline:
    """A pipeline: where it is run, and what it is specified to do.

    Attributes:
        id: stable, for tests and reports.
        adapter: ``module:function``; imported when first used.
        argument: what the adapter is handed: a model, a tag, a config.
        recipe: the specification, written down independently of the library.
        bound: agreement with the recipe's reference.
        tools: distributions that take part, besides NumPy and Pillow.
        opencv: whether the library's users read files with OpenCV, and not with Pillow.
    """

    id: str
    adapter: str
    argument: str
    recipe: Recipe
    bound: Bound
    tools: tuple[str, ...]
    opencv: bool = False


PILLOW_BILINEAR = Bound(
    1.001,
    "Pillow rounds to whole levels after the columns and after the rows, half a level each; its "
    "weights have 22 bits; float32 adds less than a ten-thousandth",
)
PILLOW_BICUBIC = Bound(
    1.14,
    "as bilinear, but the first rounding goes through weights whose magnitudes sum to up to 1.27",
)
TENSOR_BILINEAR = Bound(
    1.04,
    "as Pillow's, but with weights of 15 bits or fewer, as many as the largest one leaves room for",
)
OPENCV_BILINEAR = Bound(
    0.89,
    "OpenCV cuts each of two products to a quarter of a level (half a level down), rounds the sum "
    "of quarters (a quarter down, half up), and has weights of 11 bits (an eighth of a level for "
    "rows and columns together)",
)

LEVELS_MEAN, LEVELS_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""ImageNet's statistics, for levels from 0 to 255."""

_VENDOR = "harness.images.pipelines.vendor"

_SHIPPED = (
    ImagePipeline(
        "vendor-build",
        f"{_VENDOR}:build_config",
        "fractions",
        Recipe((256, 256), Kernel.PILLOW_BILINEAR),
        PILLOW_BILINEAR,
        tools=("opencv-python",),
        opencv=True,  # the vendor's image2npz.py
    ),
    ImagePipeline(
        "vendor-build-levels",
        f"{_VENDOR}:build_config",
        "levels",
        Recipe((256, 256), Kernel.PILLOW_BILINEAR, scale=1.0, mean=LEVELS_MEAN, std=LEVELS_STD),
        PILLOW_BILINEAR,
        tools=("opencv-python",),
        opencv=True,
    ),
    ImagePipeline(
        "vendor-run-time",
        f"{_VENDOR}:run_time",
        "fractions",
        Recipe(
            (256, 256),
            Kernel.OPENCV_BILINEAR,
            mean=(0.485107421875, 0.4560546875, 0.406005859375),
            std=(0.22900390625, 0.2239990234375, 0.2249755859375),
        ),
        OPENCV_BILINEAR,
        tools=("opencv-python",),
        opencv=True,
    ),
    ImagePipeline(
        "vendor-run-time-levels",
        f"{_VENDOR}:run_time",
        "levels",
        Recipe(
            (256, 256),
            Kernel.OPENCV_BILINEAR,
            scale=1.0,
            mean=(123.6875, 116.25, 103.5),
            std=(58.40625, 57.125, 57.375),
        ),
        OPENCV_BILINEAR,
        tools=("opencv-python",),
        opencv=True,
    ),
)
"""The vendor's."""


class HasPipelines(Protocol):
    """What is taken of a source: ``harness.sources.source.Source`` has it."""

    @property
    def pipelines(self) -> tuple[ImagePipeline, ...]:
        """How the library prepares images."""


@functools.cache
def pipelines() -> Mapping[str, ImagePipeline]:
    """Every pipeline by its id: those of the sources, then the vendor's.

    Raises:
        ExpectationError: two have the same id.
        Unavailable: what a package names as its source cannot be imported.
    """
    of_sources: list[ImagePipeline] = []
    for target in entry_points.sources().values():
        source: HasPipelines = entry_points.load(target)
        of_sources += source.pipelines
    found: dict[str, ImagePipeline] = {}
    for pipeline in (*of_sources, *_SHIPPED):
        if found.setdefault(pipeline.id, pipeline) is not pipeline:
            raise ExpectationError(f"two pipelines have the id {pipeline.id!r}")
    return found


@functools.cache
def load(id: str) -> Run:
    """Build a pipeline, importing its library. Safe to call from several threads afterwards.

    What is returned raises ImageError for what is no uint8 (height, width, 3), and for an image so
    narrow that the resize would make more than 89 million pixels of it: 256 pixels for the short
    side of 1 × 5000 would be a gigabyte.

    Raises:
        KeyError: there is no such pipeline.
        MissingSource: its library is not installed, or does not know the argument.
    """
    pipeline = pipelines()[id]
    module, _, function = pipeline.adapter.partition(":")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing, they warn of what else could be installed
        adapter = importlib.import_module(module)
        built: Run = getattr(adapter, function)(pipeline.argument)
    return guarded(built, pipeline.recipe)


def guarded(run: Run, recipe: Recipe) -> Run:
    """``run``, refusing what is no image, and what its resize would blow up."""

    def checked(image: Levels) -> Floats:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise ImageError(
                f"an image is {image.dtype} {image.shape}, expected uint8 (height, width, 3)"
            )
        height, width = recipe.resized(image.shape[0], image.shape[1])
        if height * width > PILLOWS_PIXELS:
            raise ImageError(
                f"an image of {image.shape[0]}×{image.shape[1]} becomes {height}×{width}, "
                f"expected at most {PILLOWS_PIXELS} pixels"
            )
        return run(image)

    return checked
