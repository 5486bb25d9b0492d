"""ONNX Runtime: the embedded backend, with its own static quantizer.

Activations are unsigned and weights signed per channel, which is what x86 runs fast. The model is
quantized in the QDQ form, which says at each tensor how it was quantized.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from harness.backends.arithmetic import require_exact
from harness.backends.operators import read_operators
from harness.errors import CompileError, MissingBackend, RunError

Floats = npt.NDArray[np.float32]

EXACT = "session.x64quantprecision"
"""The option by which sums of bytes do not saturate on x86 without VNNI; slower on any
(``onnxruntime_session_options_config_keys.h``)."""

METHODS = {
    "max": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
    "kl_divergence": CalibrationMethod.Entropy,
}
"""The vendor's calibrate_mode to ONNX Runtime's method."""


def compile_int8(
    model: Path,
    compiled: Path,
    *,
    calibration: Floats,
    calibrate_mode: str,
    per_channel: bool,
    workspace: Path,
) -> Path:
    """Optimize and quantize a float model, opset 13 or later, calibrated on images.

    ``calibration``: preprocessed images (n, 3, height, width), float32. Result: the optimized float
    model, in the workspace.

    Raises:
        CompileError: the quantizer refuses model, mode or images.
    """
    if calibrate_mode not in METHODS:
        raise CompileError(
            f"ONNX Runtime has no calibration method for calibrate_mode {calibrate_mode!r}, "
            f"expected one of {', '.join(METHODS)}"
        )
    try:
        optimized, name = optimize(model, workspace)
        level = logging.root.level
        logging.root.setLevel(logging.ERROR)  # advice to pre-process, which has just been done
        try:
            quantize_static(
                str(optimized),
                str(compiled),
                _Images(name, calibration),
                quant_format=QuantFormat.QDQ,
                per_channel=per_channel,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=METHODS[calibrate_mode],
            )
        finally:
            logging.root.setLevel(level)
    except Exception as error:  # the runtime raises classes of its own, one for each status
        raise CompileError(f"ONNX Runtime: {type(error).__name__}: {error}") from error
    return optimized


def optimize(model: Path, workspace: Path) -> tuple[Path, str]:
    """The float model as it is quantized, with batch norms folded, and the name of its input."""
    optimized = workspace / "optimized.onnx"
    options = session_options(threads=1)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(optimized)
    session = onnxruntime.InferenceSession(str(model), options)
    return optimized, session.get_inputs()[0].name


class _Images(CalibrationDataReader):  # type: ignore[misc]
    """Hands out one image at a time, so that calibration memory does not grow with their number."""

    def __init__(self, name: str, images: Floats) -> None:
        self._feeds: Iterator[dict[str, Floats]] = (
            {name: images[index : index + 1]} for index in range(len(images))
        )

    def get_next(self) -> dict[str, Floats] | None:
        return next(self._feeds, None)


class OnnxRuntimeSession:
    """A model ready to run on one thread.

    Raises:
        RunError: the model cannot be loaded.
    """

    def __init__(
        self,
        model: Path,
        *,
        threads: int = 1,
        executed_to: Path | None = None,
        exact: bool = True,
    ) -> None:
        """``executed_to``: where to write the graph that is really executed, or None.

        ``exact``: as :func:`session_options` takes it.
        """
        options = session_options(threads=threads, exact=exact)
        if executed_to is not None:
            level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
            options.graph_optimization_level = level
            options.optimized_model_filepath = str(executed_to)
        try:
            loaded = _unshared(model) if exact and _saturates() else str(model)
            self._session = onnxruntime.InferenceSession(
                loaded, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise RunError(f"ONNX Runtime cannot load {model.name}: {error}") from error
        self._input = self._session.get_inputs()[0].name

    def logits(self, images: Floats) -> Floats:
        """Run images (n, 3, height, width) as one batch: float32 (n, classes).

        Raises:
            RunError: the runtime refuses the images, or gives another number of outputs.
        """
        try:
            outputs = self._session.run(None, {self._input: images})
        except Exception as error:
            raise RunError(f"ONNX Runtime, batch of {len(images)}: {error}") from error
        if len(outputs) != 1:
            raise RunError(f"the model has {len(outputs)} outputs, expected one")
        return np.asarray(outputs[0])


def _unshared(model: Path) -> bytes | str:
    """A model in which no two nodes read the same int8 weights: its path, or its bytes.

    Under :data:`EXACT` the runtime widens weights where they are read, and fails at the second
    reader ("Attempt to replace the existing tensor").
    """
    if not _shared(onnx.load(str(model), load_external_data=False).graph):
        return str(model)
    whole = onnx.load(str(model))
    tensors = {one.name: one for one in whole.graph.initializer}
    for number, (reader, index, made) in enumerate(_shared(whole.graph)):
        own = onnx.NodeProto()
        own.CopyFrom(made)
        own.name = own.output[0] = reader.input[index] = f"{made.output[0]}:{number}"
        for place, name in enumerate(made.input):  # weights, scale, zero point
            own.input[place] = f"{name}:{number}"
            whole.graph.initializer.add().CopyFrom(tensors[name])
            whole.graph.initializer[-1].name = own.input[place]
        whole.graph.node.insert(list(whole.graph.node).index(reader), own)
    return whole.SerializeToString()


def _shared(graph: onnx.GraphProto) -> list[tuple[onnx.NodeProto, int, onnx.NodeProto]]:
    """Who reads weights that another has read before: node, which input, what dequantizes it."""
    constant = {one.name for one in graph.initializer}
    made = {
        one.output[0]: one
        for one in graph.node
        if one.op_type == "DequantizeLinear" and one.input[0] in constant
    }
    seen: set[str] = set()
    found = []
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name not in made:
                continue
            if made[name].input[0] in seen:
                found.append((node, index, made[name]))
            seen.add(made[name].input[0])
    return found


def executed_operators(model: Path, workspace: Path) -> dict[str, int]:
    """How often each operator stands in the graph that the runtime really executes."""
    executed = workspace / "executed.onnx"
    try:
        OnnxRuntimeSession(model, executed_to=executed)
        return dict(Counter(node.op_type for node in read_operators(executed)))
    finally:
        executed.unlink(missing_ok=True)


def session_options(*, threads: int, exact: bool = True) -> Any:
    """Options under which a model gives the same on every processor, but for float rounding.

    ``exact``: not the fast int8 kernels, where they saturate.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    if exact and _saturates():
        options.add_session_config_entry(EXACT, "1")
    return options


@cache
def _saturates() -> bool:
    """Whether the fast int8 kernels of this processor do; where not, they give the same bits.

    Kernels that are wrong altogether are told before a model in int8 is opened.
    """
    try:
        require_exact(lambda model: OnnxRuntimeSession(model, exact=False), name="ONNX Runtime")
    except MissingBackend:
        return True
    except RunError:
        return False
    return False
