"""The metadata that torchvision's weights enums carry: figures, file, transforms."""

from __future__ import annotations

from fractions import Fraction
from importlib.metadata import version
from typing import Any

import torchvision.models

from harness.errors import ExpectationError, MissingSource
from harness.expected.percentages import percentage
from harness.judging.published import Preprocessing, Published, statistics

DATASET = "ImageNet-1K"
"""The key of the figures in the metadata: the 50,000 validation images."""


def results(model: str, *, weights: str) -> tuple[Published, ...]:
    """All weights of a model, named ``resnext50_32x4d:IMAGENET1K_V1``.

    See :class:`PublishedReader`.
    """
    name, _, member = model.partition(":")
    try:
        enum = torchvision.models.get_model_weights(name)
    except ValueError as error:
        raise MissingSource(
            f"torchvision {version('torchvision')} has no model {name!r}"
        ) from error
    if member not in enum.__members__:
        known = ", ".join(enum.__members__)
        raise MissingSource(f"torchvision's {name} has no weights {member!r}; it has {known}")
    published = str(enum[member].url).rpartition("/")[2]
    if published != weights:
        raise ExpectationError(
            f"torchvision {version('torchvision')} publishes {published} for {model}, "
            f"expected/variants pins {weights}"
        )
    return tuple(_result(f"{name}:{each.name}", each) for each in enum)


def _result(model: str, weights: Any) -> Published:
    figures = weights.meta.get("_metrics", {}).get(DATASET)
    if figures is None:
        raise MissingSource(f"torchvision publishes no {DATASET} figures for {model}")
    transforms = weights.transforms()
    (size,), (resize,) = transforms.crop_size, transforms.resize_size
    return Published(
        model,
        f"the weights' metadata of torchvision {version('torchvision')}",
        Preprocessing(
            size,
            Fraction(size, resize),
            transforms.interpolation.value,
            statistics(transforms.mean),
            statistics(transforms.std),
        ),
        percentage(figures.get("acc@1"), what=f"top1 of {model}"),
        percentage(figures.get("acc@5"), what=f"top5 of {model}"),
    )
