"""Networks of mmpretrain (once mmcls), named by their config, as ``resnext50-32x4d_8xb32_in1k``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import mmpretrain
import numpy.typing as npt
import torch

from harness.errors import MissingSource
from harness.sources.network import Network
from harness.sources.torch_networks import assign, logits

__all__ = ["assign", "build", "from_reference", "logits"]


class Logits(torch.nn.Module):
    """An mmpretrain classifier whose plain call gives logits, with its parameters' own names.

    mmpretrain's ``forward`` takes a mode, and its deployment scripts wrap it in the same way.
    """

    def __init__(self, classifier: torch.nn.Module) -> None:
        super().__init__()
        parts: Any = classifier
        self.backbone: torch.nn.Module = parts.backbone
        self.neck: torch.nn.Module | None = parts.neck
        self.head: torch.nn.Module = parts.head

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (n, 3, height, width) to logits (n, classes)."""
        features = self.backbone(images)
        if self.neck is not None:  # VGG has none
            features = self.neck(features)
        logits: torch.Tensor = self.head(features)
        return logits


def build(model: str, *, input_size: int, weightless: bool) -> Network:
    """Build a network; see :class:`harness.sources.network.Adapter`."""
    try:
        with _drawing_nothing() if weightless else _as_it_is():
            classifier = mmpretrain.get_model(model, pretrained=False).eval()
    except ValueError as error:
        raise MissingSource(f"mmpretrain {mmpretrain.__version__} has no {model!r}") from error
    return Network("torch", Logits(classifier).eval(), classifier, (3, input_size, input_size))


def from_reference(
    network: Network,  # noqa: ARG001 - the adapters' common signature
    tensors: Mapping[str, npt.NDArray[Any]],
) -> dict[str, npt.NDArray[Any]]:
    """The reference network's tensors under mmpretrain's names."""
    return {
        ("head." if name.startswith("fc.") else "backbone.") + name: value
        for name, value in tensors.items()
    }


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def _drawing_nothing() -> Iterator[None]:
    """Leave parameters as allocated. mmpretrain cannot be built on the meta device."""
    names = ("kaiming_uniform_", "kaiming_normal_", "normal_", "uniform_")
    kept: dict[str, Any] = {name: getattr(torch.nn.init, name) for name in names}
    try:
        for name in names:
            setattr(torch.nn.init, name, lambda tensor, *_, **__: tensor)
        yield
    finally:
        for name, function in kept.items():
            setattr(torch.nn.init, name, function)
