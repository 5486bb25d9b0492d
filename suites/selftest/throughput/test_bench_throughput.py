"""``python -m benchmarks throughput`` measures a real model, and says what it cannot."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks import throughput

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]) -> Command:
    parser = argparse.ArgumentParser()
    throughput.add_throughput_action(parser.add_subparsers())

    def run(*arguments: object) -> tuple[int, str, str]:
        args = parser.parse_args(["throughput", *map(str, arguments)])
        return args.run(args), *capsys.readouterr()

    return run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A linear layer from (n, 3, 2, 2) to (n, 5)."""
    weights = numpy_helper.from_array(np.eye(12, 5, dtype=np.float32), "weights")
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["output"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("input", ["n", 3, 2, 2]), ("output", ["n", 5]))
    ]
    graph = helper.make_graph(nodes, "linear", ends[:1], ends[1:], [weights])
    path = tmp_path / "model.onnx"
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )
    return path


def test_a_real_session_is_measured_beside_the_reference(
    bench: Command, model: Path, images: Path, tmp_path: Path
) -> None:
    short = ("--scenario", "Offline", "--rounds", 3, "--seconds", 0.05, "--batch", 4)
    kept = ("--logs", tmp_path / "logs", "--json", tmp_path / "facts.json")
    code, out, err = bench("--fp32", model, "--images", images, *short, *kept)
    assert (code, err) == (0, "")
    assert out.count("of the reference") == 1
    assert "int8" not in out
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["scenarios"]["Offline"]["fp32"]["load"]["batch"] == 4
    assert (tmp_path / "logs/Offline/fp32/round-03/mlperf_log_summary.txt").exists()


def test_int8_that_is_slower_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    def subject(speed: float) -> dict[str, Any]:
        rounds = [{"samples_per_second": speed + noise, "samples": 9} for noise in (0.0, 0.1, 0.2)]
        return {"rounds": rounds, "peak_bytes": 2**20}

    speeds = {"reference": 60.0, "fp32": 20.0, "int8": 15.0}
    facts = {
        "loadgen": "6",
        "scenarios": {"Offline": {name: subject(speed) for name, speed in speeds.items()}},
    }
    assert throughput._report(facts, ["fp32", "int8"], ["Offline"]) == throughput.SLOWER
    assert "does not conform: int8_speed_up = 0.75" in capsys.readouterr().out
    facts["scenarios"]["Offline"]["int8"] = subject(30.0)
    assert throughput._report(facts, ["fp32", "int8"], ["Offline"]) == throughput.OK


def test_what_cannot_be_measured_is_said(bench: Command, model: Path, images: Path) -> None:
    code, _, err = bench("--images", images)
    assert (code, err) == (2, "nothing to measure: --fp32, --fp16, --bf16, --int8 name models\n")
    code, _, err = bench("--fp32", model.with_name("none"), "--images", images)
    assert code == 2
    assert "none does not exist" in err
    code, _, err = bench("--fp32", model, "--images", images, "--backend", "openvin")
    assert code == 2
    assert "no backend 'openvin', meant 'openvino'?" in err


def test_a_file_that_is_no_model_is_said(bench: Command, images: Path, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")
    code, out, err = bench("--fp32", tmp_path / "model.onnx", "--images", images)
    assert (code, out) == (2, "")
    assert "ONNX Runtime cannot load model.onnx" in err


@pytest.mark.parametrize("wrong", [("--rounds", "0"), ("--seconds", "nan"), ("--batch", "x")])
def test_numbers_are_checked(bench: Command, model: Path, images: Path, wrong: tuple[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench("--fp32", model, "--images", images, *wrong)
