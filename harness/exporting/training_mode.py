"""Nodes of an ONNX model that compute as in training: by batch statistics, or at random."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from onnx import AttributeProto, ModelProto, NodeProto, TensorProto
from onnx.numpy_helper import to_array

from harness.exporting.onnx_files import all_graphs, all_nodes

_TRAINING_DOMAINS = ("ai.onnx.preview.training", "ai.onnx.training")
_MODE_AS_ATTRIBUTE = 14  # BatchNormalization-14 says its mode, -7 and -9 show it by their outputs
_MODE_AS_INPUT = 12  # Dropout-12 takes its mode as an input, -7 and -10 only infer
_MODE_BY_IS_TEST = 6  # up to here both have ``is_test``, by default 0 (onnx/docs/Changelog.md)


def training_nodes(model: ModelProto, opset: int) -> list[str]:
    """Name each node that is in training mode at this opset, and training graphs, if there are.

    A Dropout whose mode is computed at run time counts: it may be in training mode.
    """
    constants = {tensor.name: tensor for graph in all_graphs(model) for tensor in graph.initializer}
    for node in all_nodes(model):
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.type == AttributeProto.TENSOR:
                constants[node.output[0]] = attribute.t
    found = ["the model carries training graphs"] if model.training_info else []
    for node in all_nodes(model):
        for reason in _reasons(node, opset, constants):
            found.append(f"{node.op_type} {node.name!r}: {reason}")
    return found


def _reasons(node: NodeProto, opset: int, constants: Mapping[str, TensorProto]) -> Iterator[str]:
    if node.domain in _TRAINING_DOMAINS:
        yield f"an operator of {node.domain}"
    if node.op_type not in ("BatchNormalization", "Dropout"):
        return
    more_outputs = [name for name in node.output[1:] if name]
    if opset <= _MODE_BY_IS_TEST:
        if not _attribute(node, "is_test"):
            yield "is_test is 0"
    elif node.op_type == "Dropout" and opset >= _MODE_AS_INPUT:
        mode = node.input[2] if len(node.input) > 2 else ""
        if mode and (mode not in constants or to_array(constants[mode]).any()):
            yield f"training_mode is {'true' if mode in constants else 'computed'}"
    elif node.op_type == "BatchNormalization" and opset >= _MODE_AS_ATTRIBUTE:
        if _attribute(node, "training_mode"):
            yield "training_mode is 1"
    elif more_outputs:
        yield f"it has {len(more_outputs)} outputs of training"


def _attribute(node: NodeProto, name: str) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == name), 0)
