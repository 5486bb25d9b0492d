"""The page's pipeline and torchvision's own, on Pillow images and on tensors."""

from __future__ import annotations

import numpy as np
import torch
import torchvision.models
from PIL import Image
from torchvision import transforms
from torchvision.transforms import v2

from harness.errors import MissingSource
from harness.images.pipelines.recipe import IMAGENET_MEAN, IMAGENET_STD
from harness.images.pipelines.run import Floats, Levels, Run


def page(_: str) -> Run:
    """The four lines that the page prints."""
    composed = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(mean=IMAGENET_MEAN, std=IMAGENET_STD),
        ]
    )
    return lambda image: _array(composed(Image.fromarray(image)))


def page_on_tensors(_: str) -> Run:
    """The same on tensors, by torchvision's second version: its own resize, not Pillow's."""
    composed = v2.Compose(
        [
            v2.Resize(256, antialias=True),
            v2.CenterCrop(224),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(mean=IMAGENET_MEAN, std=IMAGENET_STD),
        ]
    )

    def run(image: Levels) -> Floats:
        return _array(composed(torch.from_numpy(image.transpose(2, 0, 1).copy())))

    return run


def from_weights(model: str) -> Run:
    """What a weights enum hands out with the weights: ``resnext50_32x4d:IMAGENET1K_V1``.

    Raises:
        MissingSource: torchvision has no such model or weights.
    """
    name, _, member = model.partition(":")
    try:
        preset = torchvision.models.get_model_weights(name)[member].transforms()
    except (KeyError, ValueError) as error:
        raise MissingSource(f"torchvision has no weights {model!r}") from error
    return lambda image: _array(preset(Image.fromarray(image)))


def _array(tensor: torch.Tensor) -> Floats:
    result: Floats = np.ascontiguousarray(tensor.numpy())
    return result
