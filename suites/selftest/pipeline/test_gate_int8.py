"""The gate notices an int8 model that is not one, or not this one, and which half is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import planted_faults as faults
import pytest
from tiny_line import Line

from harness.backends.onnxruntime import sessions as backend
from harness.errors import MeasureError, NonConformance
from harness.expected.float_operators import FloatOperator
from harness.judging.int8 import quantized_verdict
from harness.judging.verdicts import require
from harness.pipeline.variant_pipeline import Array
from harness.records import Outcome
from harness.sources.forms import each_once


@dataclass(frozen=True, eq=False)
class Halves:
    """Logits of the evaluation images, in float32 and in int8."""

    line: Line
    outputs: Array
    int8: Array

    @property
    def fp32(self) -> Array:
        return each_once(self.outputs)


@pytest.fixture(scope="module")
def right_build(
    build_line: Callable[[Path], Line], tmp_path_factory: pytest.TempPathFactory
) -> Halves:
    """Both halves, built once."""
    line = build_line(tmp_path_factory.mktemp("right"))
    line.export()
    outputs = line.run(line.model())
    line.compile()
    return Halves(line, outputs, each_once(line.run(line.compiled)))


@pytest.fixture
def halves(right_build: Halves, line: Line) -> Halves:
    """Both halves of a right build, with files that a test may break."""
    shutil.copytree(right_build.line.folder, line.folder, dirs_exist_ok=True)
    return replace(right_build, line=line)


# ── right ones ────────────────────────────────────────────────────────────────────────────────


def test_a_right_build_is_int8_throughout(halves: Halves) -> None:
    facts = halves.line.compile()
    require(quantized_verdict(facts))
    assert facts["heavy"] == 4


def test_a_right_build_is_within_tolerance(halves: Halves) -> None:
    verdict = halves.line.parity_verdict(halves.fp32, halves.int8)
    assert verdict.outcome is Outcome.CONFORMS


def test_a_right_build_again_is_the_accepted_one(halves: Halves) -> None:
    halves.line.compile()
    again = each_once(halves.line.run(halves.line.compiled))
    verdict = halves.line.moved(halves.fp32, again, accepted=halves.int8)
    assert verdict.outcome is Outcome.CONFORMS


# ── silent fallback ───────────────────────────────────────────────────────────────────────────


def break_quantizer(monkeypatch: pytest.MonkeyPatch, fault: faults.Step) -> None:
    monkeypatch.setattr(backend, "quantize_static", fault(backend.quantize_static))


@pytest.mark.shows(
    "nothing was quantized",
    by="operators in the file and in the executed graph; equal halves never conform",
)
def test_a_float_model_under_another_name_is_noticed(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_quantizer(monkeypatch, faults.leaving_all_float)
    line.export()
    with pytest.raises(NonConformance, match="silent fallback: 4 of 4 heavy operators are float"):
        require(quantized_verdict(line.compile()))


@pytest.mark.shows(
    "a lower precision is fp32 under another name",
    by="what equals fp32 never conforms; and what is closer to float64 than the precision allows",
)
def test_a_float_model_under_another_name_gives_itself_away_by_its_answers(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_quantizer(monkeypatch, faults.leaving_all_float)
    line.export()
    line.compile()
    fp32, int8 = line.run(line.model()), line.run(line.compiled)
    verdict = line.parity_verdict(fp32, fp32.copy())
    assert np.allclose(fp32, int8, atol=1e-4)
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert verdict.headline.startswith("int8 equals fp32 bit for bit")


@pytest.mark.shows("nothing was quantized")
def test_one_convolution_left_in_float_is_named(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_quantizer(monkeypatch, faults.leaving_one_float)
    line.export()
    with pytest.raises(NonConformance, match=r"1 of 4 heavy operators are float: \S+"):
        require(quantized_verdict(line.compile()))


def declared(name: str) -> tuple[FloatOperator, ...]:
    return (FloatOperator("*", "onnxruntime", name, "on purpose", "float_operators.toml: one"),)


def test_one_convolution_left_in_float_may_be_declared(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_quantizer(monkeypatch, faults.leaving_one_float)
    line.export()
    facts = line.compile()
    (name,) = facts["unquantized"]
    require(quantized_verdict(facts, declared=declared(name)))


@pytest.mark.shows("nothing was quantized")
def test_a_declaration_excuses_no_other_operator(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_quantizer(monkeypatch, faults.leaving_all_float)
    line.export()
    facts = line.compile()
    one = declared(facts["unquantized"][0])
    with pytest.raises(NonConformance, match="3 of 4 heavy operators are float"):
        require(quantized_verdict(facts, declared=one))


def test_more_float_operators_in_the_runtime_than_in_the_file_are_noticed(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_quantizer(monkeypatch, faults.leaving_one_float)
    line.export()
    facts = {**line.compile(), "floating": {"FusedConv": 2}}
    one = declared(facts["unquantized"][0])
    with pytest.raises(NonConformance, match="the runtime executes float operators"):
        require(quantized_verdict(facts, declared=one))


def test_a_declaration_of_what_is_int8_is_noticed(halves: Halves) -> None:
    facts = halves.line.compile()
    with pytest.raises(NonConformance, match=r"one: declared to be in floating point"):
        require(quantized_verdict(facts, declared=declared("*")))


def test_a_model_with_nothing_to_quantize_is_no_int8_model(halves: Halves) -> None:
    facts = {**halves.line.compile(), "heavy": 0}
    with pytest.raises(NonConformance, match="no convolution or matrix product at all"):
        require(quantized_verdict(facts))


# ── wrong quantization ────────────────────────────────────────────────────────────────────────


def test_a_dropped_zero_point_is_out_of_tolerance(halves: Halves) -> None:
    faults.with_zero_point_dropped(halves.line.compiled)
    wrong = each_once(halves.line.run(halves.line.compiled))
    verdict = halves.line.parity_verdict(halves.fp32, wrong)
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "centred_sqnr" in verdict.headline


@pytest.mark.shows("parity passes whatever the quantizer does")
def test_a_halved_activation_scale_moves_parity(halves: Halves) -> None:
    faults.with_activation_scale(halves.line.compiled, times=0.5)
    wrong = each_once(halves.line.run(halves.line.compiled))
    verdict = halves.line.moved(halves.fp32, wrong, accepted=halves.int8)
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "lower than accepted" in str(verdict)


@pytest.mark.shows(
    "parity passes whatever the quantizer does",
    by="the accepted figure, ± 0.3 dB; `python -m benchmarks sensitivity` shows it model by model",
)
def test_per_tensor_weights_move_parity(halves: Halves) -> None:
    halves.line.compile(per_channel=False)
    worse = each_once(halves.line.run(halves.line.compiled))
    verdict = halves.line.moved(halves.fp32, worse, accepted=halves.int8)
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "lower than accepted" in str(verdict)


@pytest.mark.shows("parity passes whatever the quantizer does")
def test_a_better_build_than_the_accepted_one_is_noticed_too(halves: Halves) -> None:
    halves.line.compile(per_channel=False)
    worse = each_once(halves.line.run(halves.line.compiled))
    verdict = halves.line.moved(halves.fp32, halves.int8, accepted=worse)
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "higher than accepted" in str(verdict)


# ── wrong answers ─────────────────────────────────────────────────────────────────────────────


def test_answers_in_reverse_order_are_called_that(halves: Halves) -> None:
    verdict = halves.line.parity_verdict(halves.fp32, halves.int8[::-1])
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "outputs are matched to the wrong images: in reverse order" in str(verdict)


def test_answers_shifted_by_one_are_called_that(halves: Halves) -> None:
    verdict = halves.line.parity_verdict(halves.fp32, np.roll(halves.int8, 1, axis=0))
    assert "outputs are matched to the wrong images: shifted by" in str(verdict)


@pytest.mark.parametrize("half", ["reference", "candidate"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_one_number_that_is_none_never_passes(halves: Halves, half: str, value: float) -> None:
    both = {"reference": halves.fp32.copy(), "candidate": halves.int8.copy()}
    both[half][7, 500] = value
    with pytest.raises(MeasureError, match=f"the {half}.* image 7"):
        halves.line.parity_verdict(both["reference"], both["candidate"])


def test_two_constant_halves_never_pass(halves: Halves) -> None:
    constant = np.broadcast_to(halves.fp32[0], halves.fp32.shape)
    with pytest.raises(MeasureError, match="does not distinguish images"):
        halves.line.parity_verdict(constant, constant + 1e-3)


# ── which half ────────────────────────────────────────────────────────────────────────────────


def blamed(halves: Halves, outputs: Array, int8: Array) -> list[str]:
    """The halves that the gate's two checks find fault with."""
    float_half = halves.line.float_verdict(outputs)
    parity = halves.line.parity_verdict(each_once(outputs), int8)
    found = {"fp32 against its source": float_half, "int8 against fp32": parity}
    return [name for name, one in found.items() if one.outcome is not Outcome.CONFORMS]


def test_two_right_halves_are_blamed_for_nothing(halves: Halves) -> None:
    assert blamed(halves, halves.outputs, halves.int8) == []


@pytest.mark.shows("the wrong half is blamed", by="the float half has a check of its own")
def test_a_wrong_int8_half_is_blamed_alone(halves: Halves) -> None:
    faults.with_zero_point_dropped(halves.line.compiled)
    wrong = each_once(halves.line.run(halves.line.compiled))
    assert blamed(halves, halves.outputs, wrong) == ["int8 against fp32"]


@pytest.mark.shows("the wrong half is blamed")
def test_a_wrong_float_half_is_blamed_itself(halves: Halves) -> None:
    wrong = halves.line.model()
    faults.with_one_weight_changed(wrong, by=3.0)
    found = blamed(halves, halves.line.run(wrong), halves.int8)
    assert found == ["fp32 against its source", "int8 against fp32"]


def test_a_float_half_wrong_before_compiling_is_blamed_alone(line: Line) -> None:
    line.export()
    faults.with_one_weight_changed(line.model(), by=3.0)
    outputs = line.run(line.model())
    line.compile()
    both = Halves(line, outputs, each_once(line.run(line.compiled)))
    assert blamed(both, both.outputs, both.int8) == ["fp32 against its source"]


@pytest.mark.shows(
    "a tool that tells nothing writes fp16 for int8", by="a ceiling for each precision"
)
def test_fp16_under_the_name_of_int8_is_too_good(halves: Halves) -> None:
    """A tool that does not tell what it left in floating point, and never quantized."""
    half = halves.fp32.astype(np.float16).astype(np.float32)
    verdict = halves.line.parity_verdict(halves.fp32, half)
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert verdict.headline.startswith("centred_sqnr = ")
    assert "at most 36 dB" in verdict.headline
    cause = "likely cause: silent fallback: it was computed in something finer than int8"
    assert cause in verdict.details
