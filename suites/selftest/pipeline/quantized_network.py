"""A small ONNX network of what quantizers treat in ways of their own, and faults to put into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto, NodeProto
from onnx.numpy_helper import from_array
from onnx.parser import parse_model
from onnxruntime.quantization import QuantType
from planted_faults import Step

from benchmarks.fault_injection import QuantizedModel, inject

Floats = npt.NDArray[np.float32]
Edit = Callable[[QuantizedModel], object]

SIZE = 8  # pixels
NETWORK = """
<ir_version: 8, opset_import: ["" : 19]>
network (float[batch,3,8,8] image) => (float[batch,10] logits)
<float zero = {0}, float six = {6}>
{
    a = Conv <pads = [1,1,1,1]> (image, first, first_b)
    b = Relu (a)
    pooled = MaxPool <kernel_shape = [2,2], strides = [2,2]> (b)
    c = Conv <pads = [1,1,1,1]> (pooled, second, second_b)
    d = Clip (c, zero, six)
    e = Conv <pads = [1,1,1,1]> (d, third, third_b)
    f = Add (e, pooled)
    g = Relu (f)
    scores = Softmax <axis = 1> (f)
    h = Concat <axis = 1> (g, scores)
    up = ConvTranspose <strides = [2,2]> (h, up_w)
    shifted = Add (up, shift)
    i = GlobalAveragePool (shifted)
    j = Flatten (i)
    k = LayerNormalization (j, norm, norm_b)
    l = MatMul (k, inner)
    logits = Gemm <transB = 1> (l, last, last_b)
}
"""
SHAPES: Mapping[str, tuple[int, ...]] = {
    "first": (8, 3, 3, 3),
    "first_b": (8,),
    "second": (8, 8, 3, 3),
    "second_b": (8,),
    "third": (8, 8, 3, 3),
    "third_b": (8,),
    "up_w": (16, 6, 2, 2),
    "shift": (1, 6, 1, 1),
    "norm": (6,),
    "norm_b": (6,),
    "inner": (6, 12),
    "last": (10, 12),
    "last_b": (10,),
}
DEAD = 3  # a channel of the second convolution without weights
FAINT = 5  # and one with weights so small that its bias would need more than 32 bits


def write(path: Path) -> None:
    """The network with weights whose channels are of unequal strength."""
    draw, model = np.random.default_rng(7), parse_model(NETWORK)
    for name, shape in SHAPES.items():
        strength = np.exp(draw.normal(0.0, 0.5, (shape[0], *[1] * (len(shape) - 1))))
        values = draw.normal(0.1, max(np.prod(shape[1:]), 1) ** -0.5, shape) * strength
        if name == "second":
            values[DEAD] = 0.0
            values[FAINT] *= 1e-9
        model.graph.initializer.append(from_array(values.astype(np.float32), name))
    onnx.save(model, path)


def images(seed: int, *, spread: float = 1.0) -> Floats:
    """Eight images, not centred at zero."""
    drawn = np.random.default_rng(seed).normal(0.3, spread, (8, 3, SIZE, SIZE))
    return drawn.astype(np.float32)


# ── quantizers, made of the right one ─────────────────────────────────────────────────────────


def editing(edit: Edit) -> Callable[[Step], Step]:
    """What the quantizer writes is changed."""

    def fault(quantize: Step) -> Step:
        def wrong(source: str, target: str, *arguments: object, **options: Any) -> None:
            quantize(source, target, *arguments, **options)
            model = QuantizedModel(Path(target))
            edit(model)
            onnx.save(model.proto, target)

        return wrong

    return fault


def on_noise(quantize: Step) -> Step:
    """Calibrated on other images than it is given."""

    class Noise:
        def __init__(self) -> None:
            self.left = [{"image": one[None]} for one in images(99, spread=0.3)]

        def get_next(self) -> dict[str, Floats] | None:
            return self.left.pop() if self.left else None

    def wrong(source: str, target: str, _: object, **options: Any) -> None:
        quantize(source, target, Noise(), **options)

    return wrong


def on_half(quantize: Step) -> Step:
    """Only the first four images are looked at."""

    def wrong(source: str, target: str, reader: Any, **options: Any) -> None:
        left = [reader.get_next() for _ in range(4)]
        reader.get_next = lambda: left.pop() if left else None
        quantize(source, target, reader, **options)

    return wrong


def with_options(**other: Any) -> Callable[[Step], Step]:
    """The quantizer is asked for something else."""

    def fault(quantize: Step) -> Step:
        def wrong(*arguments: object, **options: Any) -> None:
            quantize(*arguments, **{**options, **other})

        return wrong

    return fault


# ── what it writes ────────────────────────────────────────────────────────────────────────────


def scale_of(tensor: str, times: float) -> Edit:
    """An activation's scale is another one, where it is stored and where it is read."""

    def edit(model: QuantizedModel) -> None:
        name = _quantizer(model.proto, tensor).input[1]
        model.replace(name, model.values(name) * np.float32(times))
        for layer in model.layers:
            if layer.data.input[1] == name:
                model.rescale_bias(layer)

    return edit


def zero_point_of(tensor: str, by: int) -> Edit:
    """A zero point is moved by some levels."""

    def edit(model: QuantizedModel) -> None:
        name = _quantizer(model.proto, tensor).input[2]
        model.replace(name, model.values(name).astype(np.int64) + by)

    return edit


def weight_scale(times: float) -> Edit:
    """The second convolution's scales are others; codes stay."""

    def edit(model: QuantizedModel) -> None:
        name = model.layers[1].weights.input[1]
        model.replace(name, model.values(name) * np.float32(times))
        model.rescale_bias(model.layers[1])

    return edit


def four_bits_at_eight(model: QuantizedModel) -> None:
    """Scales stay those of eight bits, and only every eighteenth level is used."""
    name = model.layers[1].weights.input[0]
    model.replace(name, np.clip(np.rint(model.values(name) / 18) * 18, -126, 126))


def of_another_layer(model: QuantizedModel) -> None:
    """The third convolution has the second one's weights, with their scales."""
    for index in (0, 1):
        ours, theirs = (model.layers[at].weights.input[index] for at in (2, 1))
        model.replace(ours, model.values(theirs))
    model.rescale_bias(model.layers[2])


def reading_another_layer(model: QuantizedModel) -> None:
    """The third convolution reads the second one's weights, which are right themselves."""
    second, third = model.layers[1:3]
    third.node.input[1] = second.node.input[1]


def without_bias(model: QuantizedModel) -> None:
    """A bias is left out."""
    del model.layers[1].node.input[2:]


def zero_bias(model: QuantizedModel) -> None:
    """A bias is there, and nothing but zeros."""
    bias = model.layers[1].bias
    assert bias is not None
    model.replace(bias.input[0], np.zeros(8))


def _quantizer(model: ModelProto, tensor: str) -> NodeProto:
    (node,) = (
        one for one in model.graph.node if one.op_type == "QuantizeLinear" and tensor in one.input
    )
    return node


def _injected(fault: str) -> Callable[[Step], Step]:
    return editing(lambda model: inject(model, fault))


FAULTS: Mapping[str, tuple[Callable[[Step], Step], str]] = {
    "scale by 0.9": (
        editing(scale_of("d", 0.9)),
        r"scale of 'd' in layer 'Clip of d' is \S+ \(0\.9 times as large\), expected \S+ ± 1e-05 "
        r".*likely cause: the scale of one tensor by 0\.9",
    ),
    "scale by 0.97": (editing(scale_of("d", 0.97)), "the scale of one tensor by 0.97"),
    "scale by 1.003, shared": (
        editing(scale_of("b", 1.003)),
        "scale of 'b' .*of one tensor by 1.003",
    ),
    "zero point one higher": (editing(zero_point_of("image", 1)), "'image'.*zero point off by one"),
    "zero point one lower": (editing(zero_point_of("image", -1)), "zero point off by one"),
    "zero point 1 for 0": (editing(zero_point_of("d", 1)), r"is 1, expected 0\.00.*off by one"),
    "zero point 128": (_injected("zero point 128"), "zero point of a symmetric range"),
    "zero point dropped": (_injected("zero point 0"), "a zero point dropped"),
    "zero point forgotten": (_injected("read with zero point 0"), "0 where it is read.* dropped"),
    "halved scale": (_injected("halved scale, late"), "the scale of one tensor by 0.5"),
    "noise": (on_noise, r"\d+ of \d+ activations are off: calibrated on other images"),
    "half of the images": (on_half, "activations are off: calibrated on other images than these, "),
    "signed activations": (
        with_options(activation_type=QuantType.QInt8),
        "is int8, expected uint8.*activations of another width or sign",
    ),
    "symmetric ranges": (
        with_options(extra_options={"ActivationSymmetric": True}),
        "off: calibrated on other images than these, on some of them, or by another rule",
    ),
    "reduced range": (with_options(reduce_range=True), "scale of 'first' .*by 1.98"),
    "int4": (_injected("four bits, middle"), r"'second'.*: \d+ levels: int4 in this layer"),
    "int4 at the scale of int8": (editing(four_bits_at_eight), "codes of 'second'.*int4 in this"),
    "weight scale by 0.97": (editing(weight_scale(0.97)), "'second'.*scale of one tensor by 0.97"),
    "per tensor": (with_options(per_channel=False), "1 scales, expected 8.*: per tensor"),
    "per tensor in all channels": (_injected("per-tensor weights"), "scale of 'first' in layer"),
    "weights of another layer": (
        editing(of_another_layer),
        "'third'.* the weights are not this layer's: another layer's",
    ),
    "another layer's read": (
        editing(reading_another_layer),
        "'third'.* the weights are not this layer's: another layer's",
    ),
    "no bias": (editing(without_bias), "'second_b' .* is missing, expected int32.*bias dropped"),
    "a bias of zeros": (editing(zero_bias), "codes of 'second_b'.*are not this layer's: zeros"),
    "unsigned weights": (
        with_options(weight_type=QuantType.QUInt8, per_channel=False),
        "'first' in layer .* is uint8, expected int8.*the weights stored otherwise",
    ),
}
"""Quantizers that are wrong, and what has to be said of each."""
