"""The parameters of an int8 model's activations, beside the ranges that they should cover."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import ModelProto, NodeProto, TensorProto
from onnx.helper import make_node, make_tensor_value_info

from harness.backends.onnxruntime.qdq_graph import Graph
from harness.backends.onnxruntime.sessions import session_options

Floats = npt.NDArray[np.float32]
Range = list[float]

RECTIFIERS = ("Relu", "Clip")
KEEPING = frozenset(
    {
        *("AveragePool", "Flatten", "Gather", "GatherElements", "MaxPool", "Pad", "Reshape"),
        *("Resize", "Slice", "Split", "Squeeze", "TopK", "Transpose", "Unsqueeze"),
    }
)
"""Operators whose output is stored with the parameters of their input where that is stored too
(onnxruntime.quantization: registry.py, ``quantize_output_same_as_input``)."""


def activations(
    floats: Graph, codes: Graph, model: Path, *, calibration: Floats, workspace: Path
) -> tuple[list[dict[str, Any]], list[str]]:
    """Each quantized tensor's parameters, and those that the float model does not have.

    ``model``: the file of ``floats``, which is run on each of the images.
    """
    stored = tuple(_stored(floats, codes))
    names, known = frozenset(name for name, _ in stored), {node.output[0] for _, node in stored}
    wanted = {name: tuple(_sources(name, floats, names)) for name in names}
    measured = _ranges(
        model,
        sorted({one for sources in wanted.values() for one in sources}),
        calibration=calibration,
        workspace=workspace,
    )
    found = [
        {
            "tensor": name,
            "layer": floats.maker(name),
            **parameters,
            "ranges": [measured[source] for source in wanted[name]],
        }
        for name, node in stored
        for parameters in _as_stored_and_read(node, codes)
    ]
    unknown = [
        node.input[0]
        for node in codes.graph.node
        if node.op_type == "QuantizeLinear" and node.output[0] not in known
    ]
    return found, unknown


def _stored(floats: Graph, codes: Graph) -> Iterator[tuple[str, NodeProto]]:
    """Each tensor of the float model that is quantized, with the node that does it."""
    for node in codes.graph.node:
        if node.op_type != "QuantizeLinear":
            continue
        readers = codes.readers.get(node.output[0], [])
        names = (node.input[0], *(reader.output[0] for reader in readers))
        name = next((one for one in names if floats.has(one)), None)
        if name is not None:
            yield name, node


def _sources(name: str, floats: Graph, stored: frozenset[str]) -> Iterator[str]:
    """The tensors in whose range a tensor may be stored; "" stands for 0 to 1."""
    readers, made = floats.readers.get(name, []), floats.made.get(name)
    if len(readers) == 1 and readers[0].op_type in RECTIFIERS:
        yield readers[0].output[0]
    elif made is not None and made.op_type == "Softmax":
        yield ""
    else:
        yield name
    if made is not None and made.op_type in KEEPING and made.input[0] in stored:
        yield from _sources(made.input[0], floats, stored)


def _as_stored_and_read(node: NodeProto, codes: Graph) -> Iterator[dict[str, Any]]:
    """The parameters of a quantized tensor, and those by which it is read, where they differ."""
    ways = {_parameters(node, codes): "stored"}
    for reader in codes.readers.get(node.output[0], []):
        if reader.op_type == "DequantizeLinear":
            ways.setdefault(_parameters(reader, codes), "read")
    for (scale, zero_point, kind), way in ways.items():
        yield {"scale": scale, "zero_point": zero_point, "type": kind, "way": way}


def _parameters(node: NodeProto, codes: Graph) -> tuple[float, int, str]:
    zero_point = codes.zero_point(node)
    return float(codes.scale(node).max()), int(zero_point.max()), zero_point.dtype.name


def _ranges(
    model: Path, names: Sequence[str], *, calibration: Floats, workspace: Path
) -> dict[str, Range | None]:
    """The smallest and the largest value of each tensor over all images, one image at a time.

    Nothing but these values leaves the runtime, so that memory does not grow with the images or
    with the network's tensors. Nodes run as they stand, as when quantizers calibrate: fused ones
    would be no faster, and move ranges by 2e-6.
    """
    found: dict[str, Range | None] = {"": [0.0, 1.0]}
    wanted = [name for name in names if name]
    if not wanted:
        return found
    extended = workspace / "ranges.onnx"
    try:
        _extend(model, extended, wanted)
        options = session_options(threads=1)
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(
            str(extended), options, providers=["CPUExecutionProvider"]
        )
        (image,) = session.get_inputs()
        outputs = [one.name for one in session.get_outputs()][-2 * len(wanted) :]
        seen = np.array(
            [
                session.run(outputs, {image.name: calibration[index : index + 1]})
                for index in range(len(calibration))
            ],
            dtype=np.float64,
        )
    finally:
        extended.unlink(missing_ok=True)
    lowest, highest = seen[:, 0::2].min(axis=0), seen[:, 1::2].max(axis=0)
    for name, low, high in zip(wanted, lowest, highest, strict=True):
        found[name] = [float(low), float(high)] if np.isfinite((low, high)).all() else None
    return found


def _extend(model: Path, extended: Path, names: Sequence[str]) -> None:
    """A copy of a model that gives the extremes of these tensors too.

    Messages that are written one after the other are read as one, with their lists joined
    (protobuf.dev/programming-guides/encoding, "last one wins"), so the weights are never read.
    """
    added = ModelProto()
    for index, name in enumerate(names):
        for operator in ("ReduceMin", "ReduceMax"):
            output = f"zoo_range_{index}_{operator}"
            added.graph.node.append(make_node(operator, [name], [output], output, keepdims=0))
            added.graph.output.append(make_tensor_value_info(output, TensorProto.FLOAT, []))
    shutil.copyfile(model, extended)
    with extended.open("ab") as file:
        file.write(added.SerializeToString())
