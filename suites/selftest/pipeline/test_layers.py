"""Where a fault is made, there the first layer that departs is found; a sound export has none."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import planted_faults as faults
import pytest
import torch
from onnx import ModelProto, NodeProto, numpy_helper
from tiny_line import CURRENT, TORCHSCRIPT, Line

from harness.backends.torch.torchscript import load
from harness.errors import RunError
from harness.judging.layers import (
    LayerAgreement,
    first_departure,
    measurements,
    told,
    worst,
)
from harness.pipeline.layers import costliest, departure
from harness.pipeline.steps.layering import source_and_file, two_files
from harness.sources.forms import Form

Change = Callable[[ModelProto, NodeProto], None]


def layers_of(line: Line, form: Form = CURRENT) -> tuple[LayerAgreement, ...]:
    """An export's file, as it is, held against the source library."""
    return source_and_file(line.spec, line.model(form), form.format)


def convolutions(model: ModelProto) -> list[NodeProto]:
    return [node for node in model.graph.node if node.op_type in ("Conv", "Gemm")]


def weights(model: ModelProto, node: NodeProto, which: int = 1) -> onnx.TensorProto:
    return next(one for one in model.graph.initializer if one.name == node.input[which])


def rewritten(tensor: onnx.TensorProto, values: np.ndarray) -> None:
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))


def changed(line: Line, number: int, change: Change) -> tuple[LayerAgreement, ...]:
    """Change one layer of a sound export's file, and look for where it departs."""
    line.export()
    model = onnx.load(line.model())
    change(model, convolutions(model)[number])
    onnx.save(model, line.model())
    return layers_of(line)


def another_seed(model: ModelProto, node: NodeProto) -> None:
    tensor = weights(model, node)
    values = numpy_helper.to_array(tensor)
    drawn = np.random.default_rng(3).normal(scale=values.std(), size=values.shape)
    rewritten(tensor, drawn.astype(np.float32))


def one_channel_zero(model: ModelProto, node: NodeProto) -> None:
    tensor = weights(model, node)
    values = numpy_helper.to_array(tensor).copy()
    values[2] = 0
    rewritten(tensor, values)


def another_shift(model: ModelProto, node: NodeProto) -> None:
    tensor = weights(model, node, 2)
    rewritten(tensor, numpy_helper.to_array(tensor) + np.float32(0.01))


def negated_scale(model: ModelProto, node: NodeProto) -> None:
    tensor = weights(model, node)
    values = numpy_helper.to_array(tensor).copy()
    values[1] *= -1
    rewritten(tensor, values)


def half_precision(model: ModelProto, node: NodeProto) -> None:
    tensor = weights(model, node)
    rewritten(tensor, numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32))


def another_padding(_: ModelProto, node: NodeProto) -> None:
    pads = next(one for one in node.attribute if one.name == "pads")
    low, _, high, _ = pads.ints
    pads.ints[:] = [low + 1, 0, high - 1, 2]


def no_activation_before(model: ModelProto, node: NodeProto) -> None:
    relu = next(one for one in model.graph.node if one.output[0] == node.input[0])
    assert relu.op_type == "Relu"
    node.input[0] = relu.input[0]


def test_a_sound_export_departs_nowhere(line: Line) -> None:
    line.export()
    layers = layers_of(line)
    assert first_departure(layers) is None
    assert len(layers) == len(convolutions(onnx.load(line.model())))
    assert min(min(one.before_db, one.after_db) for one in layers) > 100


def test_weights_that_stand_in_nodes_of_their_own_are_found(line: Line) -> None:
    """As Paddle2ONNX writes them."""
    line.export()
    before = layers_of(line)
    model = onnx.load(line.model())
    held = [
        onnx.helper.make_node("Constant", [], [one.name], value=one)
        for one in model.graph.initializer
    ]
    nodes = [*held, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, line.model())
    after = layers_of(line)
    assert [one.name for one in after] == [one.name for one in before]
    assert first_departure(after) is None


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (another_seed, "its weights are others in all channels"),
        (one_channel_zero, "its weights are others in 1 of"),
        (another_shift, "a scale and a shift of each channel explain all"),
        (negated_scale, r"\(channel 1: -1 times|its weights are others in 1 of 1000"),
        (half_precision, "SQNR"),
    ],
)
@pytest.mark.parametrize("number", [0, 1, -1])
def test_the_layer_is_named_in_its_librarys_words(
    line: Line, change: Change, cause: str, number: int
) -> None:
    layers = changed(line, number, change)
    found = first_departure(layers)
    assert found is not None
    assert found.name == layers[number].name
    assert found.name == ("stem", "grouped", "fc")[number]
    assert found.before_db > 100 > found.after_db
    assert re.search(cause, told(found)), told(found)


@pytest.mark.parametrize(
    ("change", "number", "name", "cause"),
    [
        (another_padding, 0, "stem", "its weights agree: stride, padding"),
        (another_padding, 1, "grouped", "its weights agree: stride, padding"),
        (no_activation_before, 2, "widen", "what lies before it differs: .*in the file: Add"),
    ],
)
def test_what_is_no_weight_is_told_apart(
    line: Line, change: Change, number: int, name: str, cause: str
) -> None:
    found = first_departure(changed(line, number, change))
    assert found is not None
    assert (found.name, re.search(cause, told(found)) is not None) == (name, True), told(found)


def test_a_layer_that_is_gone_is_named(line: Line) -> None:
    def without(model: ModelProto, node: NodeProto) -> None:
        users = [one for one in model.graph.node if node.output[0] in one.input]
        for user in users:
            user.input[list(user.input).index(node.output[0])] = node.input[0]
        model.graph.node.remove(node)

    found = first_departure(changed(line, 1, without))
    assert found is not None
    assert told(found).startswith("grouped (convolution)")
    assert "a layer with weights 24x6x3x3 is missing" in told(found)


def test_of_int8_the_layer_that_loses_most_is_the_one_that_was_spoiled(line: Line) -> None:
    line.export()
    line.compile()
    clean = two_files(line.model(), line.compiled, line.images.evaluation)
    faults.with_activation_scale(line.compiled, times=0.25)
    spoiled = two_files(line.model(), line.compiled, line.images.evaluation)
    assert [one.name for one in clean] == [one.name for one in spoiled]
    lost = {one.name: one.after_db - two.after_db for one, two in zip(clean, spoiled, strict=True)}
    (most,) = worst(spoiled, most=1)
    assert lost[most.name] > 5
    assert "% of it clipped" in costliest(spoiled)
    assert min(one.after_db for one in clean) > 15
    noted = list(measurements(clean, precision="int8"))
    assert [one.value for one in noted if one.name == "layer_sqnr"] == [
        one.after_db for one in clean
    ]
    assert {one.conditions["layer"] for one in noted} == {one.name for one in clean}


def test_what_still_agrees_is_told(line: Line) -> None:
    assert departure(changed(line, 1, another_seed)).endswith("; all up to stem agree")
    assert "all up to" not in departure(changed(line, 0, another_seed))


def test_a_place_that_cannot_be_found_is_said(line: Line) -> None:
    line.export()
    layers = layers_of(line)
    assert departure(layers) == "no layer departs (4 looked at): what follows the last one differs"


def test_layers_that_ran_elsewhere_are_not_what_failed(line: Line) -> None:
    line.export()
    told = departure(layers_of(line), backend="torch-cuda")
    assert told == (
        "no layer of the export departs in its usual runtime on the CPU (4 looked at): what "
        "torch-cuda makes of it differs, or what follows the last one"
    )


# ── TorchScript ───────────────────────────────────────────────────────────────────────────────


def test_a_sound_torchscript_departs_nowhere_and_has_the_same_layers(line: Line) -> None:
    line.export()
    line.export(TORCHSCRIPT)
    layers = layers_of(line, TORCHSCRIPT)
    assert [one.name for one in layers] == [one.name for one in layers_of(line)]
    assert min(min(one.before_db, one.after_db) for one in layers) > 100


@pytest.mark.parametrize("name", ["stem", "grouped", "fc"])
def test_the_layer_of_a_torchscript_is_named(line: Line, name: str) -> None:
    line.export(TORCHSCRIPT)
    path = str(line.model(TORCHSCRIPT))
    module: Any = load(Path(path))
    with torch.no_grad():
        dict(module.named_parameters())[f"{name}.weight"][1] = 0
    module.save(path)
    found = first_departure(layers_of(line, TORCHSCRIPT))
    assert found is not None
    assert found.name == name
    assert found.before_db > 100 > found.after_db
    assert "its weights are others in 1 of" in told(found)


def test_more_layers_than_are_looked_at_at_once_are_all_found(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.export(TORCHSCRIPT)
    at_once = layers_of(line, TORCHSCRIPT)
    monkeypatch.setattr("harness.backends.torch.layer_traces.AT_ONCE", 1)
    assert layers_of(line, TORCHSCRIPT) == at_once


def test_a_torchscript_that_does_not_run_is_an_error_of_the_step(line: Line) -> None:
    line.export(TORCHSCRIPT)
    path = line.model(TORCHSCRIPT)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(RunError, match=r"model\.pt, layer by layer: "):
        layers_of(line, TORCHSCRIPT)
