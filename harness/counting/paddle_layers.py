"""Paddle layer → layers, read from the program that tracing it gives; no arithmetic is done.

Tracing infers shapes from those of the parameters, so a network built under
``paddle.LazyGuard``, whose weights do not exist yet, is read as well.
"""

from __future__ import annotations

import math
import traceback
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from unittest import mock

with warnings.catch_warnings():
    # paddle warns on import where no compiler cache is installed.
    warnings.simplefilter("ignore", UserWarning)
    import paddle
    from paddle.jit import dy2static
    from paddle.jit.dy2static import program_translator
    from paddle.nn.layer import layers as paddle_calls

from harness.counting.layers import CountedNetwork, Layer, LayerKind, read_once
from harness.counting.operators import Operator, OperatorKind, convolution, number, sides
from harness.errors import CountError

_CONV = {"conv2d", "depthwise_conv2d"}
_BATCH_NORM = {"batch_norm", "batch_norm_"}
_ACTIVATIONS = {
    "relu": LayerKind.RELU,
    "relu_": LayerKind.RELU,
    "sigmoid": LayerKind.SIGMOID,
}

_READ = _CONV | _BATCH_NORM | _ACTIVATIONS.keys() | {"matmul", "mean", "pool2d"}

# Operators that no rule here counts. One that is in neither list is an error, not a zero.
_PLUMBING = {
    *(
        "assign_value_",
        "combine",
        "data",
        "full",
        "full_int_array",
        "full_like",
        "parameter",
        "shadow_output",
    ),
    *("set_value_", "set_value_with_tensor_", "shape64", "split", "split_with_num"),
}
_RESHAPES = {
    *("assign", "concat", "dropout", "expand", "flatten", "gather", "gather_nd", "index_select"),
    *("pad", "pad3d"),
    *("reshape", "roll", "slice", "squeeze", "stack", "strided_slice", "transpose", "unfold"),
    *("unsqueeze",),
}
_ELEMENTWISE = {
    *("add", "add_", "add_n", "cast", "clip", "divide", "equal", "gelu", "hardsigmoid"),
    *("hardswish", "leaky_relu", "maximum", "mish", "multiply", "not_equal", "pow", "relu6"),
    *("rsqrt", "scale", "silu", "softmax", "sqrt", "subtract", "swish", "tanh", "where"),
}
_REDUCTIONS = {"layer_norm", "max", "sum"}
_RESIZES = {"bilinear_interp", "nearest_interp"}
_FREE = _PLUMBING | _RESHAPES | _ELEMENTWISE | _REDUCTIONS | _RESIZES


_MOVES = {"concat", "gather", "gather_nd", "index_select", "pad", "pad3d", "roll"}
_NONLINEAR = {
    *("clip", "gelu", "hardsigmoid", "hardswish", "leaky_relu", "mish", "relu", "relu6"),
    *("sigmoid", "silu", "softmax", "swish", "tanh"),
}
_WINDOW = ("pooling_type", "strides", "paddings", "ceil_mode", "exclusive", "adaptive")
_NO_SETTINGS = {"op_role", "is_persistable", "is_test"}  # of the program, and of no operator

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """What one trace of a network gives, on one image's shape.

    Attributes:
        program: Paddle's concrete program, with the operators in its ``main_program``.
        calls: of each call of a layer without parts, in order: the layer's place among
            ``module.sublayers()``, and the shapes of its first input and output.
    """

    program: Any
    calls: tuple[tuple[int, Shape, Shape], ...]


def trace(module: Any, *, input_shape: tuple[int, int, int]) -> Trace:
    """Trace a ``paddle.nn.Layer`` in eval mode; no arithmetic is done."""
    return read_once("trace", module, input_shape, lambda: _trace(module, input_shape))


def _trace(module: Any, input_shape: tuple[int, int, int]) -> Trace:
    """Trace with layers called as they are, or else as Paddle does.

    Paddle rewrites the code of each layer that is called, in case it branches on a tensor, which
    is most of the time: of HRNet 9 s against 2.5. Code that does so is rewritten after all.
    """
    try:
        with mock.patch.object(dy2static, "Call", _as_it_is):
            return _traced(module, input_shape)
    except Exception:
        return _traced(module, input_shape)


def _as_it_is(function: Any) -> Any:
    return function


def _traced(module: Any, input_shape: tuple[int, int, int]) -> Trace:
    """Trace, without writing at every operator who made it.

    Paddle writes the names of calling layers for its automatic parallelism, looking at all
    operators at every call of a layer, and Python's stack for its messages: each is a third of
    the time of a large network.
    """
    calls: list[tuple[int, Shape, Shape]] = []
    hooks = []
    for place, layer in enumerate(module.sublayers()):
        if not layer.sublayers():

            def note(_: Any, inputs: Any, output: Any, place: int = place) -> None:
                calls.append((place, _first_shape(inputs[0]), _first_shape(output)))

            hooks.append(layer.register_forward_post_hook(note))
    try:
        image = paddle.static.InputSpec([1, *input_shape], "float32")
        traced = paddle.jit.to_static(module.forward, input_spec=[image], full_graph=True)
        with (
            mock.patch.object(paddle_calls, "name_struct", nullcontext),
            mock.patch.object(traceback, "extract_stack", list),
            mock.patch.object(
                program_translator, "update_op_callstack_with_origin_info", _as_it_is
            ),
        ):
            return Trace(traced.concrete_program, tuple(calls))
    finally:
        for hook in hooks:
            hook.remove()


def _first_shape(value: Any) -> Shape:
    first = value[0] if isinstance(value, list | tuple) else value
    return tuple(int(side) for side in first.shape)


def read_network(module: Any, *, input_shape: tuple[int, int, int]) -> CountedNetwork:
    """Trace the network on one image's shape and list its layers.

    Args:
        module: a ``paddle.nn.Layer`` in eval mode; its weights are neither read nor changed.
        input_shape: channels, height, width of one image.

    Raises:
        CountError: an operator is met that is neither read nor known to be free, or a shape
            cannot be inferred.
    """
    traced = trace(module, input_shape=input_shape)  # which owns its operators
    block = traced.program.main_program.global_block()
    return CountedNetwork(
        layers=tuple(_layer(op) for op in block.ops if not _is_free(op)),
        params=sum(math.prod(each.shape) for each in module.parameters() if each.trainable),
        operators=tuple(
            _operator(op) for op in block.ops if _name(op) not in _PLUMBING | _RESHAPES - _MOVES
        ),
    )


def _operator(op: Any) -> Operator:
    """An operator with its settings: numbers, and what decides how a window moves."""
    name, attrs = _name(op).rstrip("_"), dict(op.attrs())
    shape = tuple(op.result(0).shape) if op.num_results() else ()
    channels = int(shape[1]) if len(shape) > 1 else 0
    if name in _CONV:
        text = convolution(
            tuple(int(side) for side in op.operand_source(1).shape[2:]),
            stride=attrs["strides"],
            padding=attrs["paddings"],
            dilation=attrs["dilations"],
            groups=attrs["groups"],
        )
        return Operator(OperatorKind.CONVOLUTION, text, channels)
    if "epsilon" in attrs:
        what = "" if name == "batch_norm" else f"{name} "
        return Operator(OperatorKind.NORM, f"{what}epsilon {number(attrs['epsilon'])}", channels)
    if name == "pool2d":
        window = f"kernel {sides(_constant(op.operand_source(1)))}"
        settings = (f"{key} {_told(attrs[key])}" for key in _WINDOW if attrs[key])
        return Operator(OperatorKind.POOL, " ".join((window, *settings)), channels)
    numbers = (
        f"{key} {_told(value)}"
        for key, value in sorted(attrs.items())
        if isinstance(value, bool | int | float) and value and key not in _NO_SETTINGS
    )
    return Operator(_kind(name), " ".join((name, *numbers)), channels)


def _kind(name: str) -> OperatorKind:
    if name == "matmul":
        return OperatorKind.PRODUCT
    return OperatorKind.ACTIVATION if name in _NONLINEAR else OperatorKind.OTHER


def _told(value: Any) -> str:
    if isinstance(value, list | tuple):
        return sides(value)
    return number(value) if isinstance(value, float) else str(value)


def _name(op: Any) -> str:
    dialect, _, name = op.name().partition(".")
    return str(name) if dialect in ("pd_op", "builtin") else str(op.name())


def _is_free(op: Any) -> bool:
    if _name(op) == "mean":  # over height and width it is a pool, else a reduction like any other
        return not _is_global_mean(op)
    return _name(op) in _FREE


def _is_global_mean(op: Any) -> bool:
    if len(op.operand_source(0).shape) != 4:
        return False
    attrs = op.attrs()
    axes = attrs["axis"] if "axis" in attrs else _constant(op.operand_source(1))
    return {axis % 4 for axis in axes} == {2, 3}


def _constant(value: Any) -> list[int]:
    return [int(side) for side in value.get_defining_op().attrs()["value"]]


def _layer(op: Any) -> Layer:
    name = _name(op)
    if name not in _READ:
        raise CountError(f"operator {op.name()} is not known to the layer reader")
    attrs = op.attrs()
    inputs = _shape(op, op.operand_source(0)) if op.num_operands() else ()
    outputs = _shape(op, op.result(0)) if op.num_results() else ()
    if name in _CONV:
        kernel = _shape(op, op.operand_source(1))[2:]
        return Layer(LayerKind.CONV, inputs, outputs, kernel=kernel, groups=attrs["groups"])
    if name == "matmul" and len(op.operand_source(1).shape) == 2:
        return Layer(LayerKind.FC, inputs, outputs)
    if name == "matmul":
        if attrs["transpose_x"]:
            inputs = (*inputs[:-2], inputs[-1], inputs[-2])
        return Layer(LayerKind.PRODUCT, inputs, outputs)
    if name in _BATCH_NORM:
        return Layer(LayerKind.BATCH_NORM, inputs, outputs)
    if name in _ACTIVATIONS:
        return Layer(_ACTIVATIONS[name], inputs, outputs)
    if name == "mean":
        return Layer(LayerKind.GLOBAL_AVG_POOL, inputs, outputs)
    return _pool(op, attrs, inputs, outputs)


def _pool(
    op: Any, attrs: dict[str, Any], inputs: tuple[int, ...], outputs: tuple[int, ...]
) -> Layer:
    if attrs["adaptive"] or attrs["global_pooling"]:
        if attrs["pooling_type"] != "avg":
            raise CountError(f"adaptive max pool to {outputs[2:]} is not known to the layer reader")
        if outputs[2:] == (1, 1):
            return Layer(LayerKind.GLOBAL_AVG_POOL, inputs, outputs)
        window = tuple(math.ceil(inputs[axis] / outputs[axis]) for axis in (2, 3))
        return Layer(LayerKind.AVG_POOL, inputs, outputs, kernel=window)
    kind = LayerKind.MAX_POOL if attrs["pooling_type"] == "max" else LayerKind.AVG_POOL
    return Layer(kind, inputs, outputs, kernel=tuple(_constant(op.operand_source(1))))


def _shape(op: Any, value: Any) -> tuple[int, ...]:
    shape = tuple(int(side) for side in value.shape)
    if any(side < 1 for side in shape):
        raise CountError(f"operator {op.name()}: shape {shape} could not be inferred")
    return shape
