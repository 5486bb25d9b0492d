"""Reading ONNX files: the model, the graphs and nodes in it, and the bytes of its tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf.message import DecodeError
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto
from onnx.checker import ValidationError
from onnx.external_data_helper import load_external_data_for_tensor, uses_external_data
from onnx.numpy_helper import from_array, to_array

from harness.errors import ExportError

DEFAULT_DOMAINS = ("", "ai.onnx")
"""The two spellings of ONNX's own operator set (onnx.proto, OperatorSetIdProto)."""

LARGEST_MESSAGE_BYTES = 2**31 - 1
"""What one protobuf message can be (protobuf.dev/programming-guides/proto-limits)."""


def read_model(path: Path) -> ModelProto:
    """The model in a file; weights in external files stay there.

    Raises:
        ExportError: the file is absent, empty, damaged, or not ONNX; it is named.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_MESSAGE_BYTES:
            raise ExportError(f"{path} is {size} bytes, more than protobuf can hold in one message")
        content = path.read_bytes()
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror or error}") from error
    if not content:
        raise ExportError(f"{path} is empty, expected an ONNX model")
    model = ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise ExportError(
            f"{path} ({len(content)} bytes) is damaged or not an ONNX model: {error}"
        ) from error
    if not model.HasField("graph"):
        raise ExportError(f"{path} ({len(content)} bytes) is not an ONNX model: it has no graph")
    return model


def subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    """The graphs in a node's attributes: branches and loop bodies."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def walk(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """Nodes and, after each, those in its subgraphs."""
    for node in nodes:
        yield node
        for graph in subgraphs(node):
            yield from walk(graph.node)


def all_nodes(model: ModelProto) -> Iterator[NodeProto]:
    """Every node of the graph, of its subgraphs, and of the model's local functions."""
    yield from walk(model.graph.node)
    for function in model.functions:
        yield from walk(function.node)


def all_graphs(model: ModelProto) -> Iterator[GraphProto]:
    """The model's graph and every subgraph, those in local functions too."""
    yield model.graph
    for node in all_nodes(model):
        yield from subgraphs(node)


def all_tensors(model: ModelProto) -> Iterator[TensorProto]:
    """Every dense tensor that holds data: initializers and attributes, at any depth."""
    for graph in all_graphs(model):
        yield from graph.initializer
    for node in all_nodes(model):
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                yield attribute.t
            yield from attribute.tensors


def tensor_bytes(tensor: TensorProto, folder: Path) -> bytes:
    """A tensor's elements, little endian and packed as in ``raw_data``, wherever they are kept.

    ``folder`` is where the model lies: external data is looked for there and nowhere else.

    Raises:
        ExportError: external data is missing, too short or outside the folder; or the elements
            do not fit the shape.
    """
    try:
        if uses_external_data(tensor):
            copy = TensorProto()
            copy.CopyFrom(tensor)
            load_external_data_for_tensor(copy, str(folder))
            return copy.raw_data
        if tensor.HasField("raw_data"):
            return tensor.raw_data
        return from_array(to_array(tensor)).raw_data
    except (OSError, ValueError, TypeError, RuntimeError, ValidationError) as error:
        raise ExportError(f"tensor {tensor.name!r} in {folder}: {error}") from error
