"""A copy of a torch module that has every shape and no numbers."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

BATCH_NORMS = frozenset(("native_batch_norm", "_native_batch_norm_legit_no_training"))
"""What torch calls the operator of batch norm."""


class NormsByShape(TorchDispatchMode):  # type: ignore[no-untyped-call]  # untyped in torch
    """Within, a batch norm in eval mode gives a tensor of its input's shape, on ``meta``.

    As it does without: but torch finds that out by decomposing it in Python, which is a quarter of
    what a forward pass on shapes takes.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func.overloadpacket.__name__ in BATCH_NORMS and args[0].is_meta:
            return torch.empty_like(args[0]), args[0].new_empty(0), args[0].new_empty(0)
        return func(*args, **(kwargs or {}))


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
