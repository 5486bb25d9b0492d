"""What a backend is examined on: one network in both formats, images, and what is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.backends.backend import Build, Precision
from harness.expected.buildconfig import (
    BackendSection,
    BuildConfig,
    DatasetSection,
    Frontend,
    Normalize,
    Quantize,
    Resize,
    ToTensor,
)
from harness.images.preprocessing import preprocess_many
from harness.images.scenes import scenes

Floats = npt.NDArray[np.float32]

SIZE = 32  # pixels, height and width
IMAGES = 6  # that backends are run on
CALIBRATION_IMAGES = 32  # with fewer, ranges are too narrow for other images
_IMAGES_SEED, _CALIBRATION_SEED = 11, 12

CONFIG = BuildConfig(
    name="conformance",
    frontend=Frontend("input", (1, 3, SIZE, SIZE), "onnx", "exam.onnx", "fp32"),
    backend=BackendSection("onnxruntime", "int8", Quantize("max", per_channel=True)),
    dataset=DatasetSection(
        "scenes",
        CALIBRATION_IMAGES,
        (
            Resize((SIZE, SIZE)),
            Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ToTensor(),
        ),
    ),
    workspace=".",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkUnderTest:
    """A network, images for it, and its logits in float64.

    Attributes:
        models: format to file; the same weights in each, the number of images left open.
        config: how to calibrate and quantize, and the preprocessing.
        calibration: as in :class:`harness.backends.backend.Build`.
        tensors: preprocessed images, float32 (n, 3, height, width).
        logits64: what is right for them, (n, classes).
    """

    models: Mapping[str, Path]
    config: BuildConfig
    calibration: Path
    tensors: Floats
    logits64: npt.NDArray[np.float64]

    def build(self, model: Path, precision: Precision) -> Build:
        """What a backend is asked to compile."""
        return Build(
            model=model,
            precision=precision,
            config=self.config,
            calibration=self.calibration,
        )


def make_subject(folder: Path) -> NetworkUnderTest:
    """Make the suite's own subject, its files in an empty folder. Needs torch and onnx."""
    from harness.backends.kit import network

    tensors = _images(IMAGES, seed=_IMAGES_SEED)
    calibration = _images(CALIBRATION_IMAGES, seed=_CALIBRATION_SEED)
    np.save(folder / "calibration.npy", calibration)
    exam_network = network.fitted(calibration)
    return NetworkUnderTest(
        models=network.exported(exam_network, folder, size=SIZE),
        config=CONFIG,
        calibration=folder / "calibration.npy",
        tensors=tensors,
        logits64=network.logits64(exam_network, tensors),
    )


def _images(count: int, *, seed: int) -> Floats:
    """Scenes, thinned out to the network's size and preprocessed."""
    whole = scenes(count, seed=seed)
    thin = whole[:, :: whole.shape[1] // SIZE, :: whole.shape[2] // SIZE][:, :SIZE, :SIZE]
    return preprocess_many(thin, CONFIG.process_ops)
