"""torch on TorchScript exports, as backends: on the CPU, compiled by inductor, and on CUDA."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from harness.backends.backend import IN_PROCESS, Build, Host, Precision
from harness.backends.session import Session
from harness.errors import CompileError, MissingBackend, RunError

CODE = (
    "backends/session.py",
    "backends/torch/torchscript.py",
    "backends/torch/precisions.py",
    "backends/torch/backend.py",
    "exporting",
)
COMPILED = "model.pt2"
DRIVER = "libcuda.so.1"
COMPILER_SECONDS = 30.0  # to say its version
CPUINFO = Path("/proc/cpuinfo")
DRIVER_VERSION = Path("/proc/driver/nvidia/version")


class TorchCpu:
    """Runs the export on the CPU, in float32 or cast as a whole to half precision."""

    format: Literal["torchscript"] = "torchscript"
    precisions: tuple[Precision, ...] = ("fp32", "fp16", "bf16")
    runner = IN_PROCESS
    code = CODE

    def __init__(self, host: Host) -> None:
        """Needs nothing of the host."""

    def compiles(self, precision: Precision) -> str | None:  # noqa: ARG002
        """Exports are run as they are."""
        return None

    def tools(self) -> Mapping[str, str]:
        """torch, and the processor, by which its kernels are chosen."""
        return {"torch": _torch_version(), "processor": _processor()}

    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:  # noqa: ARG002
        """Nothing is compiled."""
        raise CompileError(
            f"torch runs exports as they are, and compiles none to {build.precision}"
        )

    def session(self, model: Path, *, precision: Precision) -> Session:
        """The export, cast to the precision."""
        _torch_version()
        from harness.backends.torch import torchscript

        return torchscript.TorchScriptSession(model, precision=precision)


class TorchCompiled:
    """Compiles the export to machine code for this processor, by inductor; float32."""

    format: Literal["torchscript"] = "torchscript"
    precisions: tuple[Precision, ...] = ("fp32",)
    runner = IN_PROCESS
    code = (*CODE, "backends/torch/inductor.py")

    def __init__(self, host: Host) -> None:
        """Needs nothing of the host."""

    def compiles(self, precision: Precision) -> str | None:  # noqa: ARG002
        """Always."""
        return COMPILED

    def tools(self) -> Mapping[str, str]:
        """torch, the C++ compiler, and the processor that the code is made for."""
        return {
            "torch": _torch_version(),
            "c++": _compiler_version(),
            "processor": _processor(),
        }

    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:
        """Compile an export: ``model.pt2``."""
        if build.precision not in self.precisions:
            raise CompileError(f"inductor compiles to fp32 here, not to {build.precision}")
        self.tools()
        from harness.backends.torch import inductor as torch_inductor

        images = np.load(build.calibration, mmap_mode="r", allow_pickle=False)
        _, channels, height, width = images.shape
        compiled = folder / COMPILED
        executed = torch_inductor.compile_fp32(
            build.model, compiled, input_shape=(channels, height, width)
        )
        return {"executed": dict(executed), "bytes": compiled.stat().st_size}

    def session(self, model: Path, *, precision: Precision) -> Session:
        """The compiled file."""
        if precision not in self.precisions:
            raise RunError(f"inductor's models here are fp32, not {precision}")
        _torch_version()
        from harness.backends.torch import inductor as torch_inductor

        return torch_inductor.InductorSession(model)


class TorchCuda:
    """Runs the export on a CUDA device: float32 without TF32, or cast to half precision."""

    format: Literal["torchscript"] = "torchscript"
    precisions: tuple[Precision, ...] = ("fp32", "fp16", "bf16")
    runner = IN_PROCESS
    code = CODE

    def __init__(self, host: Host) -> None:
        """``host``: the first of its cards is the device's number."""
        self._device = host.cards[0]

    def compiles(self, precision: Precision) -> str | None:  # noqa: ARG002
        """Exports are run as they are."""
        return None

    def tools(self) -> Mapping[str, str]:
        """torch, CUDA, cuDNN, the driver, and the device.

        Without a driver that is known at once, and torch is not imported.
        """
        release = _torch_version()
        try:
            ctypes.CDLL(DRIVER)
        except OSError:
            raise MissingBackend(f"no CUDA device: no driver, {DRIVER} is not here") from None
        import torch

        if not torch.cuda.is_available():
            raise MissingBackend(f"no CUDA device: torch {release} finds none")
        if self._device >= torch.cuda.device_count():
            count = torch.cuda.device_count()
            raise MissingBackend(f"no CUDA device {self._device}: there are {count}")
        major, minor = torch.cuda.get_device_capability(self._device)
        return {
            "torch": release,
            "cuda": str(torch.version.cuda),
            "cudnn": str(torch.backends.cudnn.version()),  # type: ignore[no-untyped-call]
            "driver": _driver_version(),
            "device": torch.cuda.get_device_name(self._device),
            "capability": f"{major}.{minor}",
        }

    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:  # noqa: ARG002
        """Nothing is compiled."""
        raise CompileError(
            f"torch runs exports as they are, and compiles none to {build.precision}"
        )

    def session(self, model: Path, *, precision: Precision) -> Session:
        """The export, cast to the precision, on the device."""
        self.tools()
        from harness.backends.torch import torchscript

        return torchscript.TorchScriptSession(
            model, precision=precision, device=f"cuda:{self._device}"
        )


def _torch_version() -> str:
    try:
        return version("torch")
    except PackageNotFoundError:
        raise MissingBackend("torch is not installed") from None


def _compiler_version() -> str:
    """The first line that the C++ compiler says of itself; inductor takes the same one."""
    name = os.environ.get("CXX", "g++")
    compiler = shutil.which(name)
    if compiler is None:
        raise MissingBackend(f"inductor needs a C++ compiler, and {name} is not here")
    try:
        said = subprocess.run(
            [compiler, "--version"], capture_output=True, timeout=COMPILER_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise MissingBackend(f"inductor needs a C++ compiler: {name}: {error}") from error
    lines = said.stdout.decode(errors="replace").splitlines()
    return lines[0] if lines else name


def _processor() -> str:
    """The machine and a digest of all that its processor can do.

    Of all: half precision has instructions of its own, and inductor's code is for this very one.
    """
    try:
        text = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    flags = " ".join(sorted(found[1].split())) if found else platform.processor()
    return f"{platform.machine()} {hashlib.sha256(flags.encode()).hexdigest()[:8]}"


def _driver_version() -> str:
    """The driver's own version; "unknown" where the kernel does not say."""
    try:
        text = DRIVER_VERSION.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "unknown"
    found = re.search(r"\b\d{3,}\.\d+(?:\.\d+)?\b", text)
    return found[0] if found else "unknown"
