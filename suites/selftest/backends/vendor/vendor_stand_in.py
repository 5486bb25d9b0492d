"""The stand-in toolchain, a tiny network and its recipe, for the tests of the vendor backend."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import psutil
from onnx import numpy_helper
from onnx.parser import parse_model

from harness.backends.vendor import Toolchain, find_toolchain
from harness.expected.buildconfig import (
    BackendSection,
    BuildConfig,
    CenterCrop,
    DecodeImage,
    Frontend,
    Normalize,
    Quantize,
    Resize,
    ToTensor,
)

TOOLS = Path(__file__).resolve().parents[4] / "fixtures/vendor_toolchain"
SIDE, CLASSES = 32, 10
LONG_S = 60.0  # seconds nothing here takes

NETWORK = """
<ir_version: 8, opset_import: ["" : 13], producer_name: "test">
network (float[batch,3,32,32] input) => (float[batch,10] output)
<float[8,3,3,3] conv_w, float[16,8,3,3] next_w, float[16,10] fc_w>
{
    conv = Conv <pads = [1,1,1,1], strides = [2,2]> (input, conv_w)
    act = Relu (conv)
    next = Conv <pads = [1,1,1,1], strides = [2,2]> (act, next_w)
    nextact = Relu (next)
    pooled = GlobalAveragePool (nextact)
    flat = Flatten (pooled)
    output = MatMul (flat, fc_w)
}
"""

RECIPE = BuildConfig(
    name="tiny",
    frontend=Frontend("input", (1, 3, SIDE, SIDE), "onnx", "unset", "fp32"),
    backend=BackendSection("tvm_vacc", "int8", Quantize("max", True), cluster_mode=0),
    workspace="unset",
    dataset=None,
)
STEPS = (
    DecodeImage(),
    Resize((40, 40)),
    CenterCrop((SIDE, SIDE)),
    Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ToTensor(),
)


def stand_in(fault: str = "", **environment: str) -> Toolchain:
    """The stand-in, told to misbehave; it finds this interpreter's libraries."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    told: Mapping[str, str] = {"PATH": path, "VENDOR_STANDIN_FAULT": fault, **environment}
    return find_toolchain(TOOLS, environment=told)


def write_network(path: Path) -> None:
    """A network of three layers with drawn weights."""
    model = parse_model(NETWORK)
    random = np.random.default_rng(1)
    for declared in model.graph.value_info:
        shape = [dim.dim_value for dim in declared.type.tensor_type.shape.dim]
        values = random.standard_normal(shape, np.float32) / np.sqrt(np.prod(shape[:-1]) / 8)
        values = values.astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, declared.name))
    del model.graph.value_info[:]
    onnx.save(model, path)


def picture(index: int) -> npt.NDArray[np.uint8]:
    """A picture of blobs, uint8 (height, width, 3), at a size of its own."""
    random = np.random.default_rng(100 + index)
    blobs = random.integers(0, 256, (5, 6, 3)).repeat(9 + index % 3, 0).repeat(11, 1)
    return np.clip(blobs + random.normal(0, 6, blobs.shape), 0, 255).astype(np.uint8)


def sqnr_db(reference: npt.NDArray[np.float32], measured: npt.NDArray[np.float32]) -> float:
    """Signal (the spread between images) to noise, in dB."""
    signal = reference - reference.mean(axis=0)
    return float(10 * np.log10((signal**2).mean() / ((measured - reference) ** 2).mean()))


def wait_until_gone(pid: int) -> None:
    """Return once a process has ended; a zombie has."""
    deadline = time.monotonic() + LONG_S
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)
