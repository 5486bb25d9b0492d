"""OpenVINO on the CPU, as two backends: with its own quantizer, and on the embedded one's models.

Results depend on the processor, so its instruction sets stand among the tools. Without VNNI or AMX,
products of int8 are summed in pairs that saturate at 16 bits: on a small network logits then differ
by 2 % of the largest (NNCF's model) and 6 % (ONNX Runtime's); with either, they are the same bits.
OpenVINO has no option against it, so int8 is not measured there (``harness.backends.arithmetic``).
In float32 the order of sums follows the instruction set, which is worth 1e-6.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from harness.backends.arithmetic import require_exact
from harness.backends.backend import IN_PROCESS, Build, Host, Precision
from harness.backends.onnxruntime.backend import OnnxRuntime
from harness.backends.processor import processor
from harness.backends.session import Session
from harness.errors import CompileError, MissingBackend, RunError

if TYPE_CHECKING:
    from harness.backends.openvino import sessions as openvino

EXTRA = "install the extra: pip install 'zoo-conformance[openvino]'"
CODE = (
    "backends/session.py",
    "backends/arithmetic.py",
    "backends/openvino/sessions.py",
    "backends/openvino/graph.py",
    "backends/operators.py",
    "backends/openvino/backend.py",
    "exporting",
)


class OpenVino:
    """Compiles by NNCF; fp32 is the export as it is."""

    format: Literal["onnx"] = "onnx"
    precisions: tuple[Precision, ...] = ("fp32", "int8")
    runner = IN_PROCESS
    code = CODE

    def __init__(self, host: Host) -> None:
        """Needs nothing of the host."""

    def compiles(self, precision: Precision) -> str | None:
        """int8 is."""
        return "model.xml" if precision == "int8" else None

    def tools(self) -> Mapping[str, str]:
        """Both libraries, and the processor."""
        return _versions("openvino", "nncf") | {"processor": processor()}

    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:
        """Compile an exported model to int8: ``model.xml`` and ``model.bin``.

        In addition to what every backend says there is ``warnings``: what NNCF could not do as it
        was asked to.
        """
        _versions("openvino", "nncf")
        from harness.backends.openvino import sessions as openvino

        quantize = build.config.backend.quantize
        if build.precision != "int8" or quantize is None:
            raise CompileError("NNCF compiles to int8, with backend.quantize set")
        calibration = np.load(build.calibration, allow_pickle=False)
        compiled = folder / "model.xml"
        warnings = openvino.compile_int8(
            build.model,
            compiled,
            calibration=calibration,
            calibrate_mode=quantize.calibrate_mode,
            per_channel=quantize.per_channel,
        )
        session = _once_run(compiled, calibration[:1])
        executed = session.executed()
        return {
            "heavy": len(session.heavy),
            "unquantized": list(session.unquantized),
            "executed": executed.layers,
            "floating": executed.floating,
            "bytes": compiled.stat().st_size + compiled.with_suffix(".bin").stat().st_size,
            "warnings": list(warnings),
        }

    def session(self, model: Path, *, precision: Precision) -> Session:
        """The file says in which precision it runs."""
        if precision not in self.precisions:
            raise RunError(f"OpenVINO is not run in {precision}, but in {self.precisions}")
        return _session(model, precision)


class OpenVinoQdq:
    """Runs what the embedded backend compiles, so that the two can be held against each other."""

    format: Literal["onnx"] = "onnx"
    precisions: tuple[Precision, ...] = ("fp32", "int8")
    runner = IN_PROCESS
    code = (*OnnxRuntime.code, *(part for part in CODE if part not in OnnxRuntime.code))

    def __init__(self, host: Host) -> None:
        """Needs nothing of the host."""
        self._embedded = OnnxRuntime(host)

    def compiles(self, precision: Precision) -> str | None:
        """int8 is, as in the embedded backend."""
        return self._embedded.compiles(precision)

    def tools(self) -> Mapping[str, str]:
        """The embedded backend's libraries, OpenVINO, and the processor."""
        own = _versions("openvino") | {"processor": processor()}
        return {**self._embedded.tools(), **own}

    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:
        """Compile by the embedded backend: ``model.onnx``; ``executed`` is what OpenVINO makes
        of it."""
        _versions("openvino")
        facts = self._embedded.compile(build, folder)
        image = np.load(build.calibration, mmap_mode="r", allow_pickle=False)[:1]
        executed = _once_run(folder / "model.onnx", np.array(image)).executed()
        return {**facts, "executed": executed.layers, "floating": executed.floating}

    def session(self, model: Path, *, precision: Precision) -> Session:
        """The file says in which precision it runs."""
        if precision not in self.precisions:
            raise RunError(f"OpenVINO is not run in {precision}, but in {self.precisions}")
        return _session(model, precision)


def _versions(*packages: str) -> dict[str, str]:
    missing = [name for name in packages if not _is_installed(name)]
    if missing:
        raise MissingBackend(f"{' and '.join(missing)} not installed; {EXTRA}")
    return {name: version(name) for name in packages}


def _is_installed(package: str) -> bool:
    spec = find_spec(package)
    return spec is not None and spec.origin is not None  # a mere folder of that name has none


@cache
def _require_exact() -> None:
    """Once in a process, before the first model in int8."""
    from harness.backends.openvino import sessions as openvino

    require_exact(openvino.OpenVinoSession, name="OpenVINO")


def _session(model: Path, precision: Precision = "fp32") -> openvino.OpenVinoSession:
    _versions("openvino")
    from harness.backends.openvino import sessions as openvino

    if precision == "int8":
        _require_exact()
    return openvino.OpenVinoSession(model)


def _once_run(compiled: Path, image: openvino.Floats) -> openvino.OpenVinoSession:
    """What is executed is settled when a model first runs."""
    try:
        session = _session(compiled)
        session.logits(image)
    except RunError as error:
        raise CompileError(f"what was compiled cannot be run: {error.message}") from error
    return session
