"""What the embedded backend's int8 leaves of an input tensor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.errors import CalibrationError
from harness.expected.buildconfig import read_build_config
from harness.images.pipelines import Floats
from harness.images.sets import embedded_sets

LARGEST = 255  # unsigned activations of eight bits


@dataclass(frozen=True, slots=True)
class InputScale:
    """Value of one step of the input's integers, and the integer that stands for zero."""

    scale: float
    zero_point: int


def embedded_scale(expected: Path) -> InputScale:
    """The embedded backend's scale of its input: from the embedded calibration images."""
    config = read_build_config(expected / "build" / "embedded.yaml")
    return calibrated(embedded_sets(config).calibration.images)


def calibrated(images: Floats) -> InputScale:
    """From the least to the greatest value of calibration images, zero included.

    As ONNX Runtime's ``compute_scale_zp`` for calibration by minimum and maximum; float32.

    Raises:
        CalibrationError: there is no finite value, or none but zero.
    """
    least = min(0.0, float(np.min(images, initial=0.0)))
    most = max(0.0, float(np.max(images, initial=0.0)))
    if not (np.isfinite(most - least) and most > least):
        raise CalibrationError(f"images range from {least:g} to {most:g}, expected finite numbers")
    scale = np.float32((np.float64(most) - np.float64(least)) / LARGEST)
    return InputScale(float(scale), round(-least / float(scale)))


def quantized(values: Floats, input_scale: InputScale) -> Floats:
    """Values as the int8 network reads them: rounded to steps, ends cut off. NaN stays NaN."""
    scale, zero = np.float32(input_scale.scale), np.float32(input_scale.zero_point)
    steps = np.clip(np.rint(values / scale) + zero, 0, LARGEST)
    result: Floats = ((steps - zero) * scale).astype(np.float32)
    return result
