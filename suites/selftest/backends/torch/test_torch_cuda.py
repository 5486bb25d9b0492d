"""The CUDA backend where there is no CUDA: why it is missing, and what it would tell torch.

What a device computes is shown by the conformance kit and by the gate, on a host that has one.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from harness.backends.backend import Host
from harness.backends.torch import backend as kinds
from harness.backends.torch import torchscript
from harness.backends.torch.backend import TorchCuda
from harness.errors import MissingBackend, OutOfDeviceMemory

DRIVER = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build\n"


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A host that has a driver, simulated."""
    monkeypatch.setattr(ctypes, "CDLL", lambda name: name)
    (tmp_path / "version").write_text(DRIVER, encoding="utf-8")
    monkeypatch.setattr(kinds, "DRIVER_VERSION", tmp_path / "version")


@pytest.fixture
def device(driver: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """A host that has one device, simulated."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "a device")


def test_without_a_driver_that_is_known_before_torch_is_imported() -> None:
    code = (
        "import ctypes, sys\n"
        "from harness.backends.backend import Host\n"
        "from harness.backends.torch import backend as kinds\n"
        "from harness.errors import MissingBackend\n"
        "kinds.DRIVER = 'libno-such-driver.so.1'\n"
        "try:\n"
        "    kinds.TorchCuda(Host()).tools()\n"
        "except MissingBackend as error:\n"
        "    assert str(error).startswith('no CUDA device: no driver'), error\n"
        "    sys.exit('torch' in sys.modules)\n"
        "sys.exit(2)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.usefixtures("driver")
def test_a_driver_without_a_device_is_no_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MissingBackend, match=r"^no CUDA device: torch .* finds none"):
        TorchCuda(Host()).tools()
    with pytest.raises(MissingBackend, match="no CUDA device"):
        TorchCuda(Host()).session(Path("model.pt"), precision="fp32")


@pytest.mark.usefixtures("device")
def test_a_card_that_is_not_there_is_named() -> None:
    with pytest.raises(MissingBackend, match="no CUDA device 3: there are 1"):
        TorchCuda(Host(cards=(3,))).tools()


@pytest.mark.usefixtures("device")
def test_tools_name_the_device_and_all_versions_simulated() -> None:
    tools = TorchCuda(Host()).tools()
    assert set(tools) == {"torch", "cuda", "cudnn", "driver", "device", "capability"}
    assert (tools["device"], tools["capability"], tools["driver"]) == (
        "a device",
        "9.0",
        "580.95.05",
    )


@pytest.mark.usefixtures("device")
def test_a_driver_that_does_not_say_its_version_is_unknown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kinds, "DRIVER_VERSION", tmp_path / "absent")
    assert TorchCuda(Host()).tools()["driver"] == "unknown"


SWITCHES = [
    (torch.backends.cudnn, "allow_tf32", False),
    (torch.backends.cudnn, "deterministic", True),
    (torch.backends.cudnn, "benchmark", False),
    (torch.backends.cuda.matmul, "allow_tf32", False),
    (torch.backends.cuda.matmul, "allow_fp16_reduced_precision_reduction", False),
    (torch.backends.cuda.matmul, "allow_bf16_reduced_precision_reduction", False),
]


@pytest.fixture
def switches() -> Iterator[None]:
    """torch's switches the other way round, and afterwards as they were."""
    before = [getattr(owner, name) for owner, name, _ in SWITCHES]
    for owner, name, wanted in SWITCHES:
        setattr(owner, name, not wanted)
    yield
    for (owner, name, _), value in zip(SWITCHES, before, strict=True):
        setattr(owner, name, value)


@pytest.mark.usefixtures("switches")
def test_float32_is_computed_in_float32_and_the_same_twice() -> None:
    torchscript.settle_cuda()
    assert [getattr(owner, name) for owner, name, _ in SWITCHES] == [one for *_, one in SWITCHES]


class Convolutions(TorchDispatchMode):
    """What the convolutions that are executed are told of TF32."""

    def __init__(self) -> None:
        super().__init__()
        self.allowed: list[object] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket.__name__ == "_convolution":
            self.allowed.append(args[torchscript.ALLOW_TF32])
        return func(*args, **(kwargs or {}))


class Nested(torch.nn.Module):
    """Convolutions in two depths, and weights that two of them share."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1), torch.nn.Conv2d(3, 3, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        again = torch.nn.functional.conv2d(self.inner(images), self.inner[1].weight)
        return again.mean((2, 3))


@pytest.mark.usefixtures("switches")
@pytest.mark.shows(
    "fp32 on a CUDA device keeps ten bits, since the export was traced with TF32 allowed",
    by="loading takes TF32 out of every convolution",
)
def test_what_a_file_was_traced_with_does_not_bring_tf32_back(tmp_path: Path) -> None:
    images = np.random.default_rng(0).normal(size=(2, 3, 4, 4)).astype(np.float32)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        traced = torch.jit.trace(Nested().eval(), torch.from_numpy(images))
        torch.jit.save(traced, str(tmp_path / "a.pt"))
        as_it_is = torch.jit.load(str(tmp_path / "a.pt"))
    before, after = Convolutions(), Convolutions()
    with before, torch.no_grad():
        expected = as_it_is(torch.from_numpy(images))
    session = torchscript.TorchScriptSession(tmp_path / "a.pt")
    with after:
        logits = session.logits(images)
    assert before.allowed == [True] * 3
    assert after.allowed == [False] * 3
    assert np.array_equal(logits, expected.numpy())


def test_out_of_memory_has_a_name_of_its_own_simulated(tmp_path: Path) -> None:
    class Full:
        def __call__(self, _: Any) -> Any:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        torch.jit.save(torch.jit.script(torch.nn.ReLU()), str(tmp_path / "a.pt"))
    session = torchscript.TorchScriptSession(tmp_path / "a.pt")
    session._module = Full()
    with pytest.raises(OutOfDeviceMemory, match=r"batch of 2: CUDA out of memory"):
        session.logits(np.zeros((2, 3, 4, 4), np.float32))
