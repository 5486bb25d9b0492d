"""An ONNX model, before or after it was quantized in QDQ form: what makes and reads its tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import GraphProto, NodeProto
from onnx.helper import get_node_attr_value
from onnx.numpy_helper import to_array

from harness.errors import CompileError

Array = npt.NDArray[Any]


class Graph:
    """A model's nodes by what they make and read, and its constants by name.

    A constant is an initializer, or what a node of its own holds: Paddle2ONNX writes the latter.
    """

    def __init__(self, path: Path) -> None:
        self.graph: GraphProto = onnx.load(str(path)).graph
        held = {
            node.output[0]: one.t
            for node in self.graph.node
            if node.op_type == "Constant"
            for one in node.attribute
            if one.name == "value"
        }
        self.made = {
            output: node for node in self.graph.node for output in node.output if output not in held
        }
        self.readers: dict[str, list[NodeProto]] = {}
        for node in self.graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self.tensors = {**held, **{tensor.name: tensor for tensor in self.graph.initializer}}
        self.inputs = {value.name for value in self.graph.input} - set(self.tensors)

    def values(self, name: str) -> Array:
        """The values of a constant.

        Raises:
            CompileError: there is none of this name.
        """
        if name not in self.tensors:
            raise CompileError(f"{name!r} is no constant of the model")
        return np.asarray(to_array(self.tensors[name]))

    def has(self, name: str) -> bool:
        """Whether this is a tensor that is computed, or the input."""
        return name in self.made or name in self.inputs

    def maker(self, name: str) -> str:
        """The node that makes a tensor, as a reader would look for it."""
        return label(self.made[name]) if name in self.made else "the input"

    def dequantizer(self, node: NodeProto, index: int) -> NodeProto | None:
        """The node that dequantizes one input of another."""
        made = self.made.get(node.input[index]) if index < len(node.input) else None
        return made if made is not None and made.op_type == "DequantizeLinear" else None

    def output_scale(self) -> float | None:
        """The step between the values that the model's output can have; None where it is float."""
        made = self.made.get(self.graph.output[0].name)
        if made is None or made.op_type != "DequantizeLinear":
            return None
        scale = self.scale(made)
        return float(scale.item()) if scale.size == 1 else None

    def scale(self, node: NodeProto) -> Array:
        """The scale of a node that quantizes or dequantizes, in float64: () or (channels,)."""
        return self.values(node.input[1]).astype(np.float64)

    def zero_point(self, node: NodeProto) -> Array:
        """As an array of the type that values are stored in."""
        if len(node.input) > 2 and node.input[2]:
            return self.values(node.input[2])
        if node.input[0] in self.tensors:
            return np.zeros((), self.values(node.input[0]).dtype)
        return np.zeros((), np.uint8)  # what QuantizeLinear gives where nothing is said


def label(node: NodeProto) -> str:
    """As a reader would look for a node."""
    return node.name or f"{node.op_type} of {node.output[0]}"


def attribute(node: NodeProto, name: str, default: float) -> float:
    """A number among a node's attributes."""
    known = {one.name for one in node.attribute}
    return get_node_attr_value(node, name) if name in known else default
