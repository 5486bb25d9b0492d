"""What a build config says, and its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from harness.errors import ExpectationError
from harness.expected.buildconfig.process_ops import ProcessOp, plain


@dataclass(frozen=True, slots=True)
class Frontend:
    """What is compiled: a network with one image input, (batch, 3, height, width)."""

    input_name: str
    input_shape: tuple[int, int, int, int]
    type: str
    checkpoint: str
    dtype: str


@dataclass(frozen=True, slots=True)
class Quantize:
    """How int8 scales are found."""

    calibrate_mode: str
    per_channel: bool


@dataclass(frozen=True, slots=True)
class BackendSection:
    """What compiles, and how; an fp16 build may be without ``quantize``."""

    type: str
    dtype: str
    quantize: Quantize | None = None
    cluster_mode: int | None = None


@dataclass(frozen=True, slots=True)
class DatasetSection:
    """How many images calibrate, and what is done to each; scenes have no path and no suffix."""

    type: str
    images: int
    process_ops: tuple[ProcessOp, ...]
    path: str | None = None
    suffix: str | None = None


@dataclass(frozen=True, slots=True)
class BuildConfig:
    """One file; an fp16 build may be without ``dataset``. ``extra_ops`` end the graph, if any."""

    name: str
    frontend: Frontend
    backend: BackendSection
    workspace: str
    dataset: DatasetSection | None = None
    extra_ops: str | None = None

    @property
    def quantize(self) -> Quantize:
        """How int8 scales are found.

        Raises:
            ExpectationError: an fp16 build, which does not say.
        """
        if self.backend.quantize is None:
            raise ExpectationError(f"build config {self.name!r} has no backend.quantize")
        return self.backend.quantize

    @property
    def process_ops(self) -> tuple[ProcessOp, ...]:
        """The preprocessing.

        Raises:
            ExpectationError: an fp16 build without images.
        """
        return self._dataset.process_ops

    @property
    def calibration_images(self) -> int:
        """Number of images to calibrate on.

        Raises:
            ExpectationError: an fp16 build without images.
        """
        return self._dataset.images

    @property
    def _dataset(self) -> DatasetSection:
        if self.dataset is None:
            raise ExpectationError(f"build config {self.name!r} has no dataset")
        return self.dataset


def render(config: BuildConfig) -> str:
    """The text of a file that reads back as the same config."""
    frontend = config.frontend
    document: dict[str, Any] = {
        "name": config.name,
        "frontend": {
            "shape": {frontend.input_name: list(frontend.input_shape)},
            "type": frontend.type,
            "checkpoint": frontend.checkpoint,
            "dtype": frontend.dtype,
        },
        "backend": _backend(config.backend),
    }
    if config.extra_ops is not None:
        document["graph"] = {"extra_ops": {"type": config.extra_ops}}
    if config.dataset is not None:
        document["dataset"] = _dataset(config.dataset)
    document["workspace"] = {"path": config.workspace}
    return yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=100)


def _backend(backend: BackendSection) -> dict[str, object]:
    said: dict[str, object] = {"type": backend.type, "dtype": backend.dtype}
    if backend.cluster_mode is not None:
        said["compile"] = {"cluster_mode": backend.cluster_mode}
    if backend.quantize is not None:
        said["quantize"] = {
            "calibrate_mode": backend.quantize.calibrate_mode,
            "quantize_per_channel": backend.quantize.per_channel,
        }
    return said


def _dataset(dataset: DatasetSection) -> dict[str, object]:
    place = {} if dataset.path is None else {"path": dataset.path}
    files = {} if dataset.suffix is None else {"suffix": dataset.suffix}
    return {
        "type": dataset.type,
        **place,
        "sampler": {**files, "get_data_num": dataset.images},
        "process_ops": [plain(op) for op in dataset.process_ops],
    }
