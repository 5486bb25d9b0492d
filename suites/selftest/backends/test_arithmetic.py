"""int8 sums are exact, or the backend says that they are not here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import helper, numpy_helper

from harness.backends import arithmetic
from harness.backends.arithmetic import require_exact
from harness.backends.backend import Host
from harness.backends.onnxruntime import sessions
from harness.backends.onnxruntime.backend import OnnxRuntime
from harness.backends.onnxruntime.sessions import OnnxRuntimeSession
from harness.backends.registry import backend
from harness.errors import MissingBackend

QEMU = shutil.which("qemu-x86_64")
PACKAGES = Path(np.__file__).parents[1]
REPOSITORY = Path(__file__).resolve().parents[3]
OLD_PROCESSORS = ("Haswell", "Skylake-Server")  # AVX2 and AVX-512, both without VNNI

ASK_ONNXRUNTIME = """
import sys
from functools import partial
from harness.backends.arithmetic import require_exact
from harness.backends.onnxruntime import sessions
from harness.errors import MissingBackend
load = partial(sessions.OnnxRuntimeSession, exact=sys.argv[1] != "as it comes")
try:
    require_exact(load, name="ONNX Runtime")
    print("exact")
except MissingBackend as error:
    print(error)
"""
ASK_OPENVINO = """
from harness.backends.backend import Host
from harness.backends.openvino.backend import OpenVino
from harness.errors import MissingBackend
try:
    OpenVino(Host()).session(None, precision="int8")
except MissingBackend as error:
    print(error)
"""


class Integers:
    """Kernels in NumPy, exact or adding pairs of products into 16 bits."""

    def __init__(self, *, saturating: bool) -> None:
        self.saturating = saturating

    def logits(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        levels = images.reshape(len(images), -1).astype(np.int64)
        products = levels[:, None] * arithmetic._weights().astype(np.int64)
        pairs = products[..., 0::2] + products[..., 1::2]
        if self.saturating:
            pairs = pairs.clip(-(2**15), 2**15 - 1)
        codes = (np.rint(pairs.sum(-1) / arithmetic._STEP) + 128).clip(0, 255) - 128
        return np.asarray(codes * arithmetic._STEP, np.float32)


def test_exact_kernels_pass() -> None:
    require_exact(lambda _: Integers(saturating=False), name="exact")


@pytest.mark.shows(
    "an older processor computes int8 wrongly, and the model is blamed",
    by="exact integers before the first int8 model",
)
def test_kernels_that_saturate_are_not_measured() -> None:
    with pytest.raises(MissingBackend, match=r"of wrong saturate .* \(Conv and MatMul of full"):
        require_exact(lambda _: Integers(saturating=True), name="wrong")


def test_onnxruntime_is_exact_here(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(arithmetic._probe("Conv"))
    assert OnnxRuntime(Host()).session(model, precision="int8") is not None


def said(*command: object, **environment: str) -> str:
    done = subprocess.run(
        [str(one) for one in command],
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY}:{PACKAGES}", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.shows("an older processor computes int8 wrongly, and the model is blamed")
@pytest.mark.skipif(QEMU is None, reason="needs qemu-x86_64, which emulates older processors")
@pytest.mark.parametrize("processor", OLD_PROCESSORS)
def test_onnxruntime_is_exact_on_older_processors(processor: str) -> None:
    python = Path(sys.executable).resolve()
    emulated = (QEMU, "-cpu", processor, python, "-c", ASK_ONNXRUNTIME)
    assert said(*emulated, "as the suite opens it") == "exact"
    assert "the int8 kernels of ONNX Runtime saturate" in said(*emulated, "as it comes")


def test_openvino_says_that_int8_saturates_on_older_processors() -> None:
    """oneDNN takes older kernels where it is told to."""
    try:
        versions = backend("openvino", Host()).tools()
    except MissingBackend as error:
        pytest.skip(str(error))
    if not versions["processor"].startswith("x86_64"):
        pytest.skip("the kernels of x86 alone saturate")
    printed = said(sys.executable, "-c", ASK_OPENVINO, ONEDNN_MAX_CPU_ISA="AVX2")
    assert "the int8 kernels of OpenVINO saturate on this processor" in printed


def test_weights_that_two_layers_share_can_be_run_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runtime's exact kernels fail at the second reader of a tensor (1.32)."""
    path, images = tmp_path / "shared.onnx", np.full((1, 4), 3.0, np.float32)
    onnx.save(_shared_weights(), path)
    logits = {}
    for saturates in (False, True):
        monkeypatch.setattr(sessions, "_saturates", lambda found=saturates: found)
        logits[saturates] = OnnxRuntimeSession(path).logits(images)
    assert logits[True].shape == (1, 4)
    assert np.array_equal(logits[False], logits[True])


def _shared_weights() -> onnx.ModelProto:
    """Two matrix products of int8, one behind the other, with the same weights."""
    nodes = [helper.make_node("DequantizeLinear", ["codes", "scale", "none"], ["weights"])]
    for number in "12":
        given = "input" if number == "1" else "made1"
        made = "logits" if number == "2" else "made1"
        nodes += [
            helper.make_node("QuantizeLinear", [given, "scale", "zero"], [f"q{number}"]),
            helper.make_node("DequantizeLinear", [f"q{number}", "scale", "zero"], [f"d{number}"]),
            helper.make_node("MatMul", [f"d{number}", "weights"], [made]),
        ]
    constants = {
        "scale": np.float32(0.1),
        "zero": np.uint8(128),
        "none": np.int8(0),
        "codes": np.eye(4, dtype=np.int8) * 10,
    }
    tensors = [
        numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    ]
    values = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 4])
        for name in ("input", "logits")
    ]
    graph = helper.make_graph(nodes, "shared", values[:1], values[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
