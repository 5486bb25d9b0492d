"""What the layers of an ONNX file, float or int8 in QDQ form, are given and give."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import NodeProto

from harness.backends.onnxruntime.qdq_graph import Array, Graph, attribute, label
from harness.backends.onnxruntime.sessions import session_options
from harness.errors import RunError
from harness.judging.layers import LayerTrace, Sampled

KINDS = {"Conv": "convolution", "Gemm": "linear", "MatMul": "linear"}
PASSED = ("Identity", "DequantizeLinear", "QuantizeLinear", "Transpose", "Reshape")
"""What may stand between a weight and the layer that uses it."""

AT_ONCE = 24
"""Tensors that are fetched in one run, so that never all of a network's are held."""


def trace_file(path: Path, images: Array, *, scratch: Path) -> list[LayerTrace]:
    """Run images (n, 3, height, width) through a file and tell of every layer, in file order.

    Args:
        scratch: a folder for a copy of the file whose tensors can be fetched.

    Raises:
        RunError: the runtime cannot run it.
    """
    graph = Graph(path)
    layers = [
        node for node in graph.graph.node if node.op_type in KINDS and _weight_of(graph, node)
    ]
    fetched = _fetch(path, _tensors(graph, layers), images, scratch)
    return [_trace(graph, node, fetched) for node in layers]


def _tensors(graph: Graph, layers: Sequence[NodeProto]) -> list[str]:
    """What layers are given and give, each once; the model's own input is known."""
    names = {name: None for node in layers for name in (node.input[0], node.output[0])}
    return [name for name in names if name not in graph.inputs]


def _fetch(path: Path, names: Sequence[str], images: Array, scratch: Path) -> dict[str, Sampled]:
    model = onnx.load(str(path))  # with what lies beside it
    have = {one.name for one in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in have)
    open_to_all = scratch / "all_tensors.onnx"
    onnx.save(model, str(open_to_all), save_as_external_data=True, location="all_tensors.data")
    del model
    options = session_options(threads=1)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(
            str(open_to_all), options, providers=["CPUExecutionProvider"]
        )
        given = session.get_inputs()[0].name
        found = {given: Sampled.of(images)}
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            outputs = session.run(some, {given: images})
            for name, output in zip(some, outputs, strict=True):
                found[name] = Sampled.of(output, axis=1 if output.ndim == 4 else -1)
    except Exception as error:
        raise RunError(f"{path.name}, layer by layer: {error}") from error
    return found


def _trace(graph: Graph, node: NodeProto, fetched: dict[str, Sampled]) -> LayerTrace:
    given, gave = (fetched[name] for name in (node.input[0], node.output[0]))
    return LayerTrace(
        label(node),
        KINDS[node.op_type],
        _weight(graph, node),
        given,
        gave,
        between=_between(graph, node),
        quantized_range=_range(graph, node),
    )


def _weight_of(graph: Graph, node: NodeProto) -> str:
    """The initializer that a layer's weights come from, or "" where both factors are computed."""
    name = node.input[1]
    while name in graph.made and graph.made[name].op_type in PASSED:
        name = graph.made[name].input[0]
    return name if name in graph.tensors else ""


def _weight(graph: Graph, node: NodeProto) -> Array:
    """As (out, in, …); int8 weights as the numbers that they stand for."""
    made = graph.dequantizer(node, 1)
    if made is None:
        values = np.asarray(graph.values(_weight_of(graph, node)))
    else:
        values = _dequantized(graph, made)
    turned = node.op_type == "MatMul" or (
        node.op_type == "Gemm" and not attribute(node, "transB", 0)
    )
    return values.T if turned else values


def _dequantized(graph: Graph, made: NodeProto) -> Array:
    codes = graph.values(made.input[0]).astype(np.float64)
    scale, zero = graph.scale(made), graph.zero_point(made).astype(np.float64)
    if scale.size > 1:
        shape = [1] * codes.ndim
        shape[int(attribute(made, "axis", 1))] = scale.size
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return np.asarray((codes - zero) * scale)


def _range(graph: Graph, node: NodeProto) -> tuple[float, float] | None:
    made = graph.dequantizer(node, 0)
    if made is None:
        return None
    scale, zero = graph.scale(made), graph.zero_point(made)
    if scale.size != 1 or zero.dtype.kind not in "iu":
        return None
    limits = np.iinfo(zero.dtype)
    low, high = (
        float((end - float(zero.item())) * scale.item()) for end in (limits.min, limits.max)
    )
    return low, high


def _between(graph: Graph, node: NodeProto) -> tuple[str, ...]:
    """The operators between a layer and those that feed it, each once, the nearest first."""
    found: dict[str, None] = {}
    waiting, seen = [node.input[0]], set[str]()
    while waiting:
        name = waiting.pop(0)
        made = graph.made.get(name)
        if made is None or name in seen:
            continue
        seen.add(name)
        if made.op_type in KINDS and _weight_of(graph, made):
            continue
        if made.op_type not in PASSED:
            found[made.op_type] = None
        waiting += made.input
    return tuple(found)
