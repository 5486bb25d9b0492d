"""Scales, zero points and codes that do not follow from images and weights are noticed, unaided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import quantized_network
from planted_faults import leaving_all_float
from quantized_network import FAULTS
from tiny_line import Line

from harness.backends.backend import Build, Host
from harness.backends.onnxruntime import sessions as backend
from harness.backends.onnxruntime.backend import OnnxRuntime
from harness.errors import NonConformance, Unavailable
from harness.expected.buildconfig import Quantize, read_build_config
from harness.judging.int8 import parameters_verdict
from harness.judging.verdicts import require

Compile = Callable[..., Mapping[str, Any]]


@pytest.fixture
def compiled(tmp_path: Path, small_config: Path) -> Compile:
    """Compiles the small network by the embedded backend; the facts."""
    quantized_network.write(tmp_path / "float.onnx")
    np.save(tmp_path / "calibration.npy", quantized_network.images(1))
    config = read_build_config(small_config)

    def compile_(mode: str = "max", *, per_channel: bool = True) -> Mapping[str, Any]:
        way = replace(config.backend, quantize=Quantize(mode, per_channel))
        build = Build(
            model=tmp_path / "float.onnx",
            precision="int8",
            config=replace(config, backend=way),
            calibration=tmp_path / "calibration.npy",
        )
        return OnnxRuntime(Host()).compile(build, tmp_path)

    return compile_


def break_quantizer(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr(backend, "quantize_static", FAULTS[fault][0](backend.quantize_static))


# ── right ones ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("per_channel", [True, False])
def test_what_a_right_quantizer_chooses_is_what_is_expected(
    compiled: Compile, *, per_channel: bool
) -> None:
    facts = compiled(per_channel=per_channel)
    require(parameters_verdict(facts))
    parameters = facts["parameters"]
    assert {"image", "b", "d", "scores", "logits"} <= {
        one["tensor"] for one in parameters["activations"]
    }
    assert set(quantized_network.SHAPES) == {one["tensor"] for one in parameters["constants"]}


def test_a_right_build_of_a_row_has_the_parameters_it_should(line: Line) -> None:
    line.export()
    require(parameters_verdict(line.compile()))


# ── wrong ones ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.shows(
    "a quantizer is wrong where nothing was ever accepted, or by too little for parity",
    by="scales, zero points and codes are computed anew from calibration images and weights",
)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_quantizer_is_noticed_and_its_fault_named(
    compiled: Compile, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    break_quantizer(monkeypatch, fault)
    with pytest.raises(NonConformance, match=f"(?s){FAULTS[fault][1]}"):
        require(parameters_verdict(compiled()))


def test_weights_that_two_layers_read_are_run_by_old_processors_too(
    compiled: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where int8 sums would saturate, the runtime's exact kernels fail at the second reader."""
    monkeypatch.setattr(backend, "_saturates", lambda: True)
    break_quantizer(monkeypatch, "another layer's read")
    with pytest.raises(NonConformance, match="another layer's"):
        require(parameters_verdict(compiled()))


def test_a_float_model_under_another_name_is_noticed_here_too(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "quantize_static", leaving_all_float(backend.quantize_static))
    line.export()
    with pytest.raises(NonConformance, match="is float32, expected int8"):
        require(parameters_verdict(line.compile()))


def test_tensors_that_the_float_model_does_not_have_are_named(compiled: Compile) -> None:
    facts = compiled()
    facts["parameters"]["unknown"].append("new")
    with pytest.raises(NonConformance, match="does not have: new"):
        require(parameters_verdict(facts))


def test_nothing_compared_is_no_pass() -> None:
    facts = {"parameters": {"activations": [], "constants": [], "unknown": []}}
    with pytest.raises(NonConformance, match="no quantized activations"):
        require(parameters_verdict(facts))


# ── what is not known ─────────────────────────────────────────────────────────────────────────


def test_a_backend_that_does_not_tell_is_not_measured() -> None:
    with pytest.raises(Unavailable, match="does not tell the scales and zero points"):
        require(parameters_verdict({"heavy": 4}))


def test_ranges_by_another_rule_are_not_measured_when_weights_are_right(compiled: Compile) -> None:
    with pytest.raises(Unavailable, match=r"'percentile' are not computed anew.* weights and bias"):
        require(parameters_verdict(compiled("percentile")))


def test_ranges_by_another_rule_do_not_excuse_weights(
    compiled: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_quantizer(monkeypatch, "int4")
    with pytest.raises(NonConformance, match="int4 in this layer"):
        require(parameters_verdict(compiled("percentile")))
