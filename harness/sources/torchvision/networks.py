"""Networks of torchvision, named ``model:weights enum``, as ``resnext50_32x4d:IMAGENET1K_V1``."""

from __future__ import annotations

import torch
import torchvision.models

from harness.errors import MissingSource
from harness.sources.network import Network
from harness.sources.torch_networks import assign, from_reference, logits

__all__ = ["assign", "build", "from_reference", "logits"]


def build(model: str, *, input_size: int, weightless: bool) -> Network:
    """Build a network; see :class:`harness.sources.network.Adapter`."""
    name, _, weights = model.partition(":")
    try:
        weights_enum = torchvision.models.get_model_weights(name)
    except ValueError as error:
        raise MissingSource(f"torchvision has no model {name!r}") from error
    if weights not in weights_enum.__members__:
        known = ", ".join(weights_enum.__members__)
        raise MissingSource(f"torchvision's {name} has no weights {weights!r}; it has {known}")
    options: dict[str, int] = {}
    if name.startswith("vit_"):  # whose position embeddings are for one size, that of the weights
        options["image_size"] = weights_enum[weights].meta["min_size"][0]
    try:
        with torch.device("meta" if weightless else "cpu"):
            module = torchvision.models.get_model(name, weights=None, **options).eval()
    except NotImplementedError:  # RegNets compute their widths with tensors
        module = torchvision.models.get_model(name, weights=None, **options).eval()
    return Network("torch", module, module, (3, input_size, input_size))
