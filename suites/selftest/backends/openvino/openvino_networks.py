"""A small network as ONNX, with every kind of layer whose quantization can go wrong on its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper
from onnx.parser import parse_model

Floats = npt.NDArray[np.float32]

SIDE, CLASSES = 16, 10
HEAVY = 5  # four convolutions, of which one is grouped and one depthwise, and a matrix product
LAYERS = {"Convolution": 4, "FullyConnected": 1}
"""What is to be executed of them."""

NETWORK = """
<ir_version: 8, opset_import: ["" : 17]>
network (float[batch,3,16,16] input) => (float[batch,10] output)
<float[16,3,3,3] stem_w, float[16] stem_b, float[16,4,3,3] grouped_w, float[16] grouped_b,
 float[16,1,3,3] depthwise_w, float[16] depthwise_b, float[32,16,1,1] wide_w, float[32] wide_b,
 float[10,32] readout_w, float[10] readout_b>
{
    stem = Conv <pads = [1,1,1,1], strides = [2,2]> (input, stem_w, stem_b)
    stem_act = Relu (stem)
    pooled = MaxPool <kernel_shape = [3,3], pads = [1,1,1,1], strides = [1,1]> (stem_act)
    grouped = Conv <group = 4, pads = [1,1,1,1]> (pooled, grouped_w, grouped_b)
    joined = Add (grouped, pooled)
    joined_act = Relu (joined)
    depthwise = Conv <group = 16, pads = [1,1,1,1]> (joined_act, depthwise_w, depthwise_b)
    depthwise_act = Relu (depthwise)
    wide = Conv (depthwise_act, wide_w, wide_b)
    wide_act = Relu (wide)
    mean = GlobalAveragePool (wide_act)
    flat = Flatten (mean)
    output = Gemm <transB = 1> (flat, readout_w, readout_b)
}
"""


def images(count: int, *, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).standard_normal((count, 3, SIDE, SIDE), np.float32)


def write_network(path: Path, *, planted: Mapping[str, float] = {}) -> Path:
    """Write the network; ``planted`` replaces the first value of the parameters it names."""
    model, random = parse_model(NETWORK), np.random.default_rng(0)
    for declared in model.graph.value_info:
        shape = [dim.dim_value for dim in declared.type.tensor_type.shape.dim]
        deviation = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.1
        values = random.normal(0.0, deviation, shape).astype(np.float32)
        values.flat[0] = planted.get(declared.name, values.flat[0])
        model.graph.initializer.append(numpy_helper.from_array(values, declared.name))
    del model.graph.value_info[:]
    for node in model.graph.node:
        node.name = node.output[0]
    onnx.save(model, path)
    return path
