"""MobileNetV2 in int8 with one thing wrong: in its images, its calibration, or its weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx.helper import get_node_attr_value

from benchmarks.fault_injection import LEVELS, QuantizedModel
from harness.backends.onnxruntime.sessions import OnnxRuntimeSession, compile_int8

Floats = NDArray[np.float32]

MEAN = np.array([0.485, 0.456, 0.406], np.float32)[:, None, None]
STD = np.array([0.229, 0.224, 0.225], np.float32)[:, None, None]
NOISES = 16  # images
FIRST_DEPTHWISE, MIDDLE = 1, 26
"""Places of layers. The first one at four bits costs several points, the middle one none."""


class Altered:
    """A session whose images are altered on their way."""

    def __init__(self, session: OnnxRuntimeSession, alter: Callable[[Floats], Floats]) -> None:
        self._session, self._alter = session, alter

    def logits(self, images: Floats) -> Floats:
        return self._session.logits(np.ascontiguousarray(self._alter(images)))


def swapped(images: Floats) -> Floats:
    """BGR."""
    return images[:, ::-1]


def unnormalized(images: Floats) -> Floats:
    """Levels from 0 to 1."""
    return images * STD + MEAN


def calibrated_on_noise(model: Path, folder: Path) -> Path:
    """Compile with images of which every pixel is random."""
    levels = np.random.default_rng(0).integers(0, 256, (NOISES, 3, 224, 224))
    noise = ((levels.astype(np.float32) / 255 - MEAN) / STD).astype(np.float32)
    compiled = folder / "noise.onnx"
    how = {"calibrate_mode": "max", "per_channel": True, "workspace": folder}
    compile_int8(model, compiled, calibration=noise, **how)
    return compiled


def four_bits(compiled: Path, folder: Path, *, place: int) -> Path:
    """Give the weights of one layer 15 levels."""
    model = QuantizedModel(compiled)
    layer = model.layers[place]
    quantized, scale, _ = layer.weights.input
    codes = model.values(quantized).astype(np.float64)
    model.replace(quantized, np.rint(codes * LEVELS[4] / LEVELS[8]))
    model.replace(scale, model.scale(layer.weights) * LEVELS[8] / LEVELS[4])
    model.rescale_bias(layer)
    copy = folder / f"four-bits-{place}.onnx"
    copy.write_bytes(model.proto.SerializeToString())
    return copy


def groups(compiled: Path, place: int) -> int:
    """The groups of a convolution; more than one where it is depthwise."""
    return int(get_node_attr_value(QuantizedModel(compiled).layers[place].node, "group"))
