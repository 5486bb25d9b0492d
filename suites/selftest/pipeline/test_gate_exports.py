"""The gate notices an export that is not what was asked for, and lets a right one through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hanging_step
import numpy as np
import planted_faults as faults
import pytest
import torch
from tiny_line import CURRENT, OPSET_11, TORCHSCRIPT, Line
from tiny_networks import TinyNetwork
from torch import Tensor
from torch.nn import functional
from torch.onnx.errors import UnsupportedOperatorError

from harness.errors import ExportError, NoOpset, RunError
from harness.exporting import torch_exports
from harness.exporting.inspection import inspect_onnx
from harness.judging.exports import input_size_verdict, repeatable_verdict
from harness.pipeline.building import Settings
from harness.pipeline.catalogue import DocumentedModel
from harness.pipeline.declared import ONNX
from harness.pipeline.pipeline import Pipeline
from harness.pipeline.steps import exporting
from harness.records import Metric, Outcome
from harness.runtime.isolation import Worker
from harness.sources import forms
from harness.sources.forms import Form

FORMS = pytest.mark.parametrize("form", [TORCHSCRIPT, OPSET_11, CURRENT], ids=lambda form: form.id)


def break_exporter(monkeypatch: pytest.MonkeyPatch, fault: faults.Step) -> None:
    """Put a fault into both exporters."""
    for name in ("export_onnx", "export_torchscript"):
        monkeypatch.setattr(torch_exports, name, fault(getattr(torch_exports, name)))


# ── right ones ────────────────────────────────────────────────────────────────────────────────


@FORMS
def test_a_right_export_is_as_promised(line: Line, form: Form) -> None:
    line.require_as_promised(form)


@FORMS
def test_a_right_export_computes_the_same(line: Line, form: Form) -> None:
    line.export(form)
    assert line.float_verdict(line.run(line.model(form))).outcome is Outcome.CONFORMS


@pytest.mark.parametrize("form", [TORCHSCRIPT, CURRENT], ids=lambda form: form.id)
def test_a_right_export_is_the_same_again(line: Line, form: Form) -> None:
    verdict = repeatable_verdict(line.export(form, repeat=True))
    assert verdict.outcome is Outcome.CONFORMS


# ── wrong files ───────────────────────────────────────────────────────────────────────────────


@FORMS
def test_training_mode_is_noticed(line: Line, form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    break_exporter(monkeypatch, faults.in_training_mode)
    with pytest.raises(ExportError, match="computes as in training"):
        line.require_as_promised(form)


def test_another_opset_than_asked_for_is_noticed(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_exporter(monkeypatch, faults.at_another_opset)
    with pytest.raises(ExportError, match="opset 18 was written, 11 was asked for"):
        line.require_as_promised(OPSET_11)


@pytest.mark.shows("an exporter succeeds and leaves an empty or cut file")
def test_an_empty_file_without_an_error_is_noticed(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_exporter(monkeypatch, faults.leaving_nothing)
    with pytest.raises(ExportError, match=r"complete model: .* empty"):
        line.require_as_promised()


def test_a_truncated_file_is_noticed(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    break_exporter(monkeypatch, faults.leaving_half)
    with pytest.raises(ExportError, match=r"complete model: .* is damaged"):
        line.require_as_promised()


@pytest.mark.shows(
    "a model is exported for another size than documented", by="the input's shape is the claim"
)
def test_another_input_size_than_documented_is_noticed(line: Line) -> None:
    claim = line.documented.claim(Metric.INPUT_SIZE)
    verdict = input_size_verdict(line.export(), claim)
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert verdict.headline.startswith("input_size = 32x32 px, documented 224 ± 0")


@pytest.mark.shows(
    "an export is another one each time", by="it is made twice, and both digests compared"
)
def test_an_export_that_changes_from_time_to_time_is_noticed(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_exporter(monkeypatch, faults.drawing_at_random)
    verdict = repeatable_verdict(line.export(repeat=True))
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert verdict.headline == "exported twice, the two models differ"
    assert repeatable_verdict({}).outcome is Outcome.DOES_NOT_CONFORM


# ── what no page asks for ─────────────────────────────────────────────────────────────────────


def applying(operator: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """The tiny network with an operator between its features and its readout."""

    def forward(self: TinyNetwork, images: Tensor) -> Tensor:
        return self.fc(operator(self.features(images)))

    return forward


def attention(features: Tensor) -> Tensor:
    tokens = features[:, None, None]
    return functional.scaled_dot_product_attention(tokens, tokens, tokens).flatten(1)


@pytest.mark.shows(
    "a network is red at an opset that no page names",
    by="where the exporter has an operator from a later opset on, that form is not measured",
)
def test_an_opset_that_no_page_names_is_not_required(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TinyNetwork, "forward", applying(attention))
    with pytest.raises(NoOpset, match="attention from opset 14 on, not at 11, which pages do not"):
        line.export(OPSET_11)
    line.require_as_promised(CURRENT)


def test_the_export_that_is_compiled_is_always_required(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TinyNetwork, "forward", applying(attention))
    monkeypatch.setattr(forms, "CURRENT_OPSET", 11)
    with pytest.raises(ExportError, match="from opset 14 on"):
        line.export(OPSET_11)


def test_an_opset_that_pages_name_is_required(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    naming = replace(exporting.source("timm"), names_opset=True)
    monkeypatch.setattr(TinyNetwork, "forward", applying(attention))
    monkeypatch.setattr(exporting, "source", lambda _: naming)
    with pytest.raises(ExportError, match="from opset 14 on"):
        line.export(OPSET_11)


def test_an_operator_that_no_opset_has_is_an_error(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TinyNetwork, "forward", applying(torch.special.bessel_j0))
    with pytest.raises(UnsupportedOperatorError, match="bessel"):
        line.export(OPSET_11)


# ── how a failure reads ───────────────────────────────────────────────────────────────────────


def test_a_failure_says_where_and_how_to_repeat_it(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_exporter(monkeypatch, faults.leaving_nothing)
    with pytest.raises(ExportError) as caught:
        line.require_as_promised()
    told = str(caught.value.repeated_by("pytest 'this case'", case=line.documented.place))
    assert "[resnext/timm/resnext50_32x4d, resnext.md:49]" in told
    assert told.endswith("repeat: pytest 'this case'")


# ── wrong answers ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.shows(
    "the export has other weights than its source",
    by="the float difference is bounded by the source's own error",
)
def test_one_weight_changed_after_export_is_noticed(line: Line) -> None:
    line.export()
    faults.with_one_weight_changed(line.model(), by=0.01)
    assert line.float_verdict(line.run(line.model())).outcome is Outcome.DOES_NOT_CONFORM


@pytest.mark.shows("a model is exported in training mode")
@FORMS
def test_an_answer_that_depends_on_the_batch_is_noticed(
    line: Line, form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_exporter(monkeypatch, faults.mixing_the_batch)
    line.export(form)
    assert line.float_verdict(line.run(line.model(form))).outcome is Outcome.DOES_NOT_CONFORM


def test_batch_dependence_shows_on_the_images_in_company_alone(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_exporter(monkeypatch, faults.mixing_the_batch)
    line.export()
    outputs, reference = line.run(line.model()), line.reference().probes
    off = np.abs(outputs[: len(reference)] - reference).max(axis=1) > 1e-4
    assert off.tolist() == [False, True, True, True, True]


def test_answers_in_another_order_are_noticed(line: Line) -> None:
    line.export()
    outputs = line.run(line.model())
    outputs[1:5] = outputs[[2, 3, 4, 1]]
    assert line.float_verdict(outputs).outcome is Outcome.DOES_NOT_CONFORM


# ── no answer ─────────────────────────────────────────────────────────────────────────────────


def test_an_exporter_that_hangs_is_killed_at_its_limit(
    tiny_subject: DocumentedModel,
    small_config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hanging = replace(ONNX, function=hanging_step.hang)
    monkeypatch.setattr("harness.pipeline.variant_pipeline.ONNX", hanging)
    settings = Settings(small_config, store=tmp_path, step_timeout_s=2)
    with Worker() as worker, pytest.raises(ExportError, match=r"did not finish within 2 s"):
        Pipeline(settings, worker).exported(tiny_subject.variant, tiny_subject.size, CURRENT)


# ── what uses an export that is not as promised ───────────────────────────────────────────────


class Exported(Pipeline):
    """A pipeline that has exported something."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        super().__init__(Settings(Path("none.yaml")))
        self.facts = facts

    def exported(self, *_: object) -> Any:
        return SimpleNamespace(facts=self.facts)


def used(line: Line, facts: Mapping[str, Any]) -> None:
    """Use the export in a step that fails."""
    model = line.documented
    with Exported(facts).on_export(model.variant, model.size, CURRENT):
        raise RunError("batch of 4: expected 1")


def test_a_step_that_fails_on_a_wrong_export_is_the_exports_failure(line: Line) -> None:
    wrong = {**line.export(), "opset": 18}
    with pytest.raises(ExportError, match="opset 18 was written, 19 was asked for"):
        used(line, wrong)


def test_a_step_that_fails_on_a_right_export_is_its_own_failure(line: Line) -> None:
    with pytest.raises(RunError, match="batch of 4"):
        used(line, line.export())


def test_what_is_no_model_is_not_looked_into(line: Line, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").touch()
    facts, model = inspect_onnx(tmp_path / "model.onnx"), line.documented
    with pytest.raises(ExportError, match="is empty"):
        Exported(facts).complete(model.variant, model.size, CURRENT)
    sound = {**line.export(), "opset": 18}
    assert Exported(sound).complete(model.variant, model.size, CURRENT).facts == sound
