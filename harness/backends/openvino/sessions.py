"""OpenVINO on the CPU: quantizing by NNCF, and running.

What a build config asks of the quantizer, and what NNCF makes of it:

==================  ================================================================================
``calibrate_mode``  range of an activation
==================  ================================================================================
``max``             smallest to largest value over all images
``percentile``      99.999 % of the values, as ONNX Runtime has it, but of each image by itself: the
                    bounds are averaged over the images, where ONNX Runtime takes all values as one
``mse``             that of the least squared error, from a histogram over all images
``kl_divergence``   refused: NNCF has no such estimator
==================  ================================================================================

``quantize_per_channel`` is about weights; activations have one scale a tensor. All else is NNCF's
default: symmetric scales, half the range for weights of the first convolution (so that processors
without VNNI do not saturate there), and biases that are corrected for the mean error.

OpenVINO and NNCF would report their use over the network and keep a file in the home folder. They
do not where the package that does it cannot be imported, which is what this module sees to.
"""

from __future__ import annotations

import io
import logging
import re
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import CompileError, RunError

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # see above

import openvino  # noqa: E402

from harness.backends.openvino import graph as openvino_graph  # noqa: E402
from harness.backends.openvino.graph import Executed  # noqa: E402
from harness.backends.operators import read_operators  # noqa: E402

Floats = npt.NDArray[np.float32]

PROPERTIES = {
    "INFERENCE_NUM_THREADS": 1,
    "NUM_STREAMS": 1,
    "ENABLE_CPU_PINNING": False,  # or processes side by side would all choose the same core
    "INFERENCE_PRECISION_HINT": "f32",  # or bfloat16, wherever the processor has it
    "EXECUTION_MODE_HINT": "ACCURACY",  # or activations would be quantized as they come
}
"""By which a model computes what its file says, the same on every run."""

MODES = ("max", "mse", "percentile")
PLACE = re.compile(r"(Exception from|Check '.*' failed at) src/")  # in OpenVINO's messages
MADE_UP = re.compile(r"[A-Z][A-Za-z0-9]*_\d+")  # operator and number
CUT_OFF = 0.5e-5  # share of an image's values beyond each bound: 0.001 % in all, as ONNX Runtime


def compile_int8(
    model: Path, compiled: Path, *, calibration: Floats, calibrate_mode: str, per_channel: bool
) -> tuple[str, ...]:
    """Quantize a float ONNX model, calibrated on images one at a time: an ``.xml`` and a ``.bin``.

    ``calibration``: preprocessed images (n, 3, height, width), float32.

    Returns:
        What NNCF warns of.

    Raises:
        CompileError: NNCF has no such mode or refuses model or images; an image or a weight is not
            finite, which NNCF would take without a word.
    """
    if calibrate_mode not in MODES:
        raise CompileError(
            f"NNCF has no range estimator for calibrate_mode {calibrate_mode!r}, "
            f"expected one of {', '.join(MODES)}"
        )
    if not np.isfinite(calibration).all():
        raise CompileError("calibration images hold values that are not finite")
    try:
        # Core.read_model would not fold constants, and NNCF would then take the wrong axes of a
        # grouped convolution's weights for its channels
        converted = _converted(model)
    except Exception as error:
        raise CompileError(f"OpenVINO cannot read {model.name}: {_said(error)}") from error
    if readers := openvino_graph.not_finite(converted):
        raise CompileError(f"weights that are not finite in {', '.join(readers[:5])}")
    warnings: list[str] = []
    try:
        quantized = _quantize(
            converted,
            [calibration[index : index + 1] for index in range(len(calibration))],
            calibrate_mode=calibrate_mode,
            per_channel=per_channel,
            warnings=warnings,
        )
        _number_anew(quantized, given={node.name for node in read_operators(model)})
        openvino.save_model(quantized, compiled, compress_to_fp16=False)
    except Exception as error:
        raise CompileError(f"NNCF: {type(error).__name__}: {_said(error)}") from error
    return tuple(warnings)


def _quantize(
    model: openvino.Model,
    images: list[Floats],
    *,
    calibrate_mode: str,
    per_channel: bool,
    warnings: list[str],
) -> openvino.Model:
    import nncf  # brings torch along, which running does not need
    from nncf.quantization import range_estimator as ranges
    from nncf.quantization.advanced_parameters import QuantizationParameters

    quantile = ranges.StatisticsCollectorParameters(
        ranges.StatisticsType.QUANTILE,
        ranges.AggregatorType.MEAN,
        quantile_outlier_prob=CUT_OFF,
    )
    estimators = {
        "max": ranges.RangeEstimatorParametersSet.MINMAX,
        "mse": ranges.RangeEstimatorParametersSet.HISTOGRAM,
        "percentile": ranges.RangeEstimatorParameters(min=quantile, max=quantile),
    }
    with _quiet(nncf.nncf_logger, warnings):
        return nncf.quantize(
            model,
            nncf.Dataset(images),
            subset_size=len(images),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                activations_quantization_params=QuantizationParameters(per_channel=False),
                weights_quantization_params=QuantizationParameters(per_channel=per_channel),
                activations_range_estimator_params=estimators[calibrate_mode],
            ),
        )


def _number_anew(model: openvino.Model, *, given: Collection[str]) -> None:
    """Rename what the ONNX file gives no name: OpenVINO numbers on and on through a process, and a
    model compiled twice would not be the same file."""
    renamed: dict[str, str] = {}
    for node in model.get_ordered_ops():
        name, slash, part = node.get_friendly_name().partition("/")
        if MADE_UP.fullmatch(name) and name not in given:
            new = renamed.setdefault(name, f"{name.rpartition('_')[0]}.{len(renamed)}")
            node.set_friendly_name(new + slash + part)


def _converted(model: Path) -> Any:
    """The model, constants folded; the root logger's level, which that sets, is set back."""
    level = logging.root.level
    try:
        return openvino.convert_model(model)
    finally:
        logging.root.setLevel(level)


class _Collecting(logging.Handler):
    def __init__(self, warnings: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._warnings = warnings

    def emit(self, record: logging.LogRecord) -> None:
        self._warnings.append(record.getMessage())


@contextmanager
def _quiet(logger: logging.Logger, warnings: list[str]) -> Iterator[None]:
    """Collect NNCF's warnings, and keep its progress bars and torch's advice off the screen."""
    advice = logging.getLogger("torch.utils.cpp_extension")  # about CUDA, which nothing here uses
    handlers, level = logger.handlers, advice.level
    logger.handlers = [_Collecting(warnings)]
    advice.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.handlers = handlers
        advice.setLevel(level)


class OpenVinoSession:
    """A model ready to run on one thread, in float32 wherever it is not int8.

    Attributes:
        heavy: names of the convolutions and matrix products in the file.
        unquantized: names of those that are not int8 in the file.

    Raises:
        RunError: the model cannot be loaded, has other than one input and one output, or would run
            in half precision.
    """

    def __init__(self, model: Path) -> None:
        """``model``: ``.onnx``, or ``.xml`` with its ``.bin`` beside it."""
        try:
            core = openvino.Core()
            read = core.read_model(model)
            self._compiled = core.compile_model(read, "CPU", PROPERTIES)
            self._request = self._compiled.create_infer_request()
        except Exception as error:
            raise RunError(f"OpenVINO cannot load {model.name}: {_said(error)}") from error
        ends = len(self._compiled.inputs), len(self._compiled.outputs)
        if ends != (1, 1):
            raise RunError(
                f"the model has {ends[0]} inputs and {ends[1]} outputs, expected 1 and 1"
            )
        self.heavy = openvino_graph.heavy(read)
        self.unquantized = openvino_graph.unquantized(read)
        self._in_use = threading.Lock()
        if half := self.executed().half:
            raise RunError(f"OpenVINO would run {model.name} in half precision: {half}")

    def logits(self, images: npt.NDArray[Any]) -> Floats:
        """Run images (n, 3, height, width) as one batch: float32 (n, classes).

        Raises:
            RunError: the images are none, not float32, or of another shape than the model takes.
        """
        if images.dtype != np.float32:  # would be converted without a word
            raise RunError(f"the images are {images.dtype}, expected float32")
        if len(images) == 0:  # would give one output
            raise RunError("a batch of no images")
        with self._in_use:
            try:
                # with copied inputs it would not look at their shape
                outputs = self._request.infer([images], share_inputs=True)
            except Exception as error:
                raise RunError(f"OpenVINO, batch of {len(images)}: {_said(error)}") from error
            return np.asarray(outputs[0])

    def executed(self) -> Executed:
        """The layers that are really executed; all are known once something was run."""
        return openvino_graph.executed(self._compiled.get_runtime_model(), products=self.heavy)


def _said(error: Exception) -> str:
    """What went wrong, without the places in OpenVINO's sources."""
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(line for line in lines if not PLACE.match(line)).strip() or str(error)
