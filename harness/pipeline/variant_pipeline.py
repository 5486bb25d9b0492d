"""The steps of a variant at a size: what is in the store is used, what is not is built.

It holds no framework itself: whatever needs one runs in the isolated child
(``harness.pipeline.steps``), under a reservation of memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.backends.backend import Backend, Precision
from harness.backends.registry import EMBEDDED, backend
from harness.counting.counts import Counts
from harness.counting.rules import together
from harness.errors import CountError, ExpectationError, StageError
from harness.expected.buildconfig import BuildConfig, read_build_config
from harness.expected.variants import Variant
from harness.judging.agreement import Agreement, FloatTolerance, agree, float_tolerance
from harness.judging.published import Published
from harness.pipeline import keys
from harness.pipeline.building import Builder, Settings, make_worker, require_resolved
from harness.pipeline.declared import (
    COMPILE,
    COUNT,
    FIT,
    ONNX,
    PUBLISHED,
    REFERENCE,
    RUN,
    TORCHSCRIPT,
)
from harness.pipeline.embedded import EmbeddedImages, sized
from harness.pipeline.given_weights import is_judgeable, require_judgeable, weights_of
from harness.pipeline.limits import is_large
from harness.pipeline.steps import FITTED, NetworkSpec, publishing
from harness.runtime.isolation import Worker
from harness.runtime.store import Entry, LazyArtifact, Store
from harness.sources import source
from harness.sources.forms import (
    ALL_BATCHES,
    Batches,
    Form,
    forms,
    is_repeated,
    probes,
    require_as_promised,
)

Array = npt.NDArray[Any]
Artifact = Callable[[], Entry]
"""Asks for a model; asked again, builds what was found damaged anew."""


@dataclass(frozen=True, slots=True)
class ReferenceLogits:
    """The source framework's own logits: float32 on the probes, float64 on the first ones."""

    logits: Array
    logits64: Array
    batches: Batches

    @property
    def probes(self) -> Array:
        """The logits in the order in which the probes are run: the first image twice."""
        return np.concatenate([self.logits[list(batch)] for batch in self.batches])

    def compared(self, outputs: Array) -> tuple[Agreement, FloatTolerance]:
        """How far another run's logits of the probes are from these, and how far they may be."""
        exact = self.logits64
        return agree(self.probes, outputs), float_tolerance(self.logits[: len(exact)], exact)


@dataclass
class VariantPipeline:
    """Counts, exports, compiles and runs variants at a size, each thing once."""

    settings: Settings
    worker: Worker = field(default_factory=make_worker)
    _backends: dict[str, Backend] = field(default_factory=dict)

    @cached_property
    def builder(self) -> Builder:
        """Where things are built, or found."""
        return Builder(self.settings, self.worker)

    @property
    def store(self) -> Store:
        """Where everything built is kept."""
        return self.builder.store

    @cached_property
    def config(self) -> BuildConfig:
        """How to calibrate and quantize."""
        return read_build_config(self.settings.build_config)

    def config_at(self, size: int, precision: Precision) -> BuildConfig:
        """The build config for an input size.

        Raises:
            ExpectationError: it does not say how int8 scales are found.
        """
        if precision == "int8" and self.config.backend.quantize is None:
            raise ExpectationError(
                f"{self.settings.build_config}: backend.quantize: missing, needed for int8"
            )
        return sized(self.config, size)

    def backend(self, name: str) -> Backend:
        """A backend on this machine.

        Raises:
            MissingBackend: there is none of that name, or its package cannot be imported.
        """
        if name not in self._backends:
            self._backends[name] = backend(name, self.settings.host)
        return self._backends[name]

    # ── inputs ──

    @cached_property
    def images(self) -> EmbeddedImages:
        """What statistics are taken on, what calibrates, and what judges."""
        return EmbeddedImages(self.config, self.store)

    @property
    def weights_kind(self) -> str:
        """As reports name it: "seeded" or "published"."""
        return self.settings.weights_kind

    def spec(self, variant: Variant, size: int) -> NetworkSpec:
        """The network of a row, and which weights it has."""
        asked, images = self.settings.weights, self.images.files(size)
        weights = weights_of(variant, size, asked=asked, images=self.images)
        if weights.kind == "layered":
            images = replace(images, statistics=self.images.statistics(size))
        return NetworkSpec(variant, size, weights, images)

    def fitted(self, spec: NetworkSpec) -> NetworkSpec | LazyArtifact:
        """A network as steps take it: seeded weights are fitted once for all rows that have it."""
        if spec.weights.kind != "seeded":
            return spec
        name, statistics = spec.variant.network, spec.images.statistics
        key = keys.fit_key(name, spec.weights.identity)
        return LazyArtifact(
            lambda: self.builder.build(FIT, key, spec.variant, name, statistics),
            FITTED,
            lambda path: replace(spec, weights=replace(spec.weights, path=path)),
        )

    def is_judgeable(self, variant: Variant) -> bool:
        """As :mod:`harness.pipeline.given_weights` has it, for the weights of this run."""
        return is_judgeable(variant, asked=self.settings.weights)

    def require_judgeable(self, variant: Variant) -> None:
        """As :mod:`harness.pipeline.given_weights` has it, for the weights of this run."""
        require_judgeable(variant, asked=self.settings.weights)

    # ── steps ──

    def published(self, variant: Variant) -> tuple[Published, ...]:
        """What the installed package of a variant's source publishes for it, and beside it.

        Raises:
            MissingSource, ExpectationError, MeasureError: see
                :class:`harness.sources.published.PublishedReader`.
        """
        key = keys.published_key(variant)
        return publishing.from_facts(self.builder.build(PUBLISHED, key, variant, variant).facts)

    def counts(self, variant: Variant, size: int, rules: Sequence[str]) -> dict[str, Counts]:
        """Operations and parameters under each rule.

        Raises:
            CountError: a rule cannot count the network.
        """
        require_resolved(variant)
        framework = source(variant.source).framework
        counts: dict[str, Counts] = {}
        for asked in {together(rule, framework): None for rule in sorted(set(rules))}:
            facts = self._counted(variant, size, asked)
            for rule in sorted(set(rules) & set(asked)):
                if rule in facts["failures"]:
                    raise CountError(facts["failures"][rule], case=variant.row)
                counts[rule] = Counts(**facts["counts"][rule])
        return counts

    def _counted(self, variant: Variant, size: int, rules: Sequence[str]) -> Any:
        key = keys.count_key(variant, size, rules)
        return self.builder.build(COUNT, key, variant, variant, size, rules).facts

    def reference(self, variant: Variant, size: int) -> ReferenceLogits:
        """What the source framework itself computes."""
        spec = self.spec(variant, size)
        evaluation = self.images.digest("evaluation", size)
        key = keys.reference_key(variant, size, spec.weights.identity, evaluation)
        batches = probes(variant)
        count = 1 + max(map(max, batches))
        entry = self.builder.build(REFERENCE, key, variant, self.fitted(spec), count)
        return ReferenceLogits(_array(entry, "logits.npy"), _array(entry, "logits64.npy"), batches)

    def exported(self, variant: Variant, size: int, form: Form) -> Entry:
        """The exported model and what was seen of it; the file may be no model at all.

        A large network is exported in all its forms while it is in memory.
        """
        if is_large(variant):
            for other in forms(variant.source):
                with suppress(StageError):  # told by whoever asks for that form
                    self._exported(variant, size, other)
        return self._exported(variant, size, form)

    def complete(self, variant: Variant, size: int, form: Form) -> Entry:
        """The exported model, where the file is one.

        Raises:
            ExportError: it is not, with all that is not as promised.
        """
        exported = self.exported(variant, size, form)
        if not exported.facts["complete"]:
            require_as_promised(exported.facts, form, variant, size=size)
        return exported

    @contextmanager
    def on_export(self, variant: Variant, size: int, form: Form) -> Iterator[None]:
        """Of a step that fails on an exported model which is not as promised, that is the fault.

        Raises:
            ExportError: in place of the step's error.
        """
        try:
            yield
        except StageError:
            exported = self.exported(variant, size, form)
            require_as_promised(exported.facts, form, variant, size=size)
            raise

    def _exported(self, variant: Variant, size: int, form: Form) -> Entry:
        spec = self.spec(variant, size)
        options = {"format": form.format, "opset": form.opset, "route": form.route}
        key = keys.export_key(variant, size, spec.weights.identity, options)
        network = self.fitted(spec)
        if form.format == "torchscript":
            return self.builder.build(TORCHSCRIPT, key, variant, network)
        return self.builder.build(ONNX, key, variant, network, form, is_repeated(form, variant))

    def compiled(
        self,
        variant: Variant,
        size: int,
        artifact: Artifact,
        *,
        backend: str = EMBEDDED,
        precision: Precision = "int8",
    ) -> Entry:
        """The model that a backend compiles from an exported one.

        Raises:
            MissingBackend: it is not here.
        """
        target = self.backend(backend)
        config = self.config_at(size, precision)
        key = keys.compile_key(
            backend,
            target,
            precision,
            model=keys.model_identity(artifact()),
            calibration=self.images.digest("calibration", size),
            config=config,
        )
        return self.builder.build(
            COMPILE,
            key,
            variant,
            backend,
            self.settings.host,
            precision,
            LazyArtifact(artifact, exported_file(target)),
            self.images.files(size).calibration,
            config,
            waits_s=target.runner.waits_s,
            needs=backend,
        )

    def outputs(
        self,
        variant: Variant,
        size: int,
        artifact: Artifact,
        file: str,
        *,
        backend: str = EMBEDDED,
        precision: Precision = "fp32",
        batches: Batches = ALL_BATCHES,
    ) -> Array:
        """What a model computes on evaluation images, batch after batch.

        ``artifact`` is an export, or was compiled by this very backend; ``file`` is its main file.

        Raises:
            MissingBackend: it is not here.
        """
        target = self.backend(backend)
        key = keys.run_key(
            backend,
            target,
            precision,
            model=keys.model_identity(artifact()),
            file=file,
            evaluation=self.images.digest("evaluation", size),
            batches=batches,
        )
        entry = self.builder.build(
            RUN,
            key,
            variant,
            backend,
            self.settings.host,
            precision,
            LazyArtifact(artifact, file),
            self.images.files(size).evaluation,
            batches,
            sized(self.config, size),
            waits_s=target.runner.waits_s,
            needs=backend,
        )
        return _array(entry, "logits.npy")


def exported_file(target: Backend) -> str:
    """The name of the export that a backend takes, in its entry."""
    return "model.pt" if target.format == "torchscript" else "model.onnx"


def _array(entry: Entry, name: str) -> Array:
    loaded: Array = np.load(entry.file(name), allow_pickle=False)
    return loaded
