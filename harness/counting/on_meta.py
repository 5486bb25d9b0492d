"""A copy of a torch module that has every shape and no numbers."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import chain

from torch import Tensor, nn


def on_meta(module: nn.Module) -> nn.Module:
    """Copy a module onto the ``meta`` device without touching or duplicating its weights.

    A forward pass of the copy computes shapes only, and a counter may leave on it what it likes.
    Training mode, hooks and structure are those of ``module``.
    """
    # deepcopy takes an object's copy from the memo where there is one: the weights are replaced
    # as the structure is copied, so no second set of them ever exists.
    memo: dict[int, object] = {
        id(tensor): _without_numbers(tensor)
        for tensor in chain(module.parameters(), module.buffers(), _plain(module))
    }
    return copy.deepcopy(module, memo)


def _plain(module: nn.Module) -> Iterator[Tensor]:
    """Tensors that modules hold as plain attributes, which torch does not know of: caches of
    attention biases, as in TinyViT, LeViT and EfficientFormer."""
    for part in module.modules():
        for held in vars(part).values():
            values = held.values() if isinstance(held, dict) else (held,)
            yield from (one for one in values if isinstance(one, Tensor))


def _without_numbers(tensor: Tensor) -> Tensor:
    copy_on_meta = tensor.detach().to("meta")
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(copy_on_meta, requires_grad=tensor.requires_grad)
    return copy_on_meta
