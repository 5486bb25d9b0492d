"""Networks with their weights; a child keeps the last one, for the other steps of its row."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import psutil

from harness.expected.variants import Variant
from harness.sources import Network, adapter
from harness.sources.fitting import needed_by

Floats = npt.NDArray[np.float32]

FITTED = "fitted.safetensors"
KEPT_BYTES = 5 * 2**29  # resident memory above which networks are not kept for later steps


@dataclass(frozen=True, slots=True)
class Images:
    """Files of preprocessed float32 images (n, 3, height, width), one for each purpose."""

    statistics: Path
    calibration: Path
    evaluation: Path


@dataclass(frozen=True, slots=True)
class Weights:
    """Which weights a network is given: those of a published file, or seeded ones.

    Attributes:
        kind: ``seeded`` weights are drawn on a reference network, and behave like trained ones;
            ``layered`` ones on the network itself, whatever it is.
        identity: what stands in keys.
        path: a ``file``, or of ``seeded`` ones what the step :func:`fit` made.
    """

    kind: Literal["file", "seeded", "layered"]
    identity: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """A row's network: what it is, for which input, and with which weights.

    Attributes:
        size: height and width of the input, in pixels.
        images: ``layered`` weights are fitted to those for statistics.
    """

    variant: Variant
    size: int
    weights: Weights
    images: Images


@lru_cache(maxsize=1)
def network(spec: NetworkSpec) -> Network:
    """The row's network with its weights."""
    variant = spec.variant
    source = adapter(variant.source)
    if spec.weights.kind == "layered":
        from harness.sources.seeded_layers import seeded_layers

        return seeded_layers(variant, spec.size, load(spec.images.statistics))
    built = source.build(variant.model, input_size=spec.size, weightless=True)
    if spec.weights.kind == "seeded":
        from harness.sources import seeded

        tensors = source.from_reference(built, dict(seeded.tensors(reference_of(spec))))
    else:
        from harness.sources import weights as published

        assert spec.weights.path is not None
        needed = needed_by(built)
        tensors = published.load(spec.weights.path, framework=built.framework, needed=needed)
    source.assign(built, tensors)
    return built


def fit(folder: Path, name: str, statistics: Path) -> Mapping[str, Any]:
    """Fit the seeded weights of a reference network, once for all rows that have it."""
    from safetensors.numpy import save_file

    from harness.sources import seeded

    save_file(dict(seeded.fit(name, load(statistics))), folder / FITTED)
    return {"network": name}


def reference_of(spec: NetworkSpec) -> Any:
    """The torch network on which a row's seeded weights are drawn, with them."""
    assert spec.weights.path is not None
    return _reference_network(spec.variant.network, spec.weights.path)


@lru_cache(maxsize=1)
def _reference_network(name: str, fitted: Path) -> Any:
    from safetensors.numpy import load_file

    from harness.sources import seeded

    return seeded.seeded_network(name, load_file(fitted))


@lru_cache(maxsize=1)
def saved_paddle(spec: NetworkSpec) -> tempfile.TemporaryDirectory[str]:
    """A folder with the Paddle network in Paddle's own format."""
    from harness.exporting import paddle_exports

    built = network(spec)
    folder = tempfile.TemporaryDirectory(prefix="zoo-paddle-")
    paddle_exports.save_inference_model(
        built.module, Path(folder.name), input_shape=built.input_shape
    )
    return folder


def make_room() -> None:
    """Give the memory of large networks back before a step that does not use them."""
    if psutil.Process().memory_info().rss > KEPT_BYTES:
        network.cache_clear()
        _reference_network.cache_clear()
        gc.collect()


def load(images: Path) -> Floats:
    """The images of a file."""
    loaded: Floats = np.load(images, allow_pickle=False)
    return loaded
