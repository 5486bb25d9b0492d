"""Counts of a network as it is deployed: after its branches are re-parameterized into one."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import nn

from harness.counting.counts import Counts
from harness.counting.on_meta import on_meta
from harness.counting.torch_layers import read_network
from harness.counting.true_count import count_true
from harness.errors import CountError

_IN_PLACE: Final = ("switch_to_deploy", "convert_to_deploy", "reparameterize")
"""Methods of mmpretrain's and timm's modules that re-parameterize a module and its parts."""

_INSTEAD: Final = "fuse"
"""The method that returns what stands in a module's place, as timm's LeViT and RepViT have it."""


def count_deployed(module: nn.Module, *, input_shape: tuple[int, int, int]) -> Counts:
    """As the true count, of the network that is left when its parallel branches are one.

    RepVGG, MobileOne and their like are trained with several branches and deployed with one; their
    papers and tables give the figures of either.

    Raises:
        CountError: nothing in the network can be re-parameterized.
    """
    return count_true(read_network(_deployed(module), input_shape=input_shape))


def count_mmcv_deployed(module: nn.Module, *, input_shape: tuple[int, int, int]) -> Counts:
    """As :func:`harness.counting.mmcv_counter.count_mmcv`, of the same network.

    Raises:
        CountError: as :func:`count_deployed`.
        Unavailable: as the rule ``mmcv``.
    """
    from harness.counting.mmcv_counter import count_mmcv

    return count_mmcv(_deployed(module), input_shape=input_shape)


def _deployed(module: nn.Module) -> nn.Module:
    """A copy without numbers, re-parameterized."""
    if not any(map(_way, module.modules())):
        raise CountError(f"{type(module).__name__} has nothing to re-parameterize")
    deployed = on_meta(module)
    with torch.device("meta"):  # where the layers that replace others have to be
        _deploy(deployed)
    return deployed.requires_grad_(requires_grad=True).eval()


def _way(module: nn.Module) -> str:
    """The method that re-parameterizes a module, or ""."""
    return next((one for one in (*_IN_PLACE, _INSTEAD) if hasattr(module, one)), "")


def _deploy(module: nn.Module) -> None:
    """Re-parameterize a module in place, from outside in: who has a method sees to its parts."""
    own: Any = module
    if (way := _way(module)) in _IN_PLACE:
        getattr(own, way)()
        return
    for name, part in module.named_children():
        inner: Any = part
        if _way(part) == _INSTEAD:
            setattr(module, name, inner.fuse())
        else:
            _deploy(part)
