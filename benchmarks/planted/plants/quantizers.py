"""What a quantizer is given, how it is called, and what it writes."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from .onnx_tensors import array_of, initializers, put

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class _Images:
    """What a reader hands out, changed."""

    def __init__(self, reader: Any, edit: str) -> None:
        self._reader, self._edit = reader, edit
        self._first: Any = None

    def get_next(self) -> Any:
        import numpy as np

        given = self._reader.get_next()
        if given is None:
            return None
        ((name, images),) = given.items()
        if self._edit == "one_image":
            self._first = images if self._first is None else self._first
            images = self._first
        elif self._edit == "noise":
            images = np.random.default_rng(0).normal(size=images.shape).astype(np.float32)
        elif self._edit == "channels_swapped":
            images = np.ascontiguousarray(images[:, ::-1])
        elif self._edit == "not_normalized":
            shape = (1, 3, 1, 1)
            images = images * np.reshape(STD, shape) + np.reshape(MEAN, shape)
        elif self._edit == "half_the_size":
            images = np.repeat(np.repeat(images[:, :, ::2, ::2], 2, axis=2), 2, axis=3)
        return {name: np.ascontiguousarray(images, np.float32)}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


def calibration(module: Any, edit: str) -> None:
    """The quantizer is given other images."""
    quantize = module.quantize_static

    @functools.wraps(quantize)
    def wrong(source: Any, target: Any, reader: Any, *arguments: Any, **options: Any) -> None:
        made = type("Reader", (_Images, module.CalibrationDataReader), {})(reader, edit)
        quantize(source, target, made, *arguments, **options)

    module.quantize_static = wrong


def quantizer(module: Any, edit: str) -> None:
    """The quantizer is called otherwise."""
    quantize = module.quantize_static

    @functools.wraps(quantize)
    def wrong(source: Any, target: Any, *arguments: Any, **options: Any) -> None:
        import onnx

        if edit == "all_in_float":
            Path(target).write_bytes(Path(source).read_bytes())
            return
        if edit == "one_layer_in_float":
            nodes = [node.name for node in onnx.load(source).graph.node if node.op_type == "Conv"]
            options["nodes_to_exclude"] = nodes[20:21]
        elif edit == "per_tensor":
            options["per_channel"] = False
        elif edit == "reduced_range":
            options["reduce_range"] = True
        elif edit == "percentile":
            options["calibrate_method"] = module.CalibrationMethod.Percentile
            options["extra_options"] = {"CalibPercentile": 99.0}
        elif edit == "signed_activations":
            options["activation_type"] = module.QuantType.QInt8
        quantize(source, target, *arguments, **options)

    module.quantize_static = wrong


def quantized_file(module: Any, edit: str, amount: float) -> None:
    """What the quantizer writes is edited."""
    quantize = module.quantize_static

    @functools.wraps(quantize)
    def wrong(source: Any, target: Any, *arguments: Any, **options: Any) -> None:
        import onnx

        quantize(source, target, *arguments, **options)
        model = onnx.load(str(target))
        _edit_quantized(model, edit, amount)
        onnx.save(model, str(target))

    module.quantize_static = wrong


def _edit_quantized(model: Any, edit: str, amount: float) -> None:
    import numpy as np

    known = initializers(model)
    made = {node.output[0]: node for node in model.graph.node}
    heavy = [node for node in model.graph.node if node.op_type == "Conv"]
    node = heavy[20]
    data, weights = made[node.input[0]], made[node.input[1]]
    bias = made[node.input[2]]
    stored, scale = known[weights.input[0]], known[weights.input[1]]
    if edit == "activation":
        put(known[data.input[1]], array_of(known[data.input[1]]) * np.float32(amount))
    elif edit == "weights":
        put(scale, array_of(scale) * np.float32(amount))
    elif edit == "zero_point":
        point = known[made[heavy[0].input[0]].input[2]]
        put(point, (array_of(point) + int(amount)).astype(np.uint8))
    elif edit == "bits":
        step = 2 ** (8 - int(amount))
        values = np.round(array_of(stored) / step) * step
        put(stored, np.clip(values, -127, 127).astype(np.int8))
    elif edit == "bias":
        put(known[bias.input[0]], array_of(known[bias.input[0]]) * 0)
    else:
        codes = [known[made[one.input[1]].input[0]] for one in heavy]
        other = next(
            one
            for one in codes[21:]
            if list(one.dims) == list(stored.dims) and one.name != stored.name
        )
        put(stored, array_of(other))
