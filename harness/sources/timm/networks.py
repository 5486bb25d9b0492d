"""Networks of timm, named with their tag, as ``resnext50_32x4d.gluon_in1k``."""

from __future__ import annotations

import timm
import torch

from harness.errors import MissingSource
from harness.sources.network import Network
from harness.sources.torch_networks import assign, from_reference, logits

__all__ = ["assign", "build", "from_reference", "logits"]


def build(model: str, *, input_size: int, weightless: bool) -> Network:
    """Build a network; see :class:`harness.sources.network.Adapter`."""
    if "." not in model:
        raise MissingSource(f"timm model {model!r}: the tag is missing, as in {model}.tv_in1k")
    if not timm.is_model(model) or timm.get_pretrained_cfg(model, allow_unregistered=False) is None:
        raise MissingSource(f"timm {timm.__version__} has no model {model!r}")
    with torch.device("meta" if weightless else "cpu"):
        module = timm.create_model(model, pretrained=False).eval()
    return Network("torch", module, module, (3, input_size, input_size))
