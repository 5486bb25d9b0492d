"""What the suites ask of a row, composed of the steps of its variant.

The only module, beside the plugin, that knows all rooms.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.backends.backend import Precision
from harness.backends.registry import EMBEDDED, RUNS
from harness.counting.counts import Counts
from harness.counting.rules import TRUE, together
from harness.expected.published import ExpectedPublished
from harness.judging.int8 import Compared
from harness.pipeline.catalogue import DocumentedModel
from harness.pipeline.variant_pipeline import Array, VariantPipeline, exported_file
from harness.runtime.store import Entry
from harness.sources import source
from harness.sources.forms import (
    ALL_BATCHES,
    EVALUATION,
    Batches,
    Form,
    compiled_form,
    each_once,
    probes,
)
from harness.sources.published import Upstream, upstream_of


@dataclass
class Pipeline(VariantPipeline):
    """Counts, exports, compiles and runs rows; what was compared is kept for the next case."""

    _compared: dict[tuple[str, str, str], Compared] = field(default_factory=dict)

    def upstream(self, model: DocumentedModel, facts: ExpectedPublished) -> Upstream:
        """What is published for a row's pinned variant, by its package or in the facts.

        Raises:
            MissingSource, ExpectationError, MeasureError: see :func:`upstream_of`.
        """
        return upstream_of(facts, row=model.id, variant=model.variant, read=self.published)

    def counts_of(self, model: DocumentedModel) -> dict[str, Counts]:
        """Counts of a row under the rules of its figures, and the true ones."""
        expected = model.expected_complexity
        rules = {expected.operations.counter, expected.params.counter, TRUE}
        return self.counts(model.variant, model.size, sorted(rules))

    def layers_of(self, model: DocumentedModel) -> dict[str, str]:
        """The settings of a row's operators in words, by their kinds."""
        variant = model.variant
        rules = together(TRUE, source(variant.source).framework)
        return dict(self._counted(variant, model.size, rules)["layers"])

    def compilable(self, model: DocumentedModel, backend: str = EMBEDDED) -> Entry:
        """The export that is compiled: of ONNX the one at the current opset."""
        form = self.form_for(model, backend)
        return self.exported(model.variant, model.size, form)

    def form_for(self, model: DocumentedModel, backend: str) -> Form:
        """The form in which a backend takes a row."""
        if self.backend(backend).format == "torchscript":
            return Form("torchscript")
        return compiled_form(model.variant.source)

    def probe_outputs(self, model: DocumentedModel, form: Form) -> Array:
        """Logits of the probes by an export: the first image alone, then a batch."""
        variant, size = model.variant, model.size
        batches = probes(variant)
        target = RUNS[form.format]

        def exported() -> Entry:
            return self.exported(variant, size, form)

        alone = model.complexity is None or form != compiled_form(variant.source)
        asked = batches if alone else ALL_BATCHES
        with self.on_export(variant, size, form):
            every = self.outputs(variant, size, exported, form.file, backend=target, batches=asked)
        return every[: sum(map(len, batches))]

    def float_probes(self, model: DocumentedModel, backend: str) -> Array:
        """Logits of the probes by a backend's own fp32."""
        return self._ran(model, backend, "fp32")[: sum(map(len, probes(model.variant)))]

    def in_company(
        self, model: DocumentedModel, backend: str, precision: Precision
    ) -> tuple[Array, Batches]:
        """All that a row's runs on a backend gave, and the batches: some images are in several."""
        return self._ran(model, backend, precision), self._batches(backend)

    def evaluated(self, model: DocumentedModel, backend: str, precision: Precision) -> Array:
        """A row on a backend: logits of all evaluation images, in their order."""
        return each_once(self._ran(model, backend, precision))

    def _ran(self, model: DocumentedModel, backend: str, precision: Precision) -> Array:
        """Logits of :data:`ALL_BATCHES`, or of all images once where each call is a job."""
        target = self.backend(backend)
        file = target.compiles(precision)

        def artifact() -> Entry:
            if file is None:
                return self.compilable(model, backend)
            return self.compiled_row(model, backend, precision)

        with self.on_export(model.variant, model.size, self.form_for(model, backend)):
            return self.outputs(
                model.variant,
                model.size,
                artifact,
                file or exported_file(target),
                backend=backend,
                precision=precision,
                batches=self._batches(backend),
            )

    def _batches(self, backend: str) -> Batches:
        return (EVALUATION,) if self.backend(backend).runner.jobs else ALL_BATCHES

    def compiled_row(
        self, model: DocumentedModel, backend: str = EMBEDDED, precision: Precision = "int8"
    ) -> Entry:
        """The row, compiled."""
        with self.on_export(model.variant, model.size, self.form_for(model, backend)):
            return self.compiled(
                model.variant,
                model.size,
                lambda: self.compilable(model, backend),
                backend=backend,
                precision=precision,
            )

    def float_outputs(self, model: DocumentedModel, backend: str = EMBEDDED) -> Array:
        """What lower precisions are held against: fp32 in the same backend, else the embedded."""
        has_own = "fp32" in self.backend(backend).precisions
        return self.evaluated(model, backend if has_own else EMBEDDED, "fp32")

    def parity(self, model: DocumentedModel, backend: str, precision: Precision) -> Compared:
        """A precision on a backend against fp32; kept for the cases that follow."""
        asked = (model.id, backend, precision)
        if asked not in self._compared:
            reference = self.float_outputs(model, backend)
            candidate = self.evaluated(model, backend, precision)
            self._compared = {asked: Compared.of(reference, candidate)}
        return self._compared[asked]

    def int8_outputs(self, model: DocumentedModel, backend: str = EMBEDDED) -> Array:
        """The int8 half of parity."""
        return self.evaluated(model, backend, "int8")
