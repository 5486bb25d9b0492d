"""Faults are injected as named, and a model whose parity does not show them is told of."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx.numpy_helper import from_array, to_array
from onnx.parser import parse_model

from benchmarks import command, sensitivity_command
from benchmarks.fault_injection import INJECTIONS, QuantizedModel, inject
from benchmarks.faults import FAULTS, SWAPPED_CHANNELS, QuantizerFault
from benchmarks.sensitivity import Figures, Injected, Sensitivity, distinct_models
from benchmarks.sensitivity_steps import faulty_logits, faulty_parameters
from harness.backends.onnxruntime.sessions import OnnxRuntimeSession, compile_int8
from harness.errors import MeasureError
from harness.expected.buildconfig import read_build_config
from harness.judging.parity import compare
from harness.pipeline.catalogue import EXPECTED, DocumentedModel
from harness.pipeline.pipeline import Pipeline

NETWORK = """
<ir_version: 8, opset_import: ["" : 19]>
network (float[batch,3,8,8] image) => (float[batch,10] logits)
{
    a = Conv <pads = [1,1,1,1]> (image, first, first_b)
    b = Relu (a)
    c = Conv <group = 2> (b, second, second_b)
    d = Relu (c)
    e = Conv (d, third, third_b)
    f = GlobalAveragePool (e)
    g = Flatten (f)
    logits = Gemm <transB = 1> (g, last, last_b)
}
"""
SHAPES = {"first": (8, 3, 3, 3), "second": (8, 4, 3, 3), "third": (16, 8, 1, 1), "last": (10, 16)}
ALL = (tuple(range(4)), tuple(range(4, 16)))
MIDDLE = "second"  # of three convolutions
BIAS = ("_b_quantized", "_b_quantized_scale")
WEIGHTS = ("_quantized", "_scale", *BIAS)
EDITED = {
    "per-tensor weights": {name + part for name in SHAPES for part in WEIGHTS},
    "four bits, middle": {MIDDLE + part for part in WEIGHTS},
    "halved scale, early": {"b_scale"} | {"second" + part for part in BIAS},
    "halved scale, middle": {"d_scale"} | {"third" + part for part in BIAS},
    "halved scale, late": {"f_scale", "f_zero_point"} | {"last" + part for part in BIAS},
    "zero point 0": {"image_zero_point"},
    "zero point 128": {"image_zero_point"},
    "read with zero point 0": {"image_zero_point_misread"},
    "read with zero point 128": {"image_zero_point_misread"},
}
"""The initializers that a fault changes. ``b`` and ``d`` are rectified: zero points stay 0."""

Floats = npt.NDArray[np.float32]


def draw_images(seed: int, count: int) -> Floats:
    """Images whose three channels differ in level, most of them above zero."""
    generator = np.random.default_rng(seed)
    levels = (
        generator.uniform(-1.0, 1.5, (count, 3, 1, 1)) + np.array([0.0, 0.5, 1.0])[:, None, None]
    )
    return (levels + generator.normal(0.0, 0.3, (count, 3, 8, 8))).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``float.onnx``, ``int8.onnx`` (channels of unequal strength) and ``images.npy``."""
    folder = tmp_path_factory.mktemp("tiny")
    generator = np.random.default_rng(7)
    model = parse_model(NETWORK)
    for name, shape in SHAPES.items():
        strength = np.exp(generator.normal(0.0, 0.5, (shape[0], *[1] * (len(shape) - 1))))
        weights = generator.normal(0.0, np.prod(shape[1:]) ** -0.5, shape) * strength
        bias = generator.uniform(0.3, 1.0, shape[0])
        for tensor, label in ((weights, name), (bias, f"{name}_b")):
            model.graph.initializer.append(from_array(tensor.astype(np.float32), label))
    onnx.save(model, folder / "float.onnx")
    np.save(folder / "images.npy", draw_images(1, 16))
    compile_int8(
        folder / "float.onnx",
        folder / "int8.onnx",
        calibration=draw_images(2, 16),
        calibrate_mode="max",
        per_channel=True,
        workspace=folder,
    )
    return folder


@pytest.fixture
def model(folder: Path) -> QuantizedModel:
    return QuantizedModel(folder / "int8.onnx")


def faulty(folder: Path, fault: str) -> Floats:
    return faulty_logits(folder / "int8.onnx", folder / "images.npy", fault, ALL)[1]


def logits(model: Path, images: Floats) -> Floats:
    return OnnxRuntimeSession(model).logits(images)


def initializers(model: onnx.ModelProto) -> dict[str, npt.NDArray[Any]]:
    return {tensor.name: to_array(tensor) for tensor in model.graph.initializer}


def same(left: npt.NDArray[Any] | None, right: npt.NDArray[Any]) -> bool:
    return left is not None and left.dtype == right.dtype and np.array_equal(left, right)


def bias(model: QuantizedModel, layer: int) -> npt.NDArray[np.float64]:
    node = model.layers[layer].bias
    assert node is not None
    return np.asarray(model.values(node.input[0]) * model.scale(node))


# ── what is injected ──────────────────────────────────────────────────────────────────────────


def test_every_fault_can_be_injected() -> None:
    assert {fault.name for fault in FAULTS} == {*INJECTIONS, SWAPPED_CHANNELS.name}


@pytest.mark.parametrize("fault", INJECTIONS)
def test_only_what_the_fault_is_about_changes(
    folder: Path, model: QuantizedModel, fault: str
) -> None:
    before = onnx.load(folder / "int8.onnx")
    inject(model, fault)
    onnx.checker.check_model(model.proto, full_check=True)
    old, new = initializers(before), initializers(model.proto)
    assert {name for name in new if not same(old.get(name), new[name])} == EDITED[fault]
    changed = [a != b for a, b in zip(before.graph.node, model.proto.graph.node, strict=True)]
    assert sum(changed) == fault.startswith("read with")


@pytest.mark.parametrize("fault", [fault.name for fault in FAULTS])
def test_parity_falls_with_the_fault(folder: Path, fault: str) -> None:
    images = np.load(folder / "images.npy")
    reference = logits(folder / "float.onnx", images)
    clean = compare(reference, logits(folder / "int8.onnx", images)).centred_sqnr_db
    assert compare(reference, faulty(folder, fault)).centred_sqnr_db < clean - 1.0


@pytest.mark.parametrize("fault", ["halved scale, late", "per-tensor weights"])
def test_int8_kernels_compute_what_the_faulty_graph_says(
    folder: Path, model: QuantizedModel, fault: str
) -> None:
    """The graph in float, node by node as written: a bias whose scale is stale would show."""
    from onnx.reference import ReferenceEvaluator

    inject(model, fault)
    said = ReferenceEvaluator(model.proto).run(None, {"image": np.load(folder / "images.npy")})[0]
    assert compare(said, faulty(folder, fault)).centred_sqnr_db > 30.0


@pytest.mark.shows(
    "a quantizer is wrong where nothing was ever accepted, or by too little for parity"
)
@pytest.mark.parametrize("fault", INJECTIONS)
def test_parameters_show_every_fault_of_the_model(folder: Path, tmp_path: Path, fault: str) -> None:
    calibration = tmp_path / "calibration.npy"
    np.save(calibration, draw_images(2, 16))
    config = read_build_config(EXPECTED / "build" / "embedded.yaml")
    models = folder / "float.onnx", folder / "int8.onnx"
    assert "likely cause" in faulty_parameters(*models, calibration, fault, config)


def test_no_fault_changes_nothing(folder: Path, model: QuantizedModel, tmp_path: Path) -> None:
    images = np.load(folder / "images.npy")
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(model.proto.SerializeToString())
    np.testing.assert_array_equal(logits(copy, images), logits(folder / "int8.onnx", images))


def test_the_models_file_is_left_alone(folder: Path) -> None:
    path = folder / "int8.onnx"
    before = hashlib.sha256(path.read_bytes()).digest()
    for fault in FAULTS:
        faulty(folder, fault.name)
    assert hashlib.sha256(path.read_bytes()).digest() == before


def test_per_tensor_weights_have_one_scale_and_their_old_values(model: QuantizedModel) -> None:
    node = model.layers[0].weights
    before = model.values(node.input[0]) * model.scale(node)[:, None, None, None]
    inject(model, "per-tensor weights")
    scale = set(model.scale(node))
    after = model.values(node.input[0]) * max(scale)
    assert len(scale) == 1
    assert np.abs(after - before).max() <= max(scale) / 2 * (1 + 1e-6)


def test_four_bits_are_sixteen_levels_at_most(model: QuantizedModel) -> None:
    inject(model, "four bits, middle")
    codes = model.values(f"{MIDDLE}_quantized")
    assert (codes.min(), codes.max()) == (-7, 7)
    assert len(np.unique(codes)) <= 16


def test_a_halved_scale_keeps_the_lower_end_and_the_biases(model: QuantizedModel) -> None:
    step, offset = float(model.values("f_scale")), int(model.values("f_zero_point"))
    before = bias(model, 3)
    assert inject(model, "halved scale, late") == "g_QuantizeLinear_Output"
    halved, moved = float(model.values("f_scale")), int(model.values("f_zero_point"))
    assert halved == step / 2
    assert offset > 0
    assert -moved * halved == -offset * step
    np.testing.assert_allclose(
        bias(model, 3), before, atol=halved * model.scale(model.layers[3].weights).max()
    )


def test_swapped_channels_are_the_clean_model_on_bgr(folder: Path) -> None:
    swapped = np.ascontiguousarray(np.load(folder / "images.npy")[:, ::-1])
    right = logits(folder / "int8.onnx", swapped)
    np.testing.assert_array_equal(faulty(folder, SWAPPED_CHANNELS.name), right)


def test_a_float_model_is_refused(folder: Path) -> None:
    with pytest.raises(MeasureError, match=r"float\.onnx: input 'image' of .* is not dequantized"):
        QuantizedModel(folder / "float.onnx")


def test_a_zero_point_that_is_right_is_no_fault(model: QuantizedModel) -> None:
    model.replace("image_zero_point", np.array(128))
    with pytest.raises(MeasureError, match="is 128 as it should be"):
        inject(model, "zero point 128")


# ── what is made of it ────────────────────────────────────────────────────────────────────────


CLEAN = Figures(17.5, 14.7, 0.75)


def result(sqnr_db: float | None, *, required: bool = True) -> Sensitivity:
    figures = None if sqnr_db is None else Figures(sqnr_db, 0.0, 0.5)
    injected = Injected(
        QuantizerFault("a fault", "", required), "w", figures, "" if figures else "no axis"
    )
    return Sensitivity(("page/row",), "ab12", CLEAN, (injected,))


@pytest.mark.parametrize("sqnr_db", [16.9, 17.0])
def test_a_fault_that_moves_the_figure_is_noticed(sqnr_db: float) -> None:
    assert not list(result(sqnr_db).shortcomings(least_db=0.5))


@pytest.mark.parametrize("sqnr_db", [17.1, 17.5, 18.5, float("nan"), None])
def test_a_fault_that_does_not_is_told_with_its_row(sqnr_db: float | None) -> None:
    (told,) = result(sqnr_db).shortcomings(least_db=0.5)
    assert told.startswith("fault 'a fault' [page/row]: ")


def test_a_fault_that_parameters_do_not_show_is_told() -> None:
    silent = Injected(QuantizerFault("a fault", "", required=False), "w", CLEAN, parameters="")
    (told,) = Sensitivity(("page/row",), "ab12", CLEAN, (silent,)).shortcomings(least_db=0.5)
    assert told == "fault 'a fault' [page/row]: scales, zero points and codes are called right"


def test_a_fault_that_may_be_small_is_only_reported() -> None:
    assert not list(result(17.5, required=False).shortcomings(least_db=0.5))
    assert "(a fault)" in sensitivity_command.table(result(17.5, required=False))


def test_rows_of_one_model_are_measured_once() -> None:
    def compiled_row(model: DocumentedModel) -> Any:
        return SimpleNamespace(digest=lambda _: model.id.split("-")[0])

    pipeline = cast(Pipeline, SimpleNamespace(compiled_row=compiled_row))
    one, other, same = (
        cast(DocumentedModel, SimpleNamespace(id=id)) for id in ("x-1", "y-1", "x-2")
    )
    assert distinct_models(pipeline, [one, other, same]) == {"x": (one, same), "y": (other,)}


def run(monkeypatch: pytest.MonkeyPatch, found: Sensitivity, *arguments: str) -> int:
    monkeypatch.setattr(sensitivity_command, "distinct_models", lambda *_: {"ab12": ()})
    monkeypatch.setattr(sensitivity_command, "measure", lambda *_: found)
    parser = command.parser()
    args = parser.parse_args(["sensitivity", *arguments])
    return int(args.run(args))


def test_the_exit_status_tells_of_what_is_not_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    figures = tmp_path / "figures.json"
    assert run(monkeypatch, result(17.3), "--least", "0.1", "--json", str(figures)) == 0
    assert run(monkeypatch, result(17.3)) == 1
    told = "fault 'a fault' [page/row]: centred SQNR 17.50 dB, with the fault 17.30 (-0.20)"
    assert told in capsys.readouterr().err
    assert json.loads(figures.read_text())[0]["injected"][0]["figures"]["centred_sqnr_db"] == 17.3


@pytest.mark.parametrize("least", ["0", "-1", "nan", "inf", "much"])
def test_a_threshold_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], least: str
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, result(17.2), f"--least={least}")
    assert "is not a positive number of dB" in capsys.readouterr().err
