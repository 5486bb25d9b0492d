"""int8 sums are exact, or the backend says that they are not here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from harness.backends import arithmetic
from harness.backends.arithmetic import require_exact
from harness.backends.backend import Host
from harness.backends.onnxruntime.backend import OnnxRuntime
from harness.backends.registry import backend
from harness.errors import MissingBackend, RunError

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


@pytest.mark.shows(
    "a runtime that answers wrongly is taken for an old processor, and int8 is not measured",
    by="only the very sums of a processor that saturates are not measured; any others fail",
)
@pytest.mark.parametrize("fault", ["not a number", "one row for another", "outputs moved"])
def test_kernels_that_are_wrong_in_another_way_fail(fault: str) -> None:
    class Wrong(Integers):
        def logits(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
            sums = super().logits(images)
            if fault == "not a number":
                sums[-1, 7] = np.nan
            return {"one row for another": sums[::-1], "outputs moved": np.roll(sums, 1, 1)}.get(
                fault, sums
            )

    with pytest.raises(RunError, match="kernels of wrong are wrong: Conv of full range gives sums"):
        require_exact(lambda _: Wrong(saturating=False), name="wrong")


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
