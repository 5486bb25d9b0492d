"""Whether integer kernels are exact on this processor: some saturate in the middle of a sum.

x86 without VNNI multiplies unsigned by signed bytes with ``pmaddubsw``, which adds two products
into 16 bits (Intel 64 and IA-32 Architectures Software Developer's Manual, PMADDUBSW): 255 · 127
twice is 64,770 and becomes 32,767. A whole network then loses ten decibels, and looks wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from harness.backends.session import Session
from harness.errors import MissingBackend, RunError
from harness.runtime.scratch import Scratch

Floats = npt.NDArray[np.float32]

OPERATORS: Final = ("Conv", "MatMul")
_INPUTS, _OUTPUTS = 64, 16  # channels: more than the widest register takes at once
_STEP: Final = 20_000.0  # of the output's scale; the largest sum is 2,072,640, 104 steps of 127
_OPSET, _IR = 19, 9


def require_exact(load: Callable[[Path], Session], *, name: str) -> None:
    """Hold the int8 kernels behind ``load`` against exact integer arithmetic.

    ``load`` opens an ONNX model in the QDQ form; ``name`` is the backend's, for the message.

    Raises:
        MissingBackend: a sum saturates, so that int8 figures of this machine would say nothing of
            the model.
        RunError: the sums are no processor's; then it is the backend that is wrong.
    """
    with Scratch("arithmetic") as folder:
        wrong = []
        for operator in OPERATORS:
            path = folder / f"{operator}.onnx"
            path.write_bytes(_probe(operator))
            images = _images(operator)
            found = np.asarray(load(path).logits(images)).reshape(len(images), _OUTPUTS)
            if np.array_equal(found, expected(images)):
                continue
            if not np.array_equal(found, expected(images, saturating=True)):
                raise RunError(
                    f"the int8 kernels of {name} are wrong: {operator} of full range gives sums "
                    "that are neither exact nor those of a processor that saturates"
                )
            wrong.append(operator)
    if wrong:
        raise MissingBackend(
            f"the int8 kernels of {name} saturate on this processor ({' and '.join(wrong)} of full "
            "range gives other sums than exact integers do), as they do on x86 without VNNI: int8 "
            "figures would say nothing of the model"
        )


def expected(images: Floats, *, saturating: bool = False) -> Floats:
    """What exact integers give for :data:`OPERATORS`: (n, outputs), float32.

    ``saturating``: what such kernels give, which add each two products into 16 bits.
    """
    levels = images.reshape(len(images), 1, _INPUTS).astype(np.int64)
    products = levels * _weights().astype(np.int64)
    pairs = products[..., 0::2] + products[..., 1::2]
    if saturating:
        pairs = pairs.clip(-(2**15), 2**15 - 1)
    sums = pairs.sum(axis=-1)
    codes = np.clip(np.rint(sums / _STEP) + 128, 0, 255) - 128
    return np.asarray(codes * _STEP, np.float32)


def _images(operator: str) -> Floats:
    """The largest unsigned byte everywhere, then in every second channel, then random ones."""
    images = np.full((3, _INPUTS), 255, np.float32)
    images[1, 1::2] = 0
    images[2] = np.random.default_rng(0).integers(0, 256, _INPUTS)
    return images.reshape(3, _INPUTS, 1, 1) if operator == "Conv" else images


def _weights() -> npt.NDArray[np.int8]:
    """The largest signed bytes, in every pattern of signs that adds up or cancels."""
    weights = np.full((_OUTPUTS, _INPUTS), 127, np.int8)
    weights[1::4] = -128
    weights[2::4, 1::2] = -127
    weights[3::4] = np.random.default_rng(1).integers(-128, 128, (_OUTPUTS // 4, _INPUTS))
    return weights


@cache
def _probe(operator: str) -> bytes:
    """A quantized input, one operator with quantized weights, a quantized output."""
    from onnx import TensorProto, helper, numpy_helper

    weights = _weights()
    constants: dict[str, Any] = {
        "one": np.float32(1),
        "low": np.uint8(0),
        "middle": np.int8(0),
        "step": np.float32(_STEP),
        "centre": np.uint8(128),
        "weights": weights[:, :, None, None] if operator == "Conv" else weights.T.copy(),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["input", "one", "low"], ["codes"]),
        helper.make_node("DequantizeLinear", ["codes", "one", "low"], ["values"]),
        helper.make_node("DequantizeLinear", ["weights", "one", "middle"], ["factors"]),
        helper.make_node(operator, ["values", "factors"], ["sums"]),
        helper.make_node("QuantizeLinear", ["sums", "step", "centre"], ["rounded"]),
        helper.make_node("DequantizeLinear", ["rounded", "step", "centre"], ["output"]),
    ]
    tail = [1, 1] if operator == "Conv" else []
    graph = helper.make_graph(
        nodes,
        "arithmetic",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", _INPUTS, *tail])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", _OUTPUTS, *tail])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", _OPSET)]
    model: bytes = helper.make_model(
        graph, opset_imports=opsets, ir_version=_IR
    ).SerializeToString()
    return model
