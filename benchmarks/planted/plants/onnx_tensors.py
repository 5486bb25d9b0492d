"""Tensors of an ONNX model, read and put back."""

from __future__ import annotations

from typing import Any


def initializers(model: Any) -> dict[str, Any]:
    """The tensors of a model by name; some exporters have them in nodes of their own."""
    constants = {
        node.output[0]: one.t
        for node in model.graph.node
        if node.op_type == "Constant"
        for one in node.attribute
        if one.name == "value"
    }
    return {**constants, **{one.name: one for one in model.graph.initializer}}


def array_of(tensor: Any) -> Any:
    from onnx import numpy_helper

    return numpy_helper.to_array(tensor).copy()


def put(tensor: Any, values: Any) -> None:
    from onnx import numpy_helper

    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def weights_of(model: Any, kind: str = "Conv") -> list[Any]:
    known = initializers(model)
    return [
        known[node.input[1]]
        for node in model.graph.node
        if node.op_type == kind and node.input[1] in known
    ]
