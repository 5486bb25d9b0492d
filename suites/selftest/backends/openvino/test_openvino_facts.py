"""Every way of staying in floating point is noticed, in the file and in what is executed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openvino_networks import HEAVY, LAYERS, Floats, images

backend = pytest.importorskip(
    "harness.backends.openvino.sessions", reason="OpenVINO is not installed"
)
nncf = pytest.importorskip("nncf", reason="NNCF is not installed")
openvino = backend.openvino

from harness.backends.openvino import graph as openvino_graph  # noqa: E402

FLOAT = {f"{layer} f32": count for layer, count in LAYERS.items()}
ops = openvino.opset13


@pytest.fixture
def float_model(network: Path) -> Any:
    return openvino.convert_model(network)


def once_run(model: Any, folder: Path, image: Floats | None = None) -> Any:
    """A session of a model that was written to a file and has run."""
    openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)
    session = backend.OpenVinoSession(folder / "model.xml")
    session.logits(images(1) if image is None else image)
    return session


def quantized(model: Any, **options: Any) -> Any:
    with backend._quiet(nncf.nncf_logger, []):
        return nncf.quantize(model, nncf.Dataset(list(images(4)[:, None])), **options)


# ── models that pose as int8 ──────────────────────────────────────────────────────────────────


def test_a_float_model_posing_as_int8_is_noticed(float_model, tmp_path: Path) -> None:
    session = once_run(float_model, tmp_path)
    assert session.unquantized == session.heavy
    assert len(session.heavy) == HEAVY
    assert session.executed().floating == FLOAT


def test_one_float_convolution_is_named(float_model, tmp_path: Path) -> None:
    ignored = nncf.IgnoredScope(names=["wide/WithoutBiases"])
    session = once_run(quantized(float_model, ignored_scope=ignored), tmp_path)
    assert session.unquantized == ("wide/WithoutBiases",)
    assert session.executed().floating == {"Convolution f32": 1}


def test_int8_weights_alone_are_not_enough(float_model, tmp_path: Path) -> None:
    with backend._quiet(nncf.nncf_logger, []):
        only_weights = nncf.compress_weights(float_model)
    session = once_run(only_weights, tmp_path)
    assert session.unquantized == session.heavy
    assert session.executed().floating == FLOAT


def test_what_runs_in_bfloat16_is_noticed(network: Path) -> None:
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor has no bfloat16")
    compiled = openvino.Core().compile_model(network, "CPU")  # as OpenVINO does by itself
    executed = openvino_graph.executed(compiled.get_runtime_model(), products=())
    assert executed.half["Convolution bf16"] == LAYERS["Convolution"]
    assert executed.floating["Convolution bf16"] == LAYERS["Convolution"]


# ── what reaches a convolution ────────────────────────────────────────────────────────────────


def levels(value: Any, count: int = 256) -> Any:
    return ops.fake_quantize(value, *(np.float32(end) for end in (-1, 1, -1, 1)), levels=count)


DATA = {
    "quantized": (levels, True),
    "moved": (lambda x: ops.transpose(levels(x), [0, 1, 3, 2]), True),
    "joined": (lambda x: ops.concat([levels(x), levels(x)], axis=2), True),
    "one of two": (lambda x: ops.concat([levels(x), ops.relu(x)], axis=2), False),
    "16 bits": (lambda x: levels(x, 65536), False),
    "changed again": (lambda x: ops.sqrt(ops.relu(levels(x))), False),
    "never": (lambda x: x, False),
}
WEIGHTS = {
    "int8": (lambda w: ops.multiply(ops.convert(w.astype(np.int8), "f32"), np.float32(0.1)), True),
    "quantized": (lambda w: levels(ops.constant(w)), True),
    "int32": (lambda w: ops.multiply(ops.convert(w.astype(np.int32), "f32"), np.float32(1)), False),
    "float": (ops.constant, False),
}


def convolution(data: Any, weights: Any) -> Any:
    image = ops.parameter([-1, 3, 8, 8], np.float32)
    kernels = weights(np.ones((4, 3, 1, 1), np.float32))
    made = ops.convolution(data(image), kernels, [1, 1], [0, 0], [0, 0], [1, 1], name="conv")
    return openvino.Model([made], [image])


@pytest.mark.parametrize("case", DATA)
def test_data_is_int8_only_as_it_leaves_a_quantizer(case: str) -> None:
    data, is_int8 = DATA[case]
    model = convolution(data, WEIGHTS["int8"][0])
    assert openvino_graph.unquantized(model) == (() if is_int8 else ("conv",))


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_are_int8_only_where_they_are_stored_or_rounded_so(case: str) -> None:
    weights, is_int8 = WEIGHTS[case]
    model = convolution(DATA["quantized"][0], weights)
    assert openvino_graph.unquantized(model) == (() if is_int8 else ("conv",))


def test_attention_is_never_int8(tmp_path: Path) -> None:
    """Its second product takes the softmax, even where all that goes in is int8."""
    tokens = ops.parameter([-1, 4, 64, 64], np.float32)
    taken = [levels(tokens) for _ in range(3)]
    attention = ops.scaled_dot_product_attention(*taken, name="attention")
    image = np.random.default_rng(0).random((1, 4, 64, 64), np.float32)
    session = once_run(openvino.Model([attention], [tokens]), tmp_path, image)
    assert session.unquantized == session.heavy == ("attention",)
    assert sum(session.executed().floating.values()) >= 1
