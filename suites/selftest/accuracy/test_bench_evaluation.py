"""The benchmark runs both ways on the same images, and tells which is slower."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from benchmarks.evaluation import RoundRates, measure_rates
from benchmarks.evaluation_command import add_evaluation_action
from benchmarks.images import write_scenes
from benchmarks.stopwatch import StepCost
from harness.errors import HarnessError

CLASSES = 10


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The mean of each channel, times a matrix."""
    weights = np.random.default_rng(0).normal(size=(3, CLASSES)).astype(np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["output"]),
    ]
    shapes = {"input": ["n", 3, 224, 224], "output": ["n", CLASSES]}
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name])]
        for name in ("input", "output")
    ]
    graph = helper.make_graph(
        nodes, "mean", *ends, initializer=[numpy_helper.from_array(weights, "weights")]
    )
    path = tmp_path / "model.onnx"
    opset = [helper.make_opsetid("", 13)]
    save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    (tmp_path / "scenes").mkdir()
    write_scenes(tmp_path / "scenes", 30)
    return tmp_path / "scenes"


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_evaluation_action(parser.add_subparsers())
    parsed = parser.parse_args(["evaluation", *arguments])
    return int(parsed.run(parsed))


def test_both_ways_are_measured_as_often(model: Path, scenes: Path) -> None:
    paths = sorted(scenes.iterdir())
    rates = measure_rates(model, paths, "vendor-build", threads=1, rounds=3)
    assert (rates.images, len(rates.bare), len(rates.suite)) == (30, 3, 3)
    assert rates.ratio > 0


def test_the_ratio_is_of_rates() -> None:
    costs = [(1.0, 2.0), (2.0, 2.5), (3.0, 3.0)]
    bare, suite = (tuple(StepCost(cost[way], 1.0 + way) for cost in costs) for way in (0, 1))
    assert RoundRates(10, bare, suite).ratio == 0.8
    assert RoundRates(10, bare, suite).core_ratio == 0.5
    assert RoundRates.rate(10, suite) == 4.0


def test_a_ratio_below_what_is_asked_for_fails(model: Path, scenes: Path, tmp_path: Path) -> None:
    given = ("--model", str(model), "--images", str(scenes), "--pipeline", "vendor-build")
    given += ("--rounds", "1", "--json", str(tmp_path / "figures.json"))
    assert run(*given, "--least", "1000") == 1
    assert run(*given) == 0
    assert json.loads((tmp_path / "figures.json").read_text())["images"] == 30


def test_bad_input_is_told(model: Path, scenes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--model", str(model), "--images", str(scenes / "nowhere")) == 2
    assert run("--model", str(model), "--images", str(scenes), "--rounds", "0") == 2
    (scenes / "00003.JPEG").write_bytes(b"")
    with pytest.raises(HarnessError, match=r"00003\.JPEG"):
        measure_rates(model, sorted(scenes.iterdir()), "vendor-build", threads=1, rounds=1)
    assert "whole numbers from 1" in capsys.readouterr().err
