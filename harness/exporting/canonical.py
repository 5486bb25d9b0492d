"""One form for all ONNX files that are the same computation, and its digest.

Left out is what nothing computes with: names of values, nodes, graphs and symbolic dimensions, the
order of nodes that do not depend on each other, doc strings, metadata, producer, inferred shapes,
placement on devices, nodes and weights that no output depends on, and whether weights are stored
raw, as numbers, or in a file beside. Kept is everything else: operators, attributes, every bit of
every weight, topology, versions, and shape and type of inputs and outputs, in order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from onnx import AttributeProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TypeProto

from harness.errors import ExportError
from harness.exporting.canonical_order import arrange_function, arrange_graph
from harness.exporting.onnx_files import (
    DEFAULT_DOMAINS,
    all_graphs,
    all_nodes,
    all_tensors,
    read_model,
    tensor_bytes,
)

_FORM = b"canonical ONNX, form 1\n"  # to be counted up whenever this module changes the form
_ABOUT_MODELS = (
    "producer_name",
    "producer_version",
    "domain",
    "model_version",
    "doc_string",
    "metadata_props",
    "configuration",
)
_ABOUT_VALUES = ("doc_string", "metadata_props")
_ABOUT_NODES = (*_ABOUT_VALUES, "device_configurations")
_ABOUT_GRAPHS = (*_ABOUT_VALUES, "value_info")
_DATA = (
    "float_data",
    "int32_data",
    "int64_data",
    "double_data",
    "uint64_data",
    "external_data",
    "data_location",
)


def canonical_digest(path: Path) -> str:
    """SHA-256 over the canonical form, in 64 hexadecimal digits.

    The file's own message is held in memory; of weights beside it, one tensor at a time.

    Raises:
        ExportError: the file is not a complete ONNX model, or has sparse weights or training
            graphs, which have no canonical form here.
    """
    return digest_of(read_model(path), path)


def digest_of(model: ModelProto, path: Path) -> str:
    """As :func:`canonical_digest`, of a model already read from ``path``, which is used up.

    Raises:
        ExportError: as in :func:`canonical_digest`.
    """
    for tensor in all_tensors(model):
        if tensor.data_type != TensorProto.STRING:
            _store(tensor, hashlib.sha256(tensor_bytes(tensor, path.parent)).digest())
    normalize(model, path)
    return hashlib.sha256(_FORM + model.SerializeToString(deterministic=True)).hexdigest()


def _store(tensor: TensorProto, content: bytes) -> None:
    for name in _DATA:
        tensor.ClearField(name)
    tensor.raw_data = content


def normalize(model: ModelProto, path: Path) -> None:
    """Bring a model that was read from ``path`` into canonical form, but for how data is stored.

    Raises:
        ExportError: as in :func:`canonical_digest`.
    """
    try:
        _refuse_what_has_no_form(model)
        arrange_graph(model.graph)
        for function in model.functions:
            arrange_function(function)
    except ExportError as error:
        raise ExportError(f"{path}: {error.message}") from error
    _clear(model, _ABOUT_MODELS)
    _normalize_opsets(model.opset_import)
    _normalize_functions(model)
    for node in all_nodes(model):
        _normalize_node(node)
    symbols: dict[str, str] = {}
    for graph in all_graphs(model):
        graph.name = "graph"
        _clear(graph, _ABOUT_GRAPHS)
        for value in (*graph.input, *graph.output):
            _clear(value, _ABOUT_VALUES)
            _rename_symbols(value.type, symbols)
    for tensor in all_tensors(model):
        _clear(tensor, (*_ABOUT_VALUES, "data_location"))


def _refuse_what_has_no_form(model: ModelProto) -> None:
    if model.training_info:
        raise ExportError("the model carries training graphs, which have no canonical form")
    if any(graph.sparse_initializer for graph in all_graphs(model)):
        raise ExportError("the model has sparse weights, which have no canonical form")


def _normalize_functions(model: ModelProto) -> None:
    model.functions.sort(key=lambda function: (function.domain, function.name, function.overload))
    for function in model.functions:
        _clear(function, _ABOUT_GRAPHS)
        _normalize_opsets(function.opset_import)
        function.attribute.sort()
        function.attribute_proto.sort(key=lambda attribute: attribute.name)


def _normalize_node(node: NodeProto) -> None:
    _clear(node, _ABOUT_NODES)
    if node.domain in DEFAULT_DOMAINS:
        node.ClearField("domain")
    if not node.overload:
        node.ClearField("overload")
    for attribute in node.attribute:
        attribute.ClearField("doc_string")
        if attribute.type == AttributeProto.TENSOR:
            attribute.t.ClearField("name")
        for tensor in attribute.tensors:
            tensor.ClearField("name")


def _normalize_opsets(opsets: Iterable[OperatorSetIdProto]) -> None:
    for opset in opsets:
        if opset.domain in DEFAULT_DOMAINS:
            opset.ClearField("domain")
    opsets.sort(key=lambda opset: (opset.domain, opset.version))  # type: ignore[attr-defined]


def _rename_symbols(type_: TypeProto, symbols: dict[str, str]) -> None:
    """Number the symbolic dimensions as they come: equal symbols stay equal."""
    for dim in type_.tensor_type.shape.dim:
        if dim.dim_param:
            dim.dim_param = symbols.setdefault(dim.dim_param, f"d{len(symbols)}")


def _clear(message: object, names: Iterable[str]) -> None:
    for name in names:
        message.ClearField(name)  # type: ignore[attr-defined]
