"""Where a row's runs part, layer by layer: looked at where they do not agree, or when asked."""

from __future__ import annotations

from harness.backends.backend import Precision
from harness.backends.registry import EMBEDDED
from harness.errors import RunError, Unavailable
from harness.judging.layers import LayerAgreement, first_departure, told, worst
from harness.pipeline.catalogue import DocumentedModel
from harness.pipeline.declared import Step
from harness.pipeline.limits import RUN_COPIES
from harness.pipeline.pipeline import Pipeline
from harness.pipeline.steps import NetworkSpec, layering
from harness.pipeline.variant_pipeline import exported_file
from harness.runtime.store import Entry, LazyArtifact
from harness.sources.forms import Form

Layers = tuple[LayerAgreement, ...]
EXPORTED = Step("layers", layering.source_and_file, RunError, copies=2 * RUN_COPIES)
COMPILED = Step("layers", layering.two_files, RunError, copies=2 * RUN_COPIES)
SOURCES = Step("layers", layering.two_sources, RunError, copies=2 * RUN_COPIES)


def export_layers(pipeline: Pipeline, model: DocumentedModel, form: Form) -> Layers:
    """An export, held against the row's source library.

    Raises:
        StageError: it cannot be run layer by layer.
    """
    artifact = LazyArtifact(lambda: pipeline.exported(model.variant, model.size, form), form.file)
    (_held, path), (_kept, spec) = artifact.opened(), _network(pipeline, model)
    found: Layers = pipeline.builder.run_apart(EXPORTED, model.variant, spec, path, form.format)
    return found


def compiled_layers(
    pipeline: Pipeline,
    model: DocumentedModel,
    backend: str = EMBEDDED,
    precision: Precision = "int8",
) -> Layers:
    """What a backend compiled, held against the export that it was given.

    Raises:
        Unavailable: it is no ONNX file.
        StageError: it cannot be run layer by layer.
    """
    target = pipeline.backend(backend)
    file = target.compiles(precision)
    if file is None or not file.endswith(".onnx"):
        raise Unavailable(f"the {precision} model of {backend} cannot be run layer by layer")
    reference = LazyArtifact(lambda: pipeline.compilable(model, backend), exported_file(target))
    compiled = LazyArtifact(lambda: pipeline.compiled_row(model, backend, precision), file)
    (_held, path), (_kept, quantized) = reference.opened(), compiled.opened()
    images = pipeline.images.files(model.size).evaluation
    found: Layers = pipeline.builder.run_apart(COMPILED, model.variant, path, quantized, images)
    return found


def source_layers(pipeline: Pipeline, first: DocumentedModel, model: DocumentedModel) -> Layers:
    """A row, held against the first row of its network.

    Raises:
        StageError: one of them cannot be run layer by layer.
    """
    (_held, ours), (_kept, other) = (_network(pipeline, one) for one in (first, model))
    found: Layers = pipeline.builder.run_apart(SOURCES, model.variant, ours, other)
    return found


def _network(pipeline: Pipeline, model: DocumentedModel) -> tuple[Entry | None, NetworkSpec]:
    """A row's network, and what has to be held while it is used."""
    found = pipeline.fitted(pipeline.spec(model.variant, model.size))
    return (None, found) if isinstance(found, NetworkSpec) else found.opened()


def departure(layers: Layers, *, backend: str = EMBEDDED) -> str:
    """The place where two float runs part, as a failure tells it.

    ``backend``: what failed; layers are looked at in ONNX Runtime or in torch on the CPU.
    """
    found = first_departure(layers)
    if found is None and backend != EMBEDDED:
        return (
            f"no layer of the export departs in its usual runtime on the CPU ({len(layers)} looked "
            f"at): what {backend} makes of it differs, or what follows the last one"
        )
    if found is None:
        return f"no layer departs ({len(layers)} looked at): what follows the last one differs"
    where = layers.index(found)
    sound = f"; all up to {layers[where - 1].name} agree" if where else ""
    return f"the first layer that departs: {told(found)}{sound}"


def costliest(layers: Layers) -> str:
    """The layer that loses most in a lower precision, as a failure tells it."""
    return f"the layer that loses most: {told(worst(layers, most=1)[0])}" if layers else ""
