"""The vendor's pipelines: the build config's operators, and the run-time operator."""

from __future__ import annotations

from harness.expected.buildconfig import CenterCrop, DecodeImage, Normalize, Resize, ToTensor
from harness.images import preprocessing, vdsp
from harness.images.pipelines.recipe import IMAGENET_MEAN, IMAGENET_STD
from harness.images.pipelines.run import Run

MEAN_IN_LEVELS = (123.675, 116.28, 103.53)  # the ImageNet statistics times 255
STD_IN_LEVELS = (58.395, 57.12, 57.375)

RUN_TIME_FRACTIONS = vdsp.VdspParams(
    resize=(256, 256),
    origin=(16, 16),
    crop=(224, 224),
    mean=(0.485107421875, 0.4560546875, 0.406005859375),
    std=(0.22900390625, 0.2239990234375, 0.2249755859375),
    div255=True,
)
"""All of the vendor's run-time files but mmcls'."""

RUN_TIME_LEVELS = vdsp.VdspParams(
    resize=(256, 256),
    origin=(16, 16),
    crop=(224, 224),
    mean=(123.6875, 116.25, 103.5),
    std=(58.40625, 57.125, 57.375),
    div255=False,
)
"""The vendor's run-time files for mmcls."""


def build_config(statistics: str) -> Run:
    """The operators of the vendor's build configs, with statistics in "fractions" or "levels"."""
    normalize = {
        "fractions": Normalize(IMAGENET_MEAN, IMAGENET_STD),
        "levels": Normalize(MEAN_IN_LEVELS, STD_IN_LEVELS, div255=False),
    }[statistics]
    sizes = Resize((256, 256)), CenterCrop((224, 224))
    ops = (DecodeImage(), *sizes, normalize, ToTensor())
    return lambda image: preprocessing.preprocess(image, ops)


def run_time(statistics: str) -> Run:
    """The vendor's run-time files, with statistics in "fractions" or "levels"."""
    params = {"fractions": RUN_TIME_FRACTIONS, "levels": RUN_TIME_LEVELS}[statistics]
    return lambda image: vdsp.preprocess(image, params)
