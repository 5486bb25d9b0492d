"""A small network as ONNX text, and ways to write, run and damage it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import numpy_helper
from onnx.parser import parse_model

NETWORK = """
<ir_version: 8, opset_import: ["" : 13], producer_name: "test">
network (float[batch,3,8,8] input) => (float[batch,4] output, float[batch,4] second)
<float[4,3,3,3] conv_w, float[4] conv_b = {0.1, 0.2, 0.3, 0.4}, float[4,4] fc_w>
{
    conv = Conv <pads = [1,1,1,1], strides = [2,2]> (input, conv_w, conv_b)
    act = Relu (conv)
    left = GlobalAveragePool (act)
    right = GlobalMaxPool (act)
    joined = Sub (left, right)
    flat = Flatten (joined)
    output = MatMul (flat, fc_w)
    second = Neg (flat)
}
"""
BRANCHES = """
<ir_version: 8, opset_import: ["" : 13]>
network (float[batch,4] input, bool flag) => (float[batch,4] output)
<float[4] scale = {1, 2, 3, 4}>
{
    doubled = Add (input, input)
    output = If (flag) <
        then_branch = yes () => (float[batch,4] a) { a = Mul (doubled, scale) },
        else_branch = no () => (float[batch,4] b) <float[4] shift = {1, 1, 1, 1}>
            { b = Add (doubled, shift) }
    >
}
"""
FUNCTION = """
<ir_version: 8, opset_import: ["" : 13, "local" : 1]>
network (float[batch,4] input) => (float[batch,4] output) { output = local.twice (input) }
<domain: "local", opset_import: ["" : 13]>
twice (x) => (y) { y = Add (x, x) }
"""


def model(text: str = NETWORK, *, seed: int = 0) -> onnx.ModelProto:
    """Parse a model; weights declared without values are drawn."""
    parsed = parse_model(text)
    random = np.random.default_rng(seed)
    for declared in parsed.graph.value_info:
        shape = [dim.dim_value for dim in declared.type.tensor_type.shape.dim]
        values = random.standard_normal(shape, np.float32)
        parsed.graph.initializer.append(numpy_helper.from_array(values, declared.name))
    del parsed.graph.value_info[:]
    return parsed


def write(path: Path, written: onnx.ModelProto) -> Path:
    path.write_bytes(written.SerializeToString())
    return path


def run(path: Path, *inputs: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Run a model on inputs by position."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    return list(session.run(None, dict(zip(names, inputs, strict=True))))
