"""Faults put into a copy of an int8 model, as the quantizer would have made them.

The model is in ONNX Runtime's QDQ form: each tensor's scale and zero point are initializers, and
so are the quantized weights. What depends on a scale follows it, as in a real build: an int32 bias
has the scale of the layer's input times that of its weights (kernels add it to their accumulator
and look at no scale of its own). Only the fault itself is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto
from onnx.helper import get_node_attr_value
from onnx.numpy_helper import from_array, to_array

from harness.backends.operators import HEAVY
from harness.errors import MeasureError
from harness.exporting.onnx_files import read_model

Array = npt.NDArray[Any]

FEWEST_LAYERS = 3  # an early, a middle and a late one
LEVELS = {8: 127, 4: 7}
"""Bits to the largest level of a symmetric scale: two's complement, the lowest code unused."""


@dataclass(frozen=True, slots=True)
class QuantizedLayer:
    """A convolution or matrix product and the nodes that dequantize its data, weights and bias."""

    node: NodeProto
    data: NodeProto
    weights: NodeProto
    bias: NodeProto | None

    @property
    def is_per_channel(self) -> bool:
        """Whether the node that dequantizes the weights has an axis."""
        return any(attribute.name == "axis" for attribute in self.weights.attribute)


class QuantizedModel:
    """An int8 model in QDQ form, to be edited in memory; its file is only read.

    Raises:
        ExportError: the file is no ONNX model.
        MeasureError: it is not of the form that the embedded backend compiles.
    """

    def __init__(self, path: Path) -> None:
        self.proto: ModelProto = read_model(path)
        graph = self.proto.graph
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        made = {output: node for node in graph.node for output in node.output}
        self.layers = tuple(
            _layer(node, made, path) for node in graph.node if node.op_type in HEAVY
        )
        if len(self.layers) < FEWEST_LAYERS:
            raise MeasureError(f"{path} has {len(self.layers)} layers, expected {FEWEST_LAYERS}")
        biases = Counter(layer.bias.input[0] for layer in self.layers if layer.bias is not None)
        shared = [name for name, uses in biases.items() if uses > 1]
        if shared:
            raise MeasureError(f"{path}: layers share the bias {shared[0]!r}, expected one each")

    def values(self, name: str) -> Array:
        """The values of an initializer."""
        if name not in self._tensors:
            raise MeasureError(f"the model has no initializer {name!r}")
        return np.asarray(to_array(self._tensors[name]))

    def replace(self, name: str, values: Array) -> None:
        """Give an initializer other values, in its own shape and type."""
        old = self.values(name)
        self._tensors[name].CopyFrom(from_array(values.astype(old.dtype).reshape(old.shape), name))

    def add(self, name: str, values: Array) -> None:
        """Add an initializer."""
        self.proto.graph.initializer.append(from_array(values, name))
        self._tensors[name] = self.proto.graph.initializer[-1]

    def scale(self, node: NodeProto) -> Array:
        """The scale by which a node dequantizes, in float64: () or (channels,)."""
        return self.values(node.input[1]).astype(np.float64)

    def rescale_bias(self, layer: QuantizedLayer) -> None:
        """Quantize a layer's bias again, to the scales that its data and weights now have."""
        if layer.bias is None:
            return
        quantized, name = layer.bias.input[:2]
        bias = self.values(quantized) * self.scale(layer.bias)
        scale = (self.scale(layer.data) * self.scale(layer.weights)).astype(np.float32)
        limits = np.iinfo(np.int32)
        self.replace(quantized, np.clip(np.rint(bias / scale), limits.min, limits.max))
        self.replace(name, np.broadcast_to(scale, self.values(name).shape))


Injection = Callable[[QuantizedModel], str]


def inject(model: QuantizedModel, fault: str) -> str:
    """Edit the model so that it has the fault; give the name of the tensor, or "" for many.

    Raises:
        MeasureError: the model has it already, so that nothing can be shown, or it is not of
            the form that the fault is about.
    """
    return INJECTIONS[fault](model)


# ── weights ───────────────────────────────────────────────────────────────────────────────────


def _per_tensor(model: QuantizedModel) -> str:
    layers = [layer for layer in model.layers if layer.is_per_channel]
    if not layers:
        raise MeasureError("no layer's weights are quantized by channel")
    for layer in layers:
        scale = model.scale(layer.weights)
        _requantize(model, layer, np.full_like(scale, scale.max()))
    return ""


def _four_bits(model: QuantizedModel) -> str:
    convolutions = [layer for layer in model.layers if layer.node.op_type == "Conv"]
    layer = _middle(convolutions)
    scale = model.scale(layer.weights) * (LEVELS[8] / LEVELS[4])
    _requantize(model, layer, scale)
    return str(layer.weights.input[0])


def _requantize(model: QuantizedModel, layer: QuantizedLayer, scale: Array) -> None:
    """Quantize a layer's weights again, to scales that are nowhere smaller than those they have."""
    quantized, name, zero_point = layer.weights.input
    if model.values(zero_point).any():
        raise MeasureError(f"weights {quantized!r} have a zero point other than 0")
    codes = model.values(quantized).astype(np.float64)
    shape = [1] * codes.ndim
    if layer.is_per_channel:
        shape[get_node_attr_value(layer.weights, "axis")] = -1
    ratio = (model.scale(layer.weights) / scale).reshape(shape)
    model.replace(quantized, np.rint(codes * ratio))
    model.replace(name, scale)
    model.rescale_bias(layer)


# ── activations ───────────────────────────────────────────────────────────────────────────────


def _halved_scale(
    model: QuantizedModel, *, place: Callable[[Sequence[QuantizedLayer]], QuantizedLayer]
) -> str:
    """Halve the scale of what one layer reads; the lower end of its range stays where it can."""
    tensor, scale, zero_point = place(model.layers).data.input
    highest = np.iinfo(model.values(zero_point).dtype).max
    offset = model.values(zero_point).astype(np.int64)
    model.replace(scale, model.values(scale) / 2)
    model.replace(zero_point, np.minimum(2 * offset, highest))
    for reader in model.layers:
        if reader.data.input[1] == scale:
            model.rescale_bias(reader)
    return str(tensor)


def _middle(layers: Sequence[QuantizedLayer]) -> QuantizedLayer:
    return layers[len(layers) // 2]


def _zero_point(model: QuantizedModel, *, value: int, reader_only: bool) -> str:
    """Give the image another zero point: where it is stored and read, or only where it is read."""
    data = model.layers[0].data
    tensor, _, zero_point = data.input
    right = model.values(zero_point)
    if right == value:
        raise MeasureError(f"the zero point of {tensor!r} is {value} as it should be")
    if reader_only:
        name = f"{zero_point}_misread"
        model.add(name, np.full_like(right, value))
        data.input[2] = name
    else:
        model.replace(zero_point, np.full_like(right, value))
    return str(tensor)


INJECTIONS: Mapping[str, Injection] = {
    "per-tensor weights": _per_tensor,
    "halved scale, early": partial(_halved_scale, place=itemgetter(1)),
    "halved scale, middle": partial(_halved_scale, place=_middle),
    "halved scale, late": partial(_halved_scale, place=itemgetter(-1)),
    "zero point 0": partial(_zero_point, value=0, reader_only=False),
    "zero point 128": partial(_zero_point, value=128, reader_only=False),
    "read with zero point 0": partial(_zero_point, value=0, reader_only=True),
    "read with zero point 128": partial(_zero_point, value=128, reader_only=True),
    "four bits, middle": _four_bits,
}
"""By the names of :data:`benchmarks.faults.FAULTS`; what is wrong with images is not here."""


def _layer(node: NodeProto, made: Mapping[str, NodeProto], path: Path) -> QuantizedLayer:
    sources = [made.get(name) for name in node.input]
    for name, source in zip(node.input, sources, strict=True):
        if source is None or source.op_type != "DequantizeLinear":
            raise MeasureError(f"{path}: input {name!r} of {node.name!r} is not dequantized")
    data, weights, *bias = (source for source in sources if source is not None)
    return QuantizedLayer(node, data, weights, bias[0] if bias else None)
