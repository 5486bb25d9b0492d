"""Torch module → layers, read from the operators that a forward pass on shapes dispatches.

Reading operators instead of module hooks sees functional calls too, and sees each layer as
often as it runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from harness.counting.layers import CountedNetwork, Layer, LayerKind
from harness.counting.on_meta import BATCH_NORMS, NormsByShape, on_meta
from harness.counting.operators import Operator, OperatorKind, convolution, number, sides
from harness.errors import CountError

_ACTIVATIONS = {
    "relu": LayerKind.RELU,
    "relu_": LayerKind.RELU,
    "sigmoid": LayerKind.SIGMOID,
    "sigmoid_": LayerKind.SIGMOID,
}
_FC = {"addmm": 1, "mm": 0}  # position of the operand that holds the features
_PRODUCTS = {"baddbmm": 1, "bmm": 0}  # position of the first factor
_POOLS = {
    "max_pool2d_with_indices": LayerKind.MAX_POOL,
    "avg_pool2d": LayerKind.AVG_POOL,
}

# Operators that no rule here counts. One that is in neither list is an error, not a zero.
_COPIES = {
    *("_to_copy", "alias", "cat", "clone", "constant_pad_nd", "copy_", "detach", "empty"),
    *("expand", "flip", "index", "lift_fresh", "reflection_pad2d", "repeat", "roll", "stack"),
}
_CONSTANTS = {"arange", "eye", "fill_", "new_zeros", "ones", "zero_", "zeros", "zeros_like"}
_PARTS = {"select", "slice", "split", "split_with_sizes", "unbind", "unfold", "unsafe_split"}
_RESHAPES = {
    *("_unsafe_view", "as_strided_", "col2im", "im2col", "permute", "squeeze", "t"),
    *("transpose", "unsqueeze", "view"),
}
_ELEMENTWISE = {
    *("add", "addcmul", "bitwise_not", "clamp", "clamp_min", "cos", "cumsum", "div", "elu", "eq"),
    *("erf", "exp", "gelu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log"),
    *("masked_fill", "mish", "mul", "ne", "neg", "pow", "rsqrt", "rsub", "silu", "sin"),
    *("softplus", "sqrt", "sub", "tanh"),
}
_IN_PLACE = {f"{name}_" for name in _ELEMENTWISE}
_REDUCTIONS = {
    *("_log_softmax", "_safe_softmax", "_softmax", "adaptive_max_pool2d", "amax"),
    *("linalg_vector_norm", "max", "native_group_norm", "native_layer_norm", "sum", "var"),
}
_RESIZES = {
    *("_upsample_bicubic2d_aa", "_upsample_bilinear2d_aa", "upsample_bicubic2d"),
    *("upsample_bilinear2d", "upsample_nearest2d"),
}
_MOVES = {"_to_copy", "cat", "constant_pad_nd", "flip", "index", "reflection_pad2d", "roll"}
_PLUMBING = (_COPIES - _MOVES) | _CONSTANTS | _PARTS | _RESHAPES
_SETTINGS = (bool, int, float, str, list, tuple, torch.dtype)
_NONLINEAR = {
    *("_safe_softmax", "_softmax", "clamp", "elu", "gelu", "hardsigmoid", "hardswish", "hardtanh"),
    *("leaky_relu", "mish", "relu", "sigmoid", "silu", "softplus", "tanh"),
}
_FREE = (
    _COPIES | _CONSTANTS | _PARTS | _RESHAPES | _ELEMENTWISE | _IN_PLACE | _REDUCTIONS | _RESIZES
)


def read_network(module: nn.Module, *, input_shape: tuple[int, int, int]) -> CountedNetwork:
    """Run the module once on shapes and list its layers.

    Args:
        module: in eval mode, on any device; its weights are neither read nor changed.
        input_shape: channels, height, width of one image.

    Raises:
        CountError: an operator is met that is neither read nor known to be free.
    """
    reader = _Reader()
    image = torch.empty(1, *input_shape, device="meta")
    copy_on_meta = on_meta(module)
    with torch.no_grad(), NormsByShape(), reader:
        copy_on_meta(image)
    return CountedNetwork(
        layers=tuple(reader.layers),
        params=sum(parameter.numel() for parameter in module.parameters()),
        operators=tuple(reader.operators),
    )


class _Reader(TorchDispatchMode):  # type: ignore[no-untyped-call]  # untyped in torch
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.layers: list[Layer] = []
        self.operators: list[Operator] = []

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        first = result[0] if isinstance(result, tuple | list) else result
        if func.namespace != "aten" or not _is_free(name, args, result):
            self.layers.append(_layer(str(func), name, args, first))
        if name not in _PLUMBING:
            self.operators.append(_operator(func, name, args, kwargs or {}, first))
        return result


def _operator(
    func: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any
) -> Operator:
    """An operator with whatever its settings are, by the names that its schema has for them."""
    names = [one.name for one in func._schema.arguments]
    usual = {one.name: one.default_value for one in func._schema.arguments}
    given = {**usual, **dict(zip(names, args, strict=False)), **kwargs}
    settings = {
        key: value
        for key, value in given.items()
        if isinstance(value, _SETTINGS) and value != usual[key]
    }
    shape = tuple(result.shape) if isinstance(result, Tensor) else ()
    channels = shape[1] if len(shape) > 1 else 0
    if name == "convolution":
        text = convolution(
            tuple(given["weight"].shape[2:]),
            stride=given["stride"],
            padding=given["padding"],
            dilation=given["dilation"],
            groups=given["groups"],
            transposed=given["transposed"],
        )
        return Operator(OperatorKind.CONVOLUTION, text, channels)
    if "eps" in given:
        what = "" if name in BATCH_NORMS else f"{name.removeprefix('native_')} "
        return Operator(OperatorKind.NORM, f"{what}epsilon {number(given['eps'])}", channels)
    plain = name.rstrip("_")
    kind = _kind(plain)
    words = [plain, *(_setting(key, value, kind) for key, value in settings.items())]
    return Operator(kind, " ".join(filter(None, words)), channels)


def _kind(name: str) -> OperatorKind:
    if name in _FC or name in _PRODUCTS:
        return OperatorKind.PRODUCT
    if "pool" in name:
        return OperatorKind.POOL
    return OperatorKind.ACTIVATION if name in _NONLINEAR else OperatorKind.OTHER


def _setting(key: str, value: Any, kind: OperatorKind) -> str:
    """A setting in words; of operators that are no pools, no sizes, which images decide."""
    if isinstance(value, list | tuple):
        if kind is not OperatorKind.POOL or not value:
            return ""
        return f"{key} {sides(value)}"
    return f"{key} {number(value) if isinstance(value, float) else value}"


def _layer(full_name: str, name: str, args: Sequence[Any], result: Tensor) -> Layer:
    outputs = tuple(result.shape)
    if name == "convolution" and not args[6]:  # args[6]: transposed
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
    if name in _PRODUCTS:
        return Layer(LayerKind.PRODUCT, tuple(args[_PRODUCTS[name]].shape), outputs)
    if name in BATCH_NORMS:
        return Layer(LayerKind.BATCH_NORM, tuple(args[0].shape), outputs)
    if name in _ACTIVATIONS:
        return Layer(_ACTIVATIONS[name], tuple(args[0].shape), outputs)
    if name in _POOLS:
        sides = tuple(args[1])
        kernel = sides if len(sides) == 2 else sides * 2  # one side given: a square
        return Layer(_POOLS[name], tuple(args[0].shape), outputs, kernel=kernel)
    if _is_global_pool(name, args, outputs):
        return Layer(LayerKind.GLOBAL_AVG_POOL, tuple(args[0].shape), outputs)
    if name == "_adaptive_avg_pool2d":
        inputs = tuple(args[0].shape)
        window = tuple(math.ceil(inputs[axis] / outputs[axis]) for axis in (2, 3))
        return Layer(LayerKind.AVG_POOL, inputs, outputs, kernel=window)
    raise CountError(f"operator {full_name} is not known to the layer reader")


def _is_free(name: str, args: Sequence[Any], result: Any) -> bool:
    if name == "mean":  # over other axes than height and width: a reduction like any other
        return not _is_global_pool(name, args, tuple(result.shape))
    return name in _FREE


def _is_global_pool(name: str, args: Sequence[Any], outputs: tuple[int, ...]) -> bool:
    if name == "_adaptive_avg_pool2d":
        return outputs[-2:] == (1, 1)
    if name == "mean" and len(args) > 1 and args[0].ndim == 4:
        return {axis % 4 for axis in args[1]} == {2, 3}
    return False
