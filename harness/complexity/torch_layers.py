"""Torch module → layers, read from the operators that a forward pass on shapes dispatches.

Reading operators instead of module hooks sees functional calls too, and sees each layer as
often as it runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from harness.complexity.layers import Layer, LayerKind, Network
from harness.complexity.meta_twin import meta_twin
from harness.errors import CountError

_BATCH_NORM = {"native_batch_norm", "_native_batch_norm_legit_no_training"}
_ACTIVATIONS = {
    "relu": LayerKind.RELU,
    "relu_": LayerKind.RELU,
    "sigmoid": LayerKind.SIGMOID,
    "sigmoid_": LayerKind.SIGMOID,
}
_FC = {"addmm": 1, "mm": 0}  # position of the operand that holds the features
_POOLS = {
    "max_pool2d_with_indices": LayerKind.MAX_POOL,
    "avg_pool2d": LayerKind.AVG_POOL,
}

# Operators that no rule here counts. One that is in neither list is an error, not a zero.
_COPIES = {"cat", "clone", "constant_pad_nd", "copy_", "detach", "empty", "expand"}
_PARTS = {"select", "slice", "split"}
_RESHAPES = {"_unsafe_view", "permute", "squeeze", "t", "transpose", "unsqueeze", "view"}
_ELEMENTWISE = {"add", "add_", "mul", "hardsigmoid", "hardswish", "hardtanh", "silu"}
_IN_PLACE = {"hardsigmoid_", "hardswish_", "hardtanh_", "silu_"}
_FREE = _COPIES | _PARTS | _RESHAPES | _ELEMENTWISE | _IN_PLACE


def read_network(module: nn.Module, *, input_shape: tuple[int, int, int]) -> Network:
    """Run the module once on shapes and list its layers.

    Args:
        module: in eval mode, on any device; its weights are neither read nor changed.
        input_shape: channels, height, width of one image.

    Raises:
        CountError: an operator is met that is neither read nor known to be free.
    """
    reader = _Reader()
    image = torch.empty(1, *input_shape, device="meta")
    twin = meta_twin(module)
    with torch.no_grad(), reader:
        twin(image)
    return Network(
        layers=tuple(reader.layers),
        params=sum(parameter.numel() for parameter in module.parameters()),
    )


class _Reader(TorchDispatchMode):  # type: ignore[no-untyped-call]  # untyped in torch
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.layers: list[Layer] = []

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if func.namespace != "aten" or name not in _FREE:
            first = result[0] if isinstance(result, tuple | list) else result
            self.layers.append(_layer(str(func), name, args, first))
        return result


def _layer(full_name: str, name: str, args: Sequence[Any], result: Tensor) -> Layer:
    outputs = tuple(result.shape)
    if name == "convolution" and len(outputs) == 4 and not args[6]:  # args[6]: transposed
        return Layer(
            LayerKind.CONV,
            tuple(args[0].shape),
            outputs,
            kernel=tuple(args[1].shape[2:]),
            groups=args[8],
            bias=args[2] is not None,
        )
    if name in _FC:
        return Layer(LayerKind.FC, tuple(args[_FC[name]].shape), outputs)
    if name in _BATCH_NORM:
        return Layer(LayerKind.BATCH_NORM, tuple(args[0].shape), outputs)
    if name in _ACTIVATIONS:
        return Layer(_ACTIVATIONS[name], tuple(args[0].shape), outputs)
    if name in _POOLS:
        sides = tuple(args[1])
        kernel = sides if len(sides) == 2 else sides * 2  # one side given: a square
        return Layer(_POOLS[name], tuple(args[0].shape), outputs, kernel=kernel)
    if _is_global_pool(name, args, outputs):
        return Layer(LayerKind.GLOBAL_AVG_POOL, tuple(args[0].shape), outputs)
    raise CountError(f"operator {full_name} is not known to the layer reader")


def _is_global_pool(name: str, args: Sequence[Any], outputs: tuple[int, ...]) -> bool:
    if name == "_adaptive_avg_pool2d":
        return outputs[-2:] == (1, 1)
    if name == "mean" and len(args) > 1 and args[0].ndim == 4:
        return {axis % 4 for axis in args[1]} == {2, 3}
    return False
