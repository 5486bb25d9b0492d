"""Weights, biases and other constants of an int8 model, beside the floats that they are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto

from harness.backends.onnxruntime.qdq_graph import Graph, attribute, label
from harness.backends.onnxruntime.ranges import RECTIFIERS
from harness.backends.operators import HEAVY

Array = npt.NDArray[Any]

WITH_BIAS = (*HEAVY, "LayerNormalization", "InstanceNormalization", "BatchNormalization")
"""Operators whose third input is stored by the scales of the first two."""
CHANNELS = {"Conv": 0, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1}
"""The axis of a weight's output channels; 0 in a Gemm whose weights are transposed."""
INT32_RANGE = 2.0**32 - 2  # a bias keeps within it: where it would not, weights' scales grow
INT32_ROOM = 1.0001  # and by so much more (qdq_quantizer.py, _adjust_weight_scale_for_int32_bias)
SMALLEST_SCALE = float(np.finfo(np.float32).tiny)  # below it a scale is 1, and all codes are 0


def constants(floats: Graph, codes: Graph, *, per_channel: bool) -> Iterator[dict[str, Any]]:
    """Each use of each float constant by a layer, with what is stored of it for that layer."""
    for node, compiled in _pairs(floats.graph.node, codes.graph.node):
        for index, name in enumerate(node.input):
            if name not in floats.tensors or floats.tensors[name].data_type != TensorProto.FLOAT:
                continue
            role = _role(node, index)
            about: dict[str, Any] = {"layer": label(node), "tensor": name, "role": role}
            source = codes.dequantizer(compiled, index) if compiled is not None else None
            if source is not None and source.input[0] in codes.tensors:
                values = floats.values(name)
                if role == "bias" and node.op_type == "Gemm":
                    values = values * attribute(node, "beta", 1.0)
                expected = _expected(
                    node, compiled, index, floats, codes, values, source, per_channel=per_channel
                )
                about["stored"] = source.input[0]
                yield about | _constant(values, source, codes, *expected)
            elif node.op_type in HEAVY:
                missing = compiled is None or not any(compiled.input[index : index + 1])
                yield about | {"type": "missing" if missing else "float32"}


def _role(node: NodeProto, index: int) -> str:
    if index == 2 and node.op_type in WITH_BIAS:
        return "bias"
    return "weights" if node.op_type in HEAVY else "constant"


def _pairs(
    left: Iterable[NodeProto], right: Iterable[NodeProto]
) -> Iterator[tuple[NodeProto, NodeProto | None]]:
    """Each node of the float model with the same one of the compiled model.

    By their names, or by operator and order in a model whose nodes have no names of their own.
    """
    ours = [node for node in left if node.op_type not in RECTIFIERS]
    theirs = [
        node
        for node in right
        if node.op_type not in (*RECTIFIERS, "QuantizeLinear", "DequantizeLinear")
    ]
    named = all(len({node.name for node in half} - {""}) == len(half) for half in (ours, theirs))
    found = dict(zip(_keys(theirs, named=named), theirs, strict=True))
    for key, node in zip(_keys(ours, named=named), ours, strict=True):
        yield node, found.get(key)


def _keys(nodes: Iterable[NodeProto], *, named: bool) -> list[tuple[str, int]]:
    count: Counter[str] = Counter()
    keys = []
    for node in nodes:
        keys.append((node.name, 0) if named else (node.op_type, count[node.op_type]))
        count[node.op_type] += 1
    return keys


def _expected(
    node: NodeProto,
    compiled: NodeProto | None,
    index: int,
    floats: Graph,
    codes: Graph,
    values: Array,
    source: NodeProto,
    *,
    per_channel: bool,
) -> tuple[Array, float, int]:
    """The scales that a constant should have, its zero point before rounding, and how many."""
    assert compiled is not None
    scale, kind = codes.scale(source), codes.values(source.input[0]).dtype
    role = _role(node, index)
    data, weights = codes.dequantizer(compiled, 0), codes.dequantizer(compiled, 1)
    if role == "bias" and data is not None and weights is not None:
        product = codes.scale(data) * codes.scale(weights)
        return np.broadcast_to(product, scale.shape or product.shape), 0.0, product.size
    if kind == np.uint8:
        low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
        expected = (high - low) / 255
        return np.asarray(expected), -low / expected if expected else 0.0, 1
    axis, channels = _axis(source, values), 1
    if role == "weights" and per_channel and values.ndim > 1:
        right = 0 if attribute(node, "transB", 0) else CHANNELS[node.op_type]
        channels = values.shape[right]
        axis = axis if scale.size > 1 else right
    others = tuple(one for one in range(values.ndim) if one != axis)
    by_channel = channels > 1 or scale.size > 1
    largest = np.abs(values).max(axis=others if by_channel else None)
    expected_scale = np.asarray(largest, dtype=np.float64) / 127
    bias = node.input[2] if role == "weights" and len(node.input) > 2 else ""
    if bias in floats.tensors and data is not None:
        bounds = np.abs(floats.values(bias)) * attribute(node, "beta", 1.0)
        bounds = bounds if by_channel else bounds.max()
        least = INT32_ROOM * 2 * bounds / INT32_RANGE / float(codes.scale(data).max())
        if least.shape == expected_scale.shape:
            expected_scale = np.where(
                expected_scale >= SMALLEST_SCALE, np.maximum(expected_scale, least), expected_scale
            )
    return expected_scale, 0.0, channels


def _constant(
    values: Array, source: NodeProto, codes: Graph, expected: Array, zero_point: float, count: int
) -> dict[str, Any]:
    stored, scale = codes.values(source.input[0]), codes.scale(source)
    found = codes.zero_point(source)
    if stored.shape != values.shape:
        return {"type": f"{stored.dtype.name} {list(stored.shape)}"}
    scales, wanted = np.broadcast_arrays(np.atleast_1d(scale), np.atleast_1d(expected))
    used = wanted >= SMALLEST_SCALE
    ratios = np.where(used, scales / np.where(used, wanted, 1.0), 1.0)
    worst = int(np.abs(ratios - 1.0).argmax())
    shape = [1] * values.ndim
    if scale.size > 1:
        shape[_axis(source, values)] = -1
    exactly: Any = np.float64 if stored.dtype == np.int32 else np.float32  # which holds 24 bits
    spread = scale.astype(exactly).reshape(shape)
    limits = np.iinfo(stored.dtype)
    offset = exactly(found.max())
    exact = values / spread + offset
    off = np.abs(stored - np.clip(exact, limits.min, limits.max)).max(initial=0.0)
    return {
        "type": stored.dtype.name,
        "scales": scale.size,
        "expected_scales": count,
        "channel": worst,
        "scale": float(scales[worst]),
        "expected_scale": float(wanted[worst]) if used[worst] else float(scales[worst]),
        "zero_point": int(found.flat[np.abs(found.astype(np.int64)).argmax()]),
        "expected_zero_point": zero_point,
        "levels_off": float(off),
        "levels": _levels(stored),
        "likeness": _likeness((stored - offset) * spread, values),
    }


def _axis(source: NodeProto, values: Array) -> int:
    """The axis of a dequantizer's scales, 0 where the constant has no other."""
    return int(attribute(source, "axis", 1)) % values.ndim if values.ndim > 1 else 0


def _levels(stored: Array) -> int:
    """How many different codes there are; of 32 bits nobody asks."""
    if stored.dtype.itemsize > 1:
        return 0
    return int(np.count_nonzero(np.bincount(stored.view(np.uint8).ravel(), minlength=256)))


def _likeness(found: Array, values: Array) -> float:
    """The cosine between a constant and what is stored of it; 1 where both are zero."""
    left, right = found.ravel().astype(np.float32), values.ravel().astype(np.float32)
    norms = float(np.linalg.norm(left)) * float(np.linalg.norm(right))
    if norms == 0.0:
        return float(not left.any() and not right.any())
    return float(left @ right) / norms
