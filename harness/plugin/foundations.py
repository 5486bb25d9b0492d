"""What verdicts about a row rest on: the test that judges it, and what it comes to."""

from __future__ import annotations

from functools import partial
from typing import Final

from harness.backends.registry import EMBEDDED
from harness.errors import ExportError
from harness.expected.float_operators import FloatOperators
from harness.judging.agreement import float_verdict
from harness.judging.int8 import parameters_verdict, quantized_verdict
from harness.judging.page import int8_verdict, top_order_verdict
from harness.pipeline.catalogue import DocumentedModel
from harness.pipeline.pinned import pinned_macs, pinned_params
from harness.pipeline.pipeline import Pipeline
from harness.plugin.blocking import Rest
from harness.records import Metric, Outcome, Verdict
from harness.sources.forms import Form, require_as_promised

TRUE_PARAMS: Final = "test_true_params_are_those_of_the_pinned_network"
TRUE_MACS: Final = "test_true_macs_are_those_of_the_pinned_network"
COMPLETE: Final = "test_export_is_complete_and_as_promised"
SAME: Final = "test_exported_model_computes_the_same"
FLOAT: Final = "test_fp32_in_the_backend_agrees_with_its_source"
HEAVY: Final = "test_every_heavy_operator_is_int8"
PLAUSIBLE: Final = "test_documented_int8_accuracy_is_plausible"
PARAMETERS: Final = "test_quantization_parameters_follow_from_the_calibration_images"


def true_params(pipeline: Pipeline, model: DocumentedModel) -> Rest:
    """The network has the parameters that are pinned for it."""
    return Rest(TRUE_PARAMS, partial(pinned_params, pipeline, model), model.slug)


def networks(pipeline: Pipeline, *models: DocumentedModel) -> list[Rest]:
    """The networks of rows are the ones that are pinned for them, where any is."""
    found = []
    for model in models:
        if model.complexity is not None:
            macs = Rest(TRUE_MACS, partial(pinned_macs, pipeline, model), model.slug)
            found += [true_params(pipeline, model), macs]
    return found


def int8_in_order(model: DocumentedModel, metric: Metric) -> list[Rest]:
    """Of an accuracy within five in int8, that it is not the one at once in the wrong cell."""
    top1, top5 = (model.row.claim(one) for one in (Metric.INT8_TOP1, Metric.INT8_TOP5))
    in_float = model.row.claim(Metric.TOP1)
    if metric is not Metric.INT8_TOP5 or not top1 or not top5 or not in_float:
        return []
    if top_order_verdict(top1, top5).outcome is Outcome.CONFORMS:
        return []
    return [Rest(PLAUSIBLE, int8_verdict(top1, in_float), f"{model.slug}-{Metric.INT8_TOP1}")]


def promised(pipeline: Pipeline, model: DocumentedModel, form: Form) -> Rest:
    """An export is whole, and what was asked for."""

    def verdict() -> Verdict:
        facts = pipeline.exported(model.variant, model.size, form).facts
        try:
            require_as_promised(facts, form, model.variant, size=model.size)
        except ExportError as error:
            return Verdict(Outcome.DOES_NOT_CONFORM, error.message)
        return Verdict(Outcome.CONFORMS, "as promised")

    return Rest(COMPLETE, verdict, f"{model.slug}-{form.id}")


def fp32(pipeline: Pipeline, model: DocumentedModel, backend: str) -> list[Rest]:
    """What lower precisions are held against agrees with the source library.

    The embedded backend runs the export as it is, so that the export's own test comes first.
    """
    has_own = "fp32" in pipeline.backend(backend).precisions
    runs = backend if has_own else EMBEDDED
    form = pipeline.form_for(model, runs)

    def verdict() -> Verdict:
        reference = pipeline.reference(model.variant, model.size)
        return float_verdict(*reference.compared(pipeline.float_probes(model, runs)))

    found = [promised(pipeline, model, form)]
    if runs == EMBEDDED:
        return [*found, Rest(SAME, verdict, f"{model.slug}-{form.id}")]
    return [*found, Rest(FLOAT, verdict, f"{model.slug}-{runs}-fp32")]


def parameters(pipeline: Pipeline, model: DocumentedModel, backend: str) -> Rest:
    """A model has the scales, zero points and codes that it should have."""
    return Rest(PARAMETERS, lambda: parameters_verdict(pipeline.compiled_row(model, backend).facts))


def operators(
    pipeline: Pipeline, model: DocumentedModel, backend: str, declared: FloatOperators
) -> Rest:
    """A model is int8 throughout. ``declared``: what may be left in floating point."""
    allowed = declared.of(model.id, backend=backend)
    return Rest(
        HEAVY,
        lambda: quantized_verdict(pipeline.compiled_row(model, backend).facts, declared=allowed),
    )


def int8(
    pipeline: Pipeline, model: DocumentedModel, backend: str, declared: FloatOperators
) -> list[Rest]:
    """What parity in int8 is about: both halves are what they should be."""
    return [
        *fp32(pipeline, model, backend),
        parameters(pipeline, model, backend),
        operators(pipeline, model, backend, declared),
    ]
