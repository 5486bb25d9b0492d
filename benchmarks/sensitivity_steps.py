"""The step of ``bench sensitivity`` as it runs in the isolated child process."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.faults import SWAPPED_CHANNELS
from harness.backends.session import run_batches
from harness.expected.buildconfig import BuildConfig
from harness.judging.quantization import RECOMPUTED_MODE, judge_parameters
from harness.records import Outcome
from harness.sources.forms import Batches

Floats = npt.NDArray[np.float32]


def faulty_logits(compiled: Path, images: Path, fault: str, batches: Batches) -> tuple[str, Floats]:
    """Run a faulty copy of an int8 model, on one thread: the tensor at fault, and the logits.

    ``images``: a file of preprocessed float32 images (n, 3, height, width); each of
    ``batches`` names images by position. Result: float32 (images in all batches, classes).

    Raises:
        MeasureError: the model cannot be given the fault.
        RunError: the copy cannot be loaded or run.
    """
    from benchmarks.fault_injection import QuantizedModel, inject
    from harness.backends.onnxruntime.sessions import OnnxRuntimeSession

    evaluation: Floats = np.load(images, allow_pickle=False)
    if fault == SWAPPED_CHANNELS.name:
        swapped = np.ascontiguousarray(evaluation[:, ::-1])
        return "the image", run_batches(OnnxRuntimeSession(compiled), swapped, batches=batches)
    model = QuantizedModel(compiled)
    where = inject(model, fault)
    with tempfile.TemporaryDirectory(prefix="zoo-fault-") as folder:
        copy = Path(folder) / "model.onnx"
        copy.write_bytes(model.proto.SerializeToString())
        del model  # the session needs several times its size
        return where, run_batches(OnnxRuntimeSession(copy), evaluation, batches=batches)


def faulty_parameters(
    model: Path, compiled: Path, calibration: Path, fault: str, config: BuildConfig
) -> str:
    """What is wrong with the parameters of a faulty copy of an int8 model, or "".

    ``model``: the float model that was compiled; ``calibration``: a file of preprocessed images.

    Raises:
        MeasureError: the model cannot be given the fault.
    """
    from benchmarks.fault_injection import QuantizedModel, inject
    from harness.backends.onnxruntime.parameters import read_parameters
    from harness.backends.onnxruntime.sessions import optimize

    faulty, quantize = QuantizedModel(compiled), config.backend.quantize
    inject(faulty, fault)
    with tempfile.TemporaryDirectory(prefix="zoo-fault-") as folder:
        copy = Path(folder) / "model.onnx"
        copy.write_bytes(faulty.proto.SerializeToString())
        del faulty
        parameters = read_parameters(
            optimize(model, Path(folder))[0],
            copy,
            calibration=np.load(calibration, allow_pickle=False),
            per_channel=quantize is None or quantize.per_channel,
            workspace=Path(folder),
        )
    verdict = judge_parameters(parameters, calibrate_mode=RECOMPUTED_MODE)
    return "" if verdict.outcome is Outcome.CONFORMS else str(verdict)
