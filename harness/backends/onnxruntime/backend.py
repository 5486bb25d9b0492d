"""ONNX Runtime on the CPU, as a backend: the embedded default."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from harness.backends.arithmetic import require_exact
from harness.backends.backend import IN_PROCESS, Build, Host, Precision
from harness.backends.processor import processor
from harness.backends.session import Session
from harness.errors import CompileError, RunError

HEAVY_IN_FLOAT = ("Conv", "FusedConv", "Gemm", "FusedGemm", "MatMul", "FusedMatMul")


class OnnxRuntime:
    """Compiles by ONNX Runtime's static quantizer; fp32 is the export as it is."""

    format: Literal["onnx"] = "onnx"
    precisions: tuple[Precision, ...] = ("fp32", "int8")
    runner = IN_PROCESS
    code = (
        "backends/session.py",
        "backends/arithmetic.py",
        "backends/onnxruntime/sessions.py",
        "backends/onnxruntime/constants.py",
        "backends/onnxruntime/parameters.py",
        "backends/onnxruntime/ranges.py",
        "backends/onnxruntime/qdq_graph.py",
        "backends/operators.py",
        "backends/onnxruntime/backend.py",
        "exporting",
    )

    def __init__(self, host: Host) -> None:
        """``host``: how many threads sessions have."""
        self._threads = host.threads

    def compiles(self, precision: Precision) -> str | None:
        """int8 is."""
        return "model.onnx" if precision == "int8" else None

    def tools(self) -> Mapping[str, str]:
        """Both libraries, the quantizer writes with onnx; and the processor."""
        versions = {name: version(name) for name in ("onnxruntime", "onnx")}
        return versions | {"processor": processor()}

    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:
        """Compile an exported model to int8: ``model.onnx``.

        In addition to what every backend may say there are ``calibrate_mode``, and ``output_scale``
        where the logits are stored in int8.
        """
        from harness.backends import operators
        from harness.backends.onnxruntime import (
            parameters as onnxruntime_parameters,
        )
        from harness.backends.onnxruntime import (
            sessions as onnxruntime,
        )
        from harness.backends.onnxruntime.qdq_graph import Graph

        quantize = build.config.backend.quantize
        if build.precision != "int8" or quantize is None:
            raise CompileError("ONNX Runtime compiles to int8, with backend.quantize set")
        with tempfile.TemporaryDirectory(dir=folder) as workspace:
            compiled = folder / "model.onnx"
            calibration = np.load(build.calibration, allow_pickle=False)
            optimized = onnxruntime.compile_int8(
                build.model,
                compiled,
                calibration=calibration,
                calibrate_mode=quantize.calibrate_mode,
                per_channel=quantize.per_channel,
                workspace=Path(workspace),
            )
            parameters = onnxruntime_parameters.read_parameters(
                optimized,
                compiled,
                calibration=calibration,
                per_channel=quantize.per_channel,
                workspace=Path(workspace),
            )
            optimized.unlink()
            executed = onnxruntime.executed_operators(compiled, Path(workspace))
        nodes = operators.read_operators(compiled)
        return {
            "heavy": sum(node.op_type in operators.HEAVY for node in nodes),
            "unquantized": list(operators.unquantized(nodes)),
            "executed": dict(executed),
            "floating": {
                name: count
                for name, count in executed.items()
                if name in HEAVY_IN_FLOAT or name.startswith("NchwcConv")
            },
            "bytes": compiled.stat().st_size,
            "calibrate_mode": quantize.calibrate_mode,
            "parameters": parameters,
            "output_scale": Graph(compiled).output_scale(),
        }

    def session(self, model: Path, *, precision: Precision) -> Session:
        """The file says in which precision it runs."""
        if precision not in self.precisions:
            raise RunError(f"ONNX Runtime runs {' and '.join(self.precisions)}, not {precision}")
        from harness.backends.onnxruntime import sessions as onnxruntime

        if precision == "int8":
            _require_exact()
        return onnxruntime.OnnxRuntimeSession(model, threads=self._threads)


@cache
def _require_exact() -> None:
    """Once in a process, before the first model in int8."""
    from harness.backends.onnxruntime import sessions as onnxruntime

    require_exact(onnxruntime.OnnxRuntimeSession, name="ONNX Runtime")
