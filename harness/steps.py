"""The steps as they run in the isolated child process: each writes its files and returns facts.

A step never judges. What it made and what it saw goes into the artifact store, so that a judgement
can be made again, and differently, without building anything.

A child keeps the last network it built, so that the steps of a row build it once.
"""

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

from harness.artifacts import JSON
from harness.backends.session import Session, run_batches
from harness.forms import Batches, Route
from harness.sources import Network, adapter
from harness.sources.variants import Variant

Floats = npt.NDArray[np.float32]
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

    ``identity`` is what stands in keys.
    """

    kind: Literal["file", "seeded"]
    identity: str
    path: Path | None = None


# ── counting ──────────────────────────────────────────────────────────────────────────────────


def count(
    folder: Path,  # noqa: ARG001 - every step has one
    variant: Variant,
    size: int,
    rules: tuple[str, ...],
) -> Mapping[str, JSON]:
    """Count the network under each rule, without giving it weights."""
    from harness.complexity import rules as counting

    network = adapter(variant.source).build(variant.model, input_size=size, weightless=True)
    counted = counting.count_all(
        network.countable, network.framework, input_shape=network.input_shape, rules=rules
    )
    return {
        "counts": {
            rule: {"operations": counts.operations, "params": counts.params}
            for rule, counts in counted.items()
        }
    }


# ── the source framework ──────────────────────────────────────────────────────────────────────


def reference(
    folder: Path, variant: Variant, size: int, weights: Weights, images: Images, count: int
) -> Mapping[str, JSON]:
    """Run the network in its own framework on ``count`` images, and in float64 on the first."""
    probes = _load(images.evaluation)[:count]
    network = _network(variant, size, weights, images)
    np.save(folder / "logits.npy", adapter(variant.source).logits(network, probes))
    np.save(folder / "logits64.npy", _double(network, variant, weights, images, probes[:1]))
    return {"weights": weights.identity, "framework": network.framework}


def _double(
    network: Network, variant: Variant, weights: Weights, images: Images, probes: Floats
) -> npt.NDArray[np.float64]:
    """The logits in float64, by torch: for a Paddle network through its reference network."""
    from harness.sources import seeded, torch_networks

    if network.framework == "torch":
        return torch_networks.logits64(network, probes)
    if weights.kind == "seeded":
        twin = _reference_network(variant.network, images.statistics)
    else:
        twin = seeded.reference_like(variant.network, network)
    return torch_networks.logits64(Network("torch", twin, twin, network.input_shape), probes)


# ── exporting ─────────────────────────────────────────────────────────────────────────────────


def export_torchscript(
    folder: Path, variant: Variant, size: int, weights: Weights, images: Images
) -> Mapping[str, JSON]:
    """Trace and save the network, twice: ``model.pt``."""
    from harness.exporters import torch_exports
    from harness.exporters.torchscript_canonical import canonical_digest
    from harness.exporters.torchscript_inspection import inspect_torchscript

    network = _network(variant, size, weights, images)
    path = folder / "model.pt"
    torch_exports.export_torchscript(network.module, path, input_shape=network.input_shape)
    facts = dict(inspect_torchscript(path))
    if not facts["complete"]:
        return facts
    with tempfile.TemporaryDirectory(dir=folder) as again:
        second = Path(again) / "model.pt"
        torch_exports.export_torchscript(network.module, second, input_shape=network.input_shape)
        digest = canonical_digest(path)
        repeats = digest == canonical_digest(second)
        return facts | {"canonical_digest": digest, "repeats": repeats}


def export_onnx(
    folder: Path,
    variant: Variant,
    size: int,
    weights: Weights,
    images: Images,
    opset: int,
    route: Route,
    repeat: bool,
) -> Mapping[str, JSON]:
    """Export the network to ``model.onnx``, look at what was written, and export it again."""
    from harness.exporters.inspection import inspect_onnx

    path = folder / "model.onnx"
    _write_onnx(path, variant, size, weights, images, opset, route)
    facts = dict(inspect_onnx(path))
    if repeat and facts["complete"]:
        digest = facts.get("canonical_digest")
        again = _repeated_digest(folder, variant, size, weights, images, opset, route)
        facts["repeats"] = digest is not None and again == digest
    return facts


def _repeated_digest(
    folder: Path,
    variant: Variant,
    size: int,
    weights: Weights,
    images: Images,
    opset: int,
    route: Route,
) -> str:
    """The canonical digest of another export; one that is made in memory is not written."""
    from harness.exporters import canonical

    with tempfile.TemporaryDirectory(dir=folder) as again:
        path = Path(again) / "model.onnx"
        if route == "external":
            from harness.exporters import paddle_exports

            network = _network(variant, size, weights, images)
            saved = Path(_saved(variant, size, weights, images).name)
            model = paddle_exports.external_model(network.module, saved, path, opset=opset)
            return canonical.digest_of(model, path)
        _write_onnx(path, variant, size, weights, images, opset, route)
        return canonical.canonical_digest(path)


def _write_onnx(
    path: Path,
    variant: Variant,
    size: int,
    weights: Weights,
    images: Images,
    opset: int,
    route: Route,
) -> None:
    if variant.source != "ppcls":
        from harness.exporters import torch_exports

        network = _network(variant, size, weights, images)
        torch_exports.export_onnx(
            network.module, path, opset=opset, input_shape=network.input_shape
        )
        return
    from harness.exporters import paddle_exports

    saved = _saved(variant, size, weights, images)
    if route == "documented":
        _make_room()  # the converter needs several times the model's size
        paddle_exports.export_documented(Path(saved.name), path, opset=opset)
    else:
        network = _network(variant, size, weights, images)
        paddle_exports.export_external(network.module, Path(saved.name), path, opset=opset)


# ── compiling and running ─────────────────────────────────────────────────────────────────────


def compile_onnxruntime(
    folder: Path, model: Path, images: Images, calibrate_mode: str, per_channel: bool
) -> Mapping[str, JSON]:
    """Compile an exported model to int8 with ONNX Runtime: ``model.onnx``."""
    from harness.backends import onnxruntime, operators

    _make_room()
    with tempfile.TemporaryDirectory(dir=folder) as workspace:
        compiled = folder / "model.onnx"
        onnxruntime.compile_int8(
            model,
            compiled,
            calibration=_load(images.calibration),
            calibrate_mode=calibrate_mode,
            per_channel=per_channel,
            workspace=Path(workspace),
        )
        executed = onnxruntime.executed_operators(compiled, Path(workspace))
    nodes = operators.read_operators(compiled)
    heavy = [node.name for node in nodes if node.op_type in operators.HEAVY]
    return {
        "heavy": len(heavy),
        "unquantized": list(operators.unquantized(nodes)),
        "executed": dict(executed),
        "bytes": compiled.stat().st_size,
    }


def run(folder: Path, model: Path, images: Path, batches: Batches) -> Mapping[str, JSON]:
    """Run a model on these batches of images, one after the other: ``logits.npy``.

    An ``.onnx`` file is run by ONNX Runtime, a ``.pt`` file by torch.
    """
    session = _session(model)
    np.save(folder / "logits.npy", run_batches(session, _load(images), batches=batches))
    return {"batches": [list(batch) for batch in batches]}


def _session(model: Path) -> Session:
    if model.suffix == ".pt":
        from harness.backends import torchscript

        return torchscript.Session(model)
    from harness.backends import onnxruntime

    return onnxruntime.Session(model)


# ── what a child keeps ────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=1)
def _reference_network(network: str, statistics: Path) -> Any:
    from harness.sources.seeded import seeded_network

    return seeded_network(network, _load(statistics))


@lru_cache(maxsize=1)
def _network(variant: Variant, size: int, weights: Weights, images: Images) -> Network:
    """The row's network with its weights."""
    source = adapter(variant.source)
    network = source.build(variant.model, input_size=size, weightless=True)
    if weights.path is None:
        from harness.sources import seeded

        twin = _reference_network(variant.network, images.statistics)
        tensors = source.from_reference(network, dict(seeded.tensors(twin)))
    else:
        from harness.sources import weights as published

        tensors = published.load(weights.path, framework=network.framework)
    source.assign(network, tensors)
    return network


@lru_cache(maxsize=1)
def _saved(
    variant: Variant, size: int, weights: Weights, images: Images
) -> tempfile.TemporaryDirectory[str]:
    """A folder with the Paddle network in Paddle's own format."""
    from harness.exporters import paddle_exports

    network = _network(variant, size, weights, images)
    folder = tempfile.TemporaryDirectory(prefix="zoo-paddle-")
    paddle_exports.save_inference_model(
        network.module, Path(folder.name), input_shape=network.input_shape
    )
    return folder


def _make_room() -> None:
    """Give the memory of large networks back before a step that does not use them."""
    if psutil.Process().memory_info().rss > KEPT_BYTES:
        _network.cache_clear()
        _reference_network.cache_clear()
        gc.collect()


def _load(images: Path) -> Floats:
    loaded: Floats = np.load(images, allow_pickle=False)
    return loaded
