"""What an ONNX file is, as facts in plain JSON.

Looking never fails: a file that is no model is described as one that is not complete.
"""

from __future__ import annotations

from collections import Counter
from math import prod
from pathlib import Path
from typing import Any

import onnx
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from harness.errors import ExportError
from harness.exporting.canonical import digest_of
from harness.exporting.onnx_files import DEFAULT_DOMAINS, all_nodes, all_tensors, read_model
from harness.exporting.training_mode import training_nodes


def inspect_onnx(path: Path) -> dict[str, Any]:
    """Describe an ONNX file.

    Always there: ``format``; ``bytes``, the size with external data; ``complete``, whether the
    file holds a whole model and everything it refers to; ``reason``, why not, or "". Of a
    complete model also

    - ``opset`` of the default domain, or None; ``opsets`` by domain; ``ir_version``; ``producer``;
    - ``inputs`` (without initializers) and ``outputs``: ``name``, ``dtype`` and ``shape``, with a
      text for a symbolic dimension, and None for an unknown one or as an unknown shape;
    - ``nodes``: how many of each operator, at any depth;
    - ``training``: what computes as in training;
    - ``parameters``: elements of all initializers and constants;
    - ``checker``: what ``onnx.checker`` with shape inference says against it, or "";
    - ``canonical_digest``: see :mod:`harness.exporting.canonical`, or None;
      ``canonical_fault``: why there is none, or "".

    The model is held in memory, and then once more by the checker.
    """
    facts: dict[str, Any] = {"format": "onnx", "bytes": _size(path), "complete": False}
    try:
        model = read_model(path)
        facts["bytes"] += _check_external_data(model, path)
    except ExportError as error:
        return facts | {"reason": error.message}
    if not model.graph.node or not model.graph.output:
        return facts | {"reason": f"{path} has no nodes or no outputs"}
    facts |= {"complete": True, "reason": ""} | _described(model) | _digested(model, path)
    del model  # the checker reads the file itself
    return facts | {"checker": _checked(path)}


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _check_external_data(model: ModelProto, path: Path) -> int:
    """The bytes in files beside the model; ExportError where there are fewer than needed."""
    sizes: dict[str, int] = {}
    for tensor in filter(uses_external_data, all_tensors(model)):
        try:
            info = ExternalDataInfo(tensor)
        except ValueError as error:
            raise ExportError(f"{path}: {error}") from error
        size = sizes.setdefault(info.location, _size(path.parent / info.location))
        start, length = info.offset or 0, info.length or 0
        if start + length > size or not size:
            needed = f"{length} bytes from {start}" if length else "all of it"
            raise ExportError(
                f"{path}: weight {tensor.name!r} is {needed} in {info.location!r}, "
                f"which has {size} bytes"
            )
    return sum(sizes.values())


def _described(model: ModelProto) -> dict[str, Any]:
    graph = model.graph
    opsets = {
        "" if opset.domain in DEFAULT_DOMAINS else opset.domain: opset.version
        for opset in model.opset_import
    }
    operators = Counter(
        node.op_type if node.domain in DEFAULT_DOMAINS else f"{node.domain}::{node.op_type}"
        for node in all_nodes(model)
    )
    weights = {tensor.name for tensor in graph.initializer}
    return {
        "opset": opsets.get(""),
        "opsets": dict(sorted(opsets.items())),
        "ir_version": model.ir_version,
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "inputs": [_value(value) for value in graph.input if value.name not in weights],
        "outputs": [_value(value) for value in graph.output],
        "nodes": dict(sorted(operators.items())),
        "training": training_nodes(model, opsets.get("", 0)),
        "parameters": _parameters(graph),
    }


def _parameters(graph: GraphProto) -> int:
    constants = (
        attribute.t
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    )
    return sum(prod(tensor.dims) for tensor in (*graph.initializer, *constants))


def _value(value: ValueInfoProto) -> dict[str, Any]:
    type_ = value.type.tensor_type
    known = value.type.HasField("tensor_type")
    shape = [
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None
        for dim in type_.shape.dim
    ]
    return {
        "name": value.name,
        "dtype": TensorProto.DataType.Name(type_.elem_type) if known else "no tensor",
        "shape": shape if type_.HasField("shape") else None,
    }


def _checked(path: Path) -> str:
    try:
        onnx.checker.check_model(str(path), full_check=True)  # by path: it may exceed 2 GiB
    except Exception as error:  # whatever the checker raises is its answer
        return str(error).strip() or type(error).__name__
    return ""


def _digested(model: ModelProto, path: Path) -> dict[str, Any]:
    try:
        return {"canonical_digest": digest_of(model, path), "canonical_fault": ""}
    except ExportError as error:
        return {"canonical_digest": None, "canonical_fault": error.message}
