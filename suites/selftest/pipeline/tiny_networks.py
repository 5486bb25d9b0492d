"""A source library of one network, small enough to go through every step in a moment.

It stands in for a real adapter (``harness.sources.network.Adapter``). Its weights behave like
trained ones: batch norms of unequal strength with statistics that fit, and a readout that tells
images apart.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from harness.sources.network import Floats, Network
from harness.sources.torch_networks import assign, from_reference, logits

__all__ = ["SIZE", "TinyNetwork", "assign", "build", "from_reference", "logits", "trained"]

SIZE = 32  # pixels
_WIDTH, _CLASSES = 24, 1000


class TinyNetwork(nn.Module):
    """A stem, one residual branch with a grouped convolution, and a readout."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _WIDTH, 3, stride=2, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(_WIDTH)
        self.grouped = nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, groups=4, bias=False)
        self.grouped_norm = nn.BatchNorm2d(_WIDTH)
        self.widen = nn.Conv2d(_WIDTH, 2 * _WIDTH, 1, stride=2, bias=False)
        self.widen_norm = nn.BatchNorm2d(2 * _WIDTH)
        self.fc = nn.Linear(2 * _WIDTH, _CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        stem = self.stem_norm(self.stem(images)).relu()
        inner = (stem + self.grouped_norm(self.grouped(stem))).relu()
        return self.widen_norm(self.widen(inner)).relu().mean(dim=(2, 3))


def build(model: str, *, input_size: int, weightless: bool) -> Network:  # noqa: ARG001
    """The adapter's first duty; there is but one model."""
    module = TinyNetwork().eval()
    return Network("torch", module, module, (3, input_size, input_size))


def trained(images: Floats) -> TinyNetwork:
    """The network with weights that fit these images, in evaluation mode."""
    network, random = TinyNetwork(), torch.Generator().manual_seed(1)
    with torch.inference_mode():
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.normal_(0.0, (2 / layer.weight[0].numel()) ** 0.5, generator=random)
            elif isinstance(layer, nn.BatchNorm2d):
                layer.weight.log_normal_(0.0, 0.5, generator=random)
                layer.bias.normal_(0.0, 0.2, generator=random)
                layer.momentum = None  # the plain average over all that is seen
        features = network.train().features(torch.from_numpy(images))
        mean, deviation = features.mean(dim=0), features.std(dim=0)
        spread = 2.0 / (np.sqrt(network.fc.in_features) * (deviation + 0.1 * deviation.mean()))
        network.fc.weight.normal_(generator=random).mul_(spread)
        network.fc.bias.normal_(0.0, 0.1, generator=random).sub_(network.fc.weight @ mean)
    return network.eval()
