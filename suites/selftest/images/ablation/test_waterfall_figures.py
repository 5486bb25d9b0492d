"""What a step changes is told in levels, by itself and in all, for an image and over a set."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.backends.onnxruntime.sessions import compile_int8
from harness.errors import CalibrationError
from harness.images.ablation.figures import PixelChange, StepChange, image_changes, set_changes
from harness.images.ablation.quantizing import InputScale, calibrated, quantized
from harness.images.ablation.states import AblationStep, State
from harness.images.ablation.tables import image_table, waterfall_table
from harness.images.pipelines import Floats, Levels

FIRST = np.array([[[0, 100]], [[50, 50]], [[255, 255]]], np.uint8)  # three channels of 1×2
TABLE = np.stack([(np.arange(256) / 255 - 0.5) / std for std in (0.2, 0.25, 0.3)])


def state(step: AblationStep, levels: Levels, table: np.ndarray = TABLE) -> State:
    return State(step, levels, table.astype(np.float32))


def raised(by: int) -> Levels:
    second = FIRST.copy()
    second[1, 0, 0] += by
    return second


def test_figures_are_in_levels_whatever_the_normalization() -> None:
    states = [
        state(AblationStep.START, FIRST),
        state(AblationStep.ASPECT, raised(12)),
        state(AblationStep.CROP, raised(6)),
    ]
    aspect, crop = image_changes(states)
    assert aspect.own == aspect.total
    assert (aspect.own.mean_abs, aspect.own.max_abs) == pytest.approx((2, 12), abs=1e-4)
    assert aspect.own.rms == pytest.approx(math.sqrt(144 / 6), abs=1e-4)
    assert (crop.own.max_abs, crop.total.max_abs) == pytest.approx((6, 6), abs=1e-4)


def test_sqnr_is_the_start_over_what_has_changed_since() -> None:
    (aspect,) = image_changes(
        [state(AblationStep.START, FIRST), state(AblationStep.ASPECT, raised(12))]
    )
    start = (FIRST - 127.5).ravel()
    expected = 10 * math.log10(float(np.sum(np.square(start))) / 144)
    assert aspect.sqnr_db == pytest.approx(expected, abs=1e-3)


def test_step_that_changes_nothing_is_nothing() -> None:
    (idle,) = image_changes([state(AblationStep.START, FIRST), state(AblationStep.DECODE, FIRST)])
    assert idle == StepChange(
        AblationStep.DECODE, PixelChange(0, 0, 0), PixelChange(0, 0, 0), math.inf
    )


def test_other_sizes_at_the_start_are_left_out() -> None:
    large = np.zeros((3, 2, 2), np.uint8)
    states = [
        state(AblationStep.START, large),
        state(AblationStep.INPUT_SIZE, FIRST),
        state(AblationStep.DECODE, FIRST),
    ]
    assert [one.step for one in image_changes(states)] == [AblationStep.DECODE]


def test_nan_is_in_every_figure_it_touches() -> None:
    spoiled = TABLE.copy()
    spoiled[1, 50] = np.nan
    (change,) = image_changes(
        [state(AblationStep.START, FIRST), state(AblationStep.FLOAT16, FIRST, spoiled)]
    )
    assert all(math.isnan(one) for one in (change.own.rms, change.own.max_abs, change.sqnr_db))


def changes(rms: float) -> tuple[StepChange, ...]:
    own = PixelChange(rms / 2, rms, 2 * rms)
    return (StepChange(AblationStep.DECODE, own, own, 30 - rms),)


def test_set_has_medians_a_mean_and_the_worst_image_by_name() -> None:
    images = {"a": changes(1.0), "b": changes(9.0), "c": changes(2.0)}
    (found,) = set_changes(images)
    assert (found.own.rms, found.mean_rms, found.sqnr_db) == (2.0, 4.0, 28.0)
    assert (found.worst, found.worst_own.rms) == ("b", 9.0)


def test_image_with_nan_is_the_worst() -> None:
    (found,) = set_changes({"a": changes(9.0), "b": changes(math.nan), "c": changes(2.0)})
    assert found.worst == "b"
    assert math.isnan(found.mean_rms)


def test_set_of_other_steps_or_of_none_is_refused() -> None:
    other = (StepChange(AblationStep.CROP, PixelChange(0, 0, 0), PixelChange(0, 0, 0), 0.0),)
    for images in ({}, {"a": changes(1.0), "b": other}):
        with pytest.raises(ValueError, match="expected images, all with the same steps"):
            set_changes(images)


def test_table_names_the_worst_image_and_no_idle_one() -> None:
    lines = waterfall_table(set_changes({"a": changes(1.0), "b": changes(9.0)})).splitlines()
    expected = "decode 2.5000 5.0000 10.0000 9.0000 b 5.0000 10.0000 25.00"
    assert " ".join(lines[1].split()) == expected
    idle = waterfall_table(set_changes({"a": changes(0.0)})).splitlines()[1].split()
    assert idle[4:6] == ["-", "-"]
    assert "<0.0001" in waterfall_table(set_changes({"a": changes(2e-5)}))


def test_every_image_has_its_line() -> None:
    lines = image_table({"a": changes(1.0), "b": changes(9.0)}).splitlines()
    assert [line.split() for line in lines[1:]] == [["a", *["1.0000"] * 2], ["b", *["9.0000"] * 2]]


# ── int8 ──────────────────────────────────────────────────────────────────────────────────────


def test_scale_is_what_the_embedded_backend_calibrates(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
    node = helper.make_node("Conv", ["input", "w"], ["output"])
    shapes = {"input": ["n", 3, 8, 8], "output": ["n", 4, 6, 6]}
    ends = [[helper.make_tensor_value_info(k, TensorProto.FLOAT, v)] for k, v in shapes.items()]
    graph = helper.make_graph([node], "g", *ends, [numpy_helper.from_array(weights, "w")])
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), tmp_path / "m.onnx")
    images = np.random.default_rng(1).normal(size=(3, 3, 8, 8)).astype(np.float32)
    compile_int8(
        tmp_path / "m.onnx",
        tmp_path / "int8.onnx",
        calibration=images,
        calibrate_mode="max",
        per_channel=True,
        workspace=tmp_path,
    )
    graph = onnx.load(tmp_path / "int8.onnx").graph
    (first,) = [one for one in graph.node if one.input and one.input[0] == "input"]
    held = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    found = InputScale(float(held[first.input[1]]), int(held[first.input[2]]))
    assert found == calibrated(images)


def test_quantized_values_are_whole_steps_within_the_range() -> None:
    values = np.array([-9.0, -0.26, 0.0, 0.24, 0.25, 0.75, 999.0, np.nan], np.float32)
    expected = [-2.0, -0.5, 0.0, 0.0, 0.0, 1.0, 125.5, np.nan]
    assert np.array_equal(quantized(values, InputScale(0.5, 4)), expected, equal_nan=True)


@pytest.mark.parametrize("values", [[0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0], []])
def test_images_without_a_range_are_refused(values: list[float]) -> None:
    images: Floats = np.array(values, np.float32)
    with pytest.raises(CalibrationError, match="expected finite numbers"):
        calibrated(images)
