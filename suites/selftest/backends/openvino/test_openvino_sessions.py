"""Sessions compute what the file says, the same however they are used, and refuse the rest."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from openvino_networks import CLASSES, LAYERS, Floats, images

from harness.backends.backend import Build, Host, Precision
from harness.backends.openvino.backend import OpenVino
from harness.errors import RunError

pytestmark = [pytest.mark.shows("fp16 or bf16 was computed in float32")]

backend = pytest.importorskip(
    "harness.backends.openvino.sessions", reason="OpenVINO is not installed"
)
pytest.importorskip("nncf", reason="NNCF is not installed")
openvino = backend.openvino

OPENVINO = OpenVino(Host())


@pytest.fixture(scope="module")
def models(build: Build, tmp_path_factory: pytest.TempPathFactory) -> dict[Precision, Path]:
    folder = tmp_path_factory.mktemp("compiled")
    OPENVINO.compile(build, folder)
    return {"fp32": build.model, "int8": folder / "model.xml"}


@pytest.fixture(params=["fp32", "int8"])
def load(request: pytest.FixtureRequest, models) -> Callable[[], backend.OpenVinoSession]:
    return lambda: OPENVINO.session(models[request.param], precision=request.param)


# ── what is computed ──────────────────────────────────────────────────────────────────────────


def test_fp32_is_what_another_runtime_computes(network: Path, evaluation: Floats) -> None:
    other = onnxruntime.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    expected = other.run(None, {"input": evaluation})[0]
    outputs = OPENVINO.session(network, precision="fp32").logits(evaluation)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, expected, atol=1e-5 * np.abs(expected).max(), rtol=0)


def test_fp32_is_executed_in_float32(network: Path) -> None:
    executed = backend.OpenVinoSession(network).executed()
    assert {name.split()[1] for name in executed.layers} == {"f32"}
    assert executed.floating == {f"{layer} f32": count for layer, count in LAYERS.items()}


def test_a_session_that_would_run_in_bfloat16_is_refused(
    network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor has no bfloat16")
    for name in ("INFERENCE_PRECISION_HINT", "EXECUTION_MODE_HINT"):
        monkeypatch.delitem(backend.PROPERTIES, name)
    with pytest.raises(RunError, match=r"in half precision: .*'Convolution bf16': 4"):
        backend.OpenVinoSession(network)


def test_every_property_is_taken(network: Path) -> None:
    compiled = openvino.Core().compile_model(network, "CPU", backend.PROPERTIES)
    taken = {name: compiled.get_property(name) for name in backend.PROPERTIES}
    assert taken == backend.PROPERTIES | {
        "INFERENCE_PRECISION_HINT": openvino.Type.f32,
        "EXECUTION_MODE_HINT": openvino.properties.hint.ExecutionMode.ACCURACY,
    }


# ── however it is used ────────────────────────────────────────────────────────────────────────


def test_an_image_has_the_same_logits_in_any_batch(load, evaluation: Floats) -> None:
    session = load()
    whole = session.logits(evaluation)
    assert whole.shape == (len(evaluation), CLASSES)
    for size in (1, 5, 2, 12):
        starts = range(0, len(evaluation), size)
        parts = [session.logits(evaluation[start : start + size]) for start in starts]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_outputs_stay_when_the_session_runs_again(load, evaluation: Floats) -> None:
    session = load()
    first = session.logits(evaluation)
    kept = first.copy()
    assert not np.array_equal(session.logits(images(len(evaluation), seed=9)), kept)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(load().logits(evaluation), kept)


def test_threads_do_not_get_each_others_outputs(load, evaluation: Floats) -> None:
    sessions = [load(), load()]  # each used by two threads
    expected = [sessions[0].logits(evaluation[index : index + 1]) for index in range(4)]

    def run(index: int) -> list[Floats]:
        given = evaluation[index : index + 1]
        return [sessions[index % 2].logits(given) for _ in range(50)]

    with ThreadPoolExecutor(4) as threads:
        for outputs, own in zip(threads.map(run, range(4)), expected, strict=True):
            assert all(np.array_equal(one, own) for one in outputs)


# ── what is refused ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (images(2)[:, :2], r"batch of 2: .*\[\?,3,16,16\].*incompatible"),
        (images(1)[0], "incompatible"),
        (np.zeros((1, 3, 16, 16), np.uint8), "the images are uint8, expected float32"),
        (images(2).astype(np.float64), "the images are float64, expected float32"),
        (images(0), "a batch of no images"),
    ],
)
def test_images_that_do_not_fit_are_refused(load, given, message: str) -> None:
    with pytest.raises(RunError, match=message):
        load().logits(given)


def test_a_refusal_does_not_harm_what_follows(load, evaluation: Floats) -> None:
    session = load()
    with pytest.raises(RunError):
        session.logits(evaluation[:, :2])
    np.testing.assert_array_equal(session.logits(evaluation), load().logits(evaluation))


@pytest.mark.parametrize("kept", [None, 0, -1])
def test_missing_weights_are_named(models, tmp_path: Path, kept: int | None) -> None:
    model = models["int8"]
    (tmp_path / "model.xml").write_bytes(model.read_bytes())
    if kept is not None:
        (tmp_path / "model.bin").write_bytes(model.with_suffix(".bin").read_bytes()[:kept])
    with pytest.raises(RunError, match=r"cannot load model\.xml: .*bin file") as raised:
        OPENVINO.session(tmp_path / "model.xml", precision="int8")
    assert "src/" not in raised.value.message


def test_a_damaged_graph_is_refused(models, tmp_path: Path) -> None:
    text = models["int8"].read_bytes()
    (tmp_path / "model.xml").write_bytes(text[: len(text) // 2])
    (tmp_path / "model.bin").write_bytes(models["int8"].with_suffix(".bin").read_bytes())
    with pytest.raises(RunError, match="tags mismatch"):
        OPENVINO.session(tmp_path / "model.xml", precision="int8")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"cannot load none\.xml: .*Could not open"):
        OPENVINO.session(tmp_path / "none.xml", precision="int8")


def test_another_precision_is_refused(network: Path) -> None:
    with pytest.raises(RunError, match=r"not run in fp16, but in \('fp32', 'int8'\)"):
        OPENVINO.session(network, precision="fp16")


def test_a_second_output_is_refused(network: Path, tmp_path: Path) -> None:
    model = onnx.load(network)
    model.graph.output.append(onnx.helper.make_tensor_value_info("flat", 1, ["batch", 32]))
    onnx.save(model, tmp_path / "two.onnx")
    with pytest.raises(RunError, match="1 inputs and 2 outputs, expected 1 and 1"):
        OPENVINO.session(tmp_path / "two.onnx", precision="fp32")
