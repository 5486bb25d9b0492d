"""The network that backends are examined on: small, and with what a zoo's networks are made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from harness.exporting.torch_exports import export_onnx, export_torchscript

Floats = npt.NDArray[np.float32]

CLASSES = 1000
OPSET = 19
_WIDTH, _GROUPS = 32, 4
_SEED = 7


class ExampleNetwork(nn.Module):
    """A strided stem, max pooling, a residual bottleneck with a grouped convolution, a readout."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _WIDTH, 3, stride=2, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(_WIDTH)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.reduce = nn.Conv2d(_WIDTH, _WIDTH, 1, bias=False)
        self.reduce_norm = nn.BatchNorm2d(_WIDTH)
        self.grouped = nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, groups=_GROUPS, bias=False)
        self.grouped_norm = nn.BatchNorm2d(_WIDTH)
        self.expand = nn.Conv2d(_WIDTH, 2 * _WIDTH, 1, bias=False)
        self.expand_norm = nn.BatchNorm2d(2 * _WIDTH)
        self.shortcut = nn.Conv2d(_WIDTH, 2 * _WIDTH, 1)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(2 * _WIDTH, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.features(images))
        return logits

    def features(self, images: Tensor) -> Tensor:
        """What the readout reads: (n, 64)."""
        stem = self.pool(self.stem_norm(self.stem(images)).relu())
        inner = self.reduce_norm(self.reduce(stem)).relu()
        inner = self.grouped_norm(self.grouped(inner)).relu()
        joined = (self.shortcut(stem) + self.expand_norm(self.expand(inner))).relu()
        pooled: Tensor = self.average(joined)
        return pooled.flatten(1)


def fitted(images: Floats) -> ExampleNetwork:
    """The network with weights that behave like trained ones on these images, for evaluation.

    Convolutions have He's variance, channels unequal strength, batch norms fitting statistics, and
    logits a standard deviation of about two between images.
    """
    network, random = ExampleNetwork(), torch.Generator().manual_seed(_SEED)
    with torch.inference_mode():
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.normal_(0.0, (2 / layer.weight[0].numel()) ** 0.5, generator=random)
                if layer.bias is not None:
                    layer.bias.normal_(0.0, 0.1, generator=random)
            elif isinstance(layer, nn.BatchNorm2d):
                layer.weight.log_normal_(0.0, 0.25, generator=random)
                layer.bias.normal_(0.0, 0.2, generator=random)
                layer.momentum = None  # the plain average over all that is seen
        features = network.train().features(torch.from_numpy(images))
        mean, deviation = features.mean(dim=0), features.std(dim=0)
        spread = 2.0 / (network.fc.in_features**0.5 * (deviation + 0.5 * deviation.mean()))
        network.fc.weight.normal_(generator=random).mul_(spread)
        network.fc.bias.normal_(0.0, 0.1, generator=random).sub_(network.fc.weight @ mean)
    return network.eval().requires_grad_(False)


def exported(network: ExampleNetwork, folder: Path, *, size: int) -> dict[str, Path]:
    """The same weights in both formats, for any number of images: format to file."""
    onnx, torchscript = folder / "exam.onnx", folder / "exam.pt"
    export_onnx(network, onnx, opset=OPSET, input_shape=(3, size, size))
    export_torchscript(network, torchscript, input_shape=(3, size, size))
    return {"onnx": onnx, "torchscript": torchscript}


def logits64(network: ExampleNetwork, images: Floats) -> npt.NDArray[np.float64]:
    """What the network says in float64; it stays in float64 from then on."""
    with torch.inference_mode():
        return np.asarray(network.double()(torch.from_numpy(images).double()).numpy())
