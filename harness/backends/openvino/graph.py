"""What an OpenVINO model really computes in int8: in its file, and in the graph that is executed.

In a file, a tensor is int8 where a ``FakeQuantize`` of at most 256 levels made it, or where it is
an int8 constant that is scaled. In an executed graph each layer says its type and precision.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import openvino

ATTENTION = "ScaledDotProductAttention"
"""Two matrix products in one. The second takes the softmax, which nothing quantizes."""

HEAVY = (
    "Convolution",
    "GroupConvolution",
    "ConvolutionBackpropData",
    "GroupConvolutionBackpropData",
    "MatMul",
    ATTENTION,
)
"""Operators that a quantized model must not compute in floating point unless declared."""

CARRIERS = (
    "Broadcast",
    "DepthToSpace",
    "Gather",
    "MaxPool",
    "Pad",
    "ReduceMax",
    "Reshape",
    "ShuffleChannels",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "StridedSlice",
    "Tile",
    "Transpose",
    "Unsqueeze",
    "VariadicSplit",
)
"""Operators that move or pick values of their first input, so that int8 stays int8. NNCF quantizes
before them, where their input has one more reader."""

HEAVY_LAYERS = ("Convolution", "Deconvolution", "FullyConnected", "MatMul")
INT8 = ("i8", "u8")
HALF = ("bf16", "f16")
LEVELS = 256  # of 8 bits


@dataclass(frozen=True, slots=True)
class Executed:
    """How often each layer stands in an executed graph, as ``"Convolution u8"``.

    Attributes:
        layers: all that compute or move something.
        floating: convolutions and matrix products in floating point, also where they are part of
            a layer that holds several operators.
        half: layers in bfloat16 or float16.
    """

    layers: dict[str, int]
    floating: dict[str, int]
    half: dict[str, int]


def heavy(model: openvino.Model) -> tuple[str, ...]:
    """Names of a model's convolutions and matrix products."""
    return tuple(node.get_friendly_name() for node in _heavy(model))


def unquantized(model: openvino.Model) -> tuple[str, ...]:
    """Names of convolutions and matrix products whose data or weights are not int8."""
    return tuple(
        node.get_friendly_name()
        for node in _heavy(model)
        if node.get_type_name() == ATTENTION
        or not (_is_int8(node.input_value(0)) and _is_int8(node.input_value(1)))
    )


def not_finite(model: openvino.Model) -> tuple[str, ...]:
    """Names of operators that read a constant which holds NaN or infinities."""
    return tuple(
        reader.get_node().get_friendly_name()
        for node in model.get_ordered_ops()
        if node.get_type_name() == "Constant"
        and node.get_element_type().is_real()
        and not np.isfinite(node.get_data()).all()
        for reader in node.output(0).get_target_inputs()
    )


def executed(runtime: openvino.Model, *, products: Collection[str]) -> Executed:
    """Read an executed graph, as a compiled model tells it once it has run.

    ``products``: the names that :func:`heavy` gives for the model that was compiled.
    """
    layers, floating, half = Counter[str](), Counter[str](), Counter[str]()
    for node in runtime.get_ordered_ops():
        said = node.get_rt_info()
        layer = said["layerType"].astype(str)
        if layer in ("Const", "Input", "Output"):
            continue
        precision = _precision(node) if layer in HEAVY_LAYERS else _stated(node)
        name = f"{layer} {precision}"
        layers[name] += 1
        half[name] += precision in HALF
        if layer in HEAVY_LAYERS:
            floating[name] += precision not in INT8
        else:
            parts = said["originalLayersNames"].astype(str).split(",")
            floating[name] += not frozenset(parts).isdisjoint(products)
    return Executed(dict(layers), dict(+floating), dict(+half))


def _stated(layer: openvino.Node) -> str:
    return str(layer.get_rt_info()["runtimePrecision"].astype(str))


def _precision(layer: openvino.Node) -> str:
    """int8 only if data and weights are: a layer says so of itself where its weights alone are."""
    taken = [layer.input(index).get_element_type().get_type_name() for index in (0, 1)]
    return next((precision for precision in taken if precision not in INT8), _stated(layer))


def _heavy(model: openvino.Model) -> list[openvino.Node]:
    return [node for node in model.get_ordered_ops() if node.get_type_name() in HEAVY]


def _is_int8(value: openvino.Output) -> bool:
    node = value.get_node()
    kind = node.get_type_name()
    if kind == "FakeQuantize":
        return bool(node.get_attributes()["levels"] <= LEVELS)
    if kind == "Concat":
        return all(_is_int8(source) for source in node.input_values())
    if kind in CARRIERS:
        return _is_int8(node.input_value(0))
    return _is_scaled_constant(node)


def _is_scaled_constant(node: openvino.Node) -> bool:
    while node.get_type_name() in ("Convert", "Multiply", "Subtract"):
        node = node.input_value(0).get_node()
    return node.get_type_name() == "Constant" and node.get_element_type().get_type_name() in INT8
