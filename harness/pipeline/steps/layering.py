"""Two runs of one network, layer by layer: where they part."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from harness.backends.registry import layer_tracer
from harness.judging.layers import LayerAgreement, LayerTrace, compare_layers
from harness.pipeline.steps.networks import Floats, NetworkSpec, load, network, reference_of
from harness.sources import adapter

Layers = tuple[LayerAgreement, ...]
IMAGES = 2
"""Images that layers are looked at on, in one batch."""


def source_and_file(spec: NetworkSpec, file: Path, format: str) -> Layers:
    """A network in its own library, and what was exported of it."""
    from harness.sources.layer_traces import trace

    images = load(spec.images.evaluation)[:IMAGES]
    with TemporaryDirectory(prefix="zoo-layers-") as scratch:
        exported = layer_tracer(format)(file, images, scratch=Path(scratch))
        return compare_layers(trace(network(spec), images), exported)


def two_files(reference: Path, candidate: Path, images: Path) -> Layers:
    """Two ONNX files, such as the export and the int8 model made of it."""
    given, onnx_layers = load(images)[:IMAGES], layer_tracer("onnx")
    with TemporaryDirectory(prefix="zoo-layers-") as scratch:
        one, other = (
            onnx_layers(file, given, scratch=Path(scratch)) for file in (reference, candidate)
        )
    return compare_layers(one, other)


def two_sources(spec: NetworkSpec, other: NetworkSpec) -> Layers:
    """One network from two libraries, the second held against the first."""
    images = load(spec.images.evaluation)[:IMAGES]
    return compare_layers(*(_by_reference(one, images) for one in (spec, other)))


def _by_reference(spec: NetworkSpec, images: Floats) -> list[LayerTrace]:
    """A network's layers by the names that the reference network has for them, if there is one."""
    from harness.sources.layer_traces import reference_names, trace

    built, names = network(spec), {}
    if spec.weights.kind == "seeded":
        names = reference_names(adapter(spec.variant.source), built, reference_of(spec))
    return trace(built, images, names=names)
