"""OpenVINO runs the very model that the embedded backend compiles, and says what it made of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from openvino_networks import HEAVY, LAYERS, Floats, images

from harness.backends.backend import Build, Host
from harness.backends.onnxruntime import sessions as embedded
from harness.backends.onnxruntime.backend import OnnxRuntime
from harness.backends.openvino.backend import OpenVino, OpenVinoQdq
from harness.errors import CompileError
from harness.judging.parity import compare

pytest.importorskip("harness.backends.openvino.sessions", reason="OpenVINO is not installed")

QDQ, EMBEDDED = OpenVinoQdq(Host()), OnnxRuntime(Host())
INT8 = {f"{layer} u8": count for layer, count in LAYERS.items()}


def sqnr_db(paths: Iterable[Path], evaluation: Floats) -> float:
    """Of the second model in OpenVINO against the first in ONNX Runtime."""
    first, second = paths
    reference = EMBEDDED.session(first, precision="int8").logits(evaluation)
    outputs = QDQ.session(second, precision="int8").logits(evaluation)
    return compare(reference, outputs).sqnr_db


def test_the_model_is_the_embedded_backends(compiled, build) -> None:
    ours, theirs = compiled(QDQ, build), compiled(EMBEDDED, build)
    assert ours.path.name == theirs.path.name == "model.onnx"
    assert ours.path.read_bytes() == theirs.path.read_bytes()
    same = ("heavy", "unquantized", "bytes")
    assert [ours.facts[name] for name in same] == [theirs.facts[name] for name in same]


def test_what_is_executed_is_openvinos(compiled, build) -> None:
    facts = compiled(QDQ, build).facts
    assert (facts["heavy"], facts["floating"]) == (HEAVY, {})
    assert {name: facts["executed"].get(name) for name in INT8} == INT8


def test_a_convolution_left_in_float_is_seen_when_run(
    compiled, build, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving = partial(embedded.quantize_static, nodes_to_exclude=["wide"])
    monkeypatch.setattr(embedded, "quantize_static", leaving)
    facts = compiled(QDQ, build).facts
    assert len(facts["unquantized"]) == 1
    assert facts["floating"] == {"Convolution f32": 1}


def test_the_two_agree_on_the_same_model(compiled, build, evaluation) -> None:
    path = compiled(QDQ, build).path
    assert sqnr_db((path, path), evaluation) > 40


def test_they_do_not_on_another_model(
    compiled, build: Build, evaluation: Floats, tmp_path: Path
) -> None:
    np.save(tmp_path / "dim.npy", images(8) / 2)
    other = replace(build, calibration=tmp_path / "dim.npy")
    paths = [compiled(QDQ, one).path for one in (build, other)]
    assert sqnr_db(paths, evaluation) < 35


def test_fp32_is_openvinos(build: Build, evaluation: Floats) -> None:
    sessions = (
        backend.session(build.model, precision="fp32") for backend in (QDQ, OpenVino(Host()))
    )
    first, second = (session.logits(evaluation) for session in sessions)
    np.testing.assert_array_equal(first, second)


def test_what_the_embedded_backend_refuses_is_refused(compiled, build: Build) -> None:
    with pytest.raises(CompileError, match="ONNX Runtime compiles to int8"):
        compiled(QDQ, replace(build, precision="fp32"))
