"""Which pipelines there are, what each is specified to do, and how near to that it must come."""

from __future__ import annotations

import functools
import importlib
import warnings
from dataclasses import dataclass

import numpy as np

from harness.errors import ImageError
from harness.images.decoding import PILLOWS_PIXELS
from harness.images.pipelines.recipe import Kernel, Recipe, Rounding
from harness.images.pipelines.run import Floats, Levels, Run


@dataclass(frozen=True, slots=True)
class Bound:
    """How far a library may be from exact arithmetic, in levels of 255, and why."""

    levels: float
    cause: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline: where it is run, and what it is specified to do.

    Attributes:
        id: stable, for tests and reports.
        adapter: ``module:function`` below ``harness``; imported when first used.
        argument: what the adapter is handed: a model, a tag, a config.
        recipe: the specification, written down independently of the library.
        bound: agreement with the recipe's twin.
    """

    id: str
    adapter: str
    argument: str
    recipe: Recipe
    bound: Bound

    @property
    def library(self) -> str:
        """Whose it is: a source, or ``vendor``."""
        *_, room, module = self.adapter.partition(":")[0].split(".")
        return room if module == "preprocessing" else module


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

_BILINEAR = Recipe((256,), Kernel.PILLOW_BILINEAR)
_BICUBIC_256 = Recipe((256,), Kernel.PILLOW_BICUBIC)
_BICUBIC_235 = Recipe((235,), Kernel.PILLOW_BICUBIC)  # 224 / 0.95, cut off
_LEVELS_MEAN, _LEVELS_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)

_MADE = (
    Pipeline("page", "sources.torchvision.preprocessing:page", "", _BILINEAR, PILLOW_BILINEAR),
    Pipeline(
        "page-on-tensors",
        "sources.torchvision.preprocessing:page_on_tensors",
        "",
        _BILINEAR,
        TENSOR_BILINEAR,
    ),
    Pipeline(
        "torchvision-IMAGENET1K_V1",
        "sources.torchvision.preprocessing:from_weights",
        "resnext50_32x4d:IMAGENET1K_V1",
        _BILINEAR,
        PILLOW_BILINEAR,
    ),
    Pipeline(
        "timm-tv_in1k",
        "sources.timm.preprocessing:from_tag",
        "resnext50_32x4d.tv_in1k",
        _BILINEAR,
        PILLOW_BILINEAR,
    ),
    Pipeline(
        "timm-gluon_in1k",
        "sources.timm.preprocessing:from_tag",
        "resnext50_32x4d.gluon_in1k",
        _BICUBIC_256,
        PILLOW_BICUBIC,
    ),
    Pipeline(
        "timm-bt_in1k",
        "sources.timm.preprocessing:from_tag",
        "resnext50d_32x4d.bt_in1k",
        _BICUBIC_256,
        PILLOW_BICUBIC,
    ),
    Pipeline(
        "timm-a1h_in1k",
        "sources.timm.preprocessing:from_tag",
        "resnext50_32x4d.a1h_in1k",
        _BICUBIC_235,
        PILLOW_BICUBIC,
    ),
    Pipeline(
        "timm-c1_in1k",
        "sources.timm.preprocessing:from_tag",
        "resnext101_64x4d.c1_in1k",
        _BICUBIC_235,
        PILLOW_BICUBIC,
    ),
    Pipeline(
        "timm-c1_in1k-288",  # at which the figure that the page prints was measured
        "sources.timm.preprocessing:from_tag",
        "resnext101_64x4d.c1_in1k@test",
        Recipe((288,), Kernel.PILLOW_BICUBIC, crop=(288, 288)),
        PILLOW_BICUBIC,
    ),
    Pipeline(
        "mmpretrain",
        "sources.mmcls.preprocessing:from_config",
        "resnext50-32x4d_8xb32_in1k",
        Recipe((256,), Kernel.PILLOW_BILINEAR, scale=1.0, mean=_LEVELS_MEAN, std=_LEVELS_STD),
        PILLOW_BILINEAR,
    ),
    Pipeline(
        "paddleclas",
        "sources.ppcls.preprocessing:from_config",
        "inference_cls.yaml",
        Recipe(
            (256,),
            Kernel.OPENCV_BILINEAR,
            long_side=Rounding.TO_EVEN,
            origin=Rounding.CUT,
            scale=0.00392157,  # as the config prints it, 1/255 to six digits
        ),
        OPENCV_BILINEAR,
    ),
    Pipeline(
        "vendor-build",
        "images.pipelines.vendor:build_config",
        "fractions",
        Recipe((256, 256), Kernel.PILLOW_BILINEAR),
        PILLOW_BILINEAR,
    ),
    Pipeline(
        "vendor-build-levels",
        "images.pipelines.vendor:build_config",
        "levels",
        Recipe((256, 256), Kernel.PILLOW_BILINEAR, scale=1.0, mean=_LEVELS_MEAN, std=_LEVELS_STD),
        PILLOW_BILINEAR,
    ),
    Pipeline(
        "vendor-run-time",
        "images.pipelines.vendor:run_time",
        "fractions",
        Recipe(
            (256, 256),
            Kernel.OPENCV_BILINEAR,
            mean=(0.485107421875, 0.4560546875, 0.406005859375),
            std=(0.22900390625, 0.2239990234375, 0.2249755859375),
        ),
        OPENCV_BILINEAR,
    ),
    Pipeline(
        "vendor-run-time-levels",
        "images.pipelines.vendor:run_time",
        "levels",
        Recipe(
            (256, 256),
            Kernel.OPENCV_BILINEAR,
            scale=1.0,
            mean=(123.6875, 116.25, 103.5),
            std=(58.40625, 57.125, 57.375),
        ),
        OPENCV_BILINEAR,
    ),
)

PIPELINES = {pipeline.id: pipeline for pipeline in _MADE}


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
    pipeline = PIPELINES[id]
    module, _, function = pipeline.adapter.partition(":")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing, they warn of what else could be installed
        adapter = importlib.import_module(f"harness.{module}")
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
