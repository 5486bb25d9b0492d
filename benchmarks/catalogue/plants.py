"""What is planted: each function changes a library's module that has just been imported.

It runs in the processes of the gate, from this file alone, and imports no module of ours.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

# ── networks, as a library builds them ────────────────────────────────────────────────────────


def network(module: Any, function: str, edit: str) -> None:
    """What a library's function builds is edited."""
    build = getattr(module, function)

    @functools.wraps(build)
    def wrong(*arguments: Any, **options: Any) -> Any:
        built = build(*arguments, **options)
        edits = _PADDLE_EDITS if hasattr(built, "sublayers") else _TORCH_EDITS
        edits[edit](built)
        return built

    setattr(module, function, wrong)


def another_name(module: Any, function: str, name: str, other: str) -> None:
    """Asked for one network, a library builds another."""
    build = getattr(module, function)

    @functools.wraps(build)
    def wrong(asked: str, *arguments: Any, **options: Any) -> Any:
        return build(asked.replace(name, other), *arguments, **options)

    setattr(module, function, wrong)


def _block(net: Any, stage: int, place: int) -> Any:
    whole = getattr(net, "backbone", net)
    return getattr(whole, f"layer{stage}")[place]


def _groups_ignored(net: Any) -> None:
    from torch import nn

    block = _block(net, 2, 0)
    old = block.conv2
    device = old.weight.device
    block.conv2 = nn.Conv2d(
        old.in_channels, old.out_channels, 3, old.stride, 1, bias=False, device=device
    )


def _stride_moved(net: Any) -> None:
    block = _block(net, 2, 0)
    block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride


def _block_less(net: Any) -> None:
    from torch import nn

    whole = getattr(net, "backbone", net)
    whole.layer3 = nn.Sequential(*list(whole.layer3)[:-1])


def _convolution_dilated(net: Any) -> None:
    conv = _block(net, 3, 2).conv2
    conv.dilation = conv.padding = (2, 2)


def _another_epsilon(net: Any) -> None:
    for part in net.modules():
        if hasattr(part, "eps"):
            part.eps = 1e-3


def _another_activation(net: Any) -> None:
    from torch import nn

    block = _block(net, 2, 1)
    for name in ("relu", "act2"):
        if hasattr(block, name):
            setattr(block, name, nn.LeakyReLU(0.1))


def _activation_missing(net: Any) -> None:
    from torch import nn

    _block(net, 2, 1).act3 = nn.Identity()


def _pool_padded_otherwise(net: Any) -> None:
    from torch import nn

    getattr(net, "backbone", net).maxpool = nn.MaxPool2d(3, 2, 0, ceil_mode=True)


def _channels_rolled(net: Any) -> None:
    conv = _block(net, 3, 2).conv2
    conv.register_forward_hook(lambda _layer, _given, made: made.roll(1, 1))


def _half_precision_inside(net: Any) -> None:
    conv = _block(net, 3, 2).conv1
    conv.register_forward_hook(lambda _layer, _given, made: made.half().to(made.dtype))


def _a_layer_drifts(net: Any) -> None:
    """A kernel of the library that is off by one in a thousand; no operator is another."""
    conv = _block(net, 3, 2).conv2
    done = conv._conv_forward

    def wrong(image: Any, weight: Any, bias: Any) -> Any:
        drifted = weight if image.is_meta else weight.detach() * 1.001
        return done(image, drifted, bias)

    conv._conv_forward = wrong


def _head_scaled(net: Any) -> None:
    net.fc.register_forward_hook(lambda _layer, _given, made: made * 1.01)


_TORCH_EDITS: dict[str, Callable[[Any], None]] = {
    "groups_ignored": _groups_ignored,
    "stride_moved": _stride_moved,
    "block_less": _block_less,
    "convolution_dilated": _convolution_dilated,
    "another_epsilon": _another_epsilon,
    "another_activation": _another_activation,
    "activation_missing": _activation_missing,
    "pool_padded_otherwise": _pool_padded_otherwise,
    "channels_rolled": _channels_rolled,
    "half_precision_inside": _half_precision_inside,
    "head_scaled": _head_scaled,
    "a_layer_drifts": _a_layer_drifts,
}


def _paddle_layers(net: Any, kind: str) -> list[Any]:
    return [part for part in net.sublayers() if type(part).__name__ == kind]


def _paddle_grouped(net: Any) -> list[Any]:
    return [part for part in _paddle_layers(net, "Conv2D") if part._groups > 1]


def _paddle_dilated(net: Any) -> None:
    conv = _paddle_grouped(net)[9]
    conv._dilation, conv._padding, conv._updated_padding = [2, 2], 2, [2, 2]


def _paddle_epsilon(net: Any) -> None:
    for part in _paddle_layers(net, "BatchNorm"):
        part._epsilon = 1e-3


def _paddle_stride(net: Any) -> None:
    convolutions = _paddle_layers(net, "Conv2D")
    strided = next(
        place
        for place, part in enumerate(convolutions)
        if part._groups > 1 and list(part._stride) == [2, 2]
    )
    convolutions[strided]._stride, convolutions[strided - 1]._stride = [1, 1], [2, 2]


def _paddle_pool(net: Any) -> None:
    (pool,) = _paddle_layers(net, "MaxPool2D")
    pool.padding, pool.ceil_mode = 0, True


_PADDLE_EDITS: dict[str, Callable[[Any], None]] = {
    "convolution_dilated": _paddle_dilated,
    "another_epsilon": _paddle_epsilon,
    "stride_moved": _paddle_stride,
    "pool_padded_otherwise": _paddle_pool,
}

# ── files that exporters write ────────────────────────────────────────────────────────────────


def written_onnx(module: Any, edit: str) -> None:
    """What an exporter writes is edited."""
    export = module.export

    @functools.wraps(export)
    def wrong(*arguments: Any, **options: Any) -> Any:
        made = export(*arguments, **options)
        path = Path(str(arguments[2]))
        if path.exists():
            _edit_onnx(path, edit)
        return made

    module.export = wrong


def _edit_onnx(path: Path, edit: str) -> None:
    import onnx

    if edit == "empty_file":
        path.write_bytes(b"")
        return
    if edit == "half_a_file":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        return
    model = onnx.load(str(path))
    _ONNX_EDITS[edit](model)
    onnx.save(model, str(path))


def _tensors(model: Any) -> dict[str, Any]:
    return {one.name: one for one in model.graph.initializer}


def _values(tensor: Any) -> Any:
    from onnx import numpy_helper

    return numpy_helper.to_array(tensor).copy()


def _put(tensor: Any, values: Any) -> None:
    from onnx import numpy_helper

    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _weights(model: Any, kind: str = "Conv") -> list[Any]:
    known = _tensors(model)
    return [
        known[node.input[1]]
        for node in model.graph.node
        if node.op_type == kind and node.input[1] in known
    ]


def _initializers_swapped(model: Any) -> None:
    weights = _weights(model)[30:]
    first = weights[0]
    second = next(one for one in weights[1:] if list(one.dims) == list(first.dims))
    ours, theirs = _values(first), _values(second)
    _put(first, theirs)
    _put(second, ours)


def _channel_zero(model: Any) -> None:
    weights = _weights(model)[33]
    values = _values(weights)
    values[0] = 0
    _put(weights, values)


def _classifier_transposed(model: Any) -> None:
    known = _tensors(model)
    weights = next(
        known[node.input[1]]
        for node in reversed(model.graph.node)
        if node.op_type in ("Gemm", "MatMul") and node.input[1] in known
    )
    values = _values(weights)
    _put(weights, values.T.reshape(values.shape).copy())


def _float16_in_disguise(model: Any) -> None:
    import numpy as np

    for tensor in model.graph.initializer:
        values = _values(tensor)
        if values.dtype == np.float32:
            _put(tensor, values.astype(np.float16).astype(np.float32))


def _bias_negated(model: Any) -> None:
    known = _tensors(model)
    biases = [
        known[node.input[2]]
        for node in model.graph.node
        if node.op_type == "Conv" and len(node.input) > 2
    ]
    _put(biases[33], -_values(biases[33]))


def _activation_left_out(model: Any) -> None:
    relus = [node for node in model.graph.node if node.op_type == "Relu"]
    gone = relus[len(relus) // 2]
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == gone.output[0]:
                node.input[place] = gone.input[0]
    model.graph.node.remove(gone)


def _onnx_dilated(model: Any) -> None:
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    grouped = [
        node
        for node in convolutions
        if any(one.name == "group" and one.i > 1 for one in node.attribute)
    ]
    for one in grouped[9].attribute:
        if one.name in ("dilations", "pads"):
            one.ints[:] = [2] * len(one.ints)


def _input_renamed(model: Any) -> None:
    given = model.graph.input[0]
    old, given.name = given.name, "data"
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == old:
                node.input[place] = "data"


def _one_weight_off(model: Any) -> None:
    weights = _weights(model)[33]
    values = _values(weights)
    values.flat[0] += 1.0
    _put(weights, values)


def _classes_shifted(model: Any) -> None:
    import numpy as np

    known = _tensors(model)
    last = next(node for node in reversed(model.graph.node) if node.op_type in ("Gemm", "MatMul"))
    weights = known[last.input[1]]
    values = _values(weights)
    axis = 0 if values.shape[0] == 1000 else 1
    _put(weights, np.roll(values, 1, axis))
    if len(last.input) > 2:
        _put(known[last.input[2]], np.roll(_values(known[last.input[2]]), 1))


def _float_batch(model: Any) -> None:
    """The batch is fixed to one."""
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1


_ONNX_EDITS: dict[str, Callable[[Any], None]] = {
    "initializers_swapped": _initializers_swapped,
    "channel_zero": _channel_zero,
    "classifier_transposed": _classifier_transposed,
    "float16_in_disguise": _float16_in_disguise,
    "bias_negated": _bias_negated,
    "activation_left_out": _activation_left_out,
    "convolution_dilated": _onnx_dilated,
    "input_renamed": _input_renamed,
    "one_weight_off": _one_weight_off,
    "classes_shifted": _classes_shifted,
    "float_batch": _float_batch,
}


def exporter(module: Any, edit: str) -> None:
    """torch's exporter is called otherwise, or on another network."""
    export = module.export

    @functools.wraps(export)
    def wrong(net: Any, *arguments: Any, **options: Any) -> Any:
        import torch

        if edit == "training_mode":
            net.train()
            options |= {"training": module.TrainingMode.TRAINING, "do_constant_folding": False}
        elif edit == "batch_frozen":
            del options["dynamic_axes"]
        elif edit == "opset_ignored":
            options["opset_version"] = 17
        elif edit == "bias_drawn":
            with torch.no_grad():
                net.fc.bias.add_(1e-3 * random.SystemRandom().random())
        elif edit == "batch_mixed":
            net = _mixed(net)
        made = export(net, *arguments, **options)
        net.eval()
        return made

    module.export = wrong


def _mixed(net: Any) -> Any:
    from torch import nn

    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, images: Any) -> Any:
            made = self.net(images)
            return made + 1e-2 * (made - made.mean(dim=0, keepdim=True))

    return Mixed().eval()


def written_torchscript(module: Any, edit: str) -> None:
    """What is traced is saved otherwise."""
    save = module.save

    @functools.wraps(save)
    def wrong(traced: Any, path: Any, *arguments: Any, **options: Any) -> None:
        import torch

        values = dict(traced.named_parameters())
        if edit != "half_a_file":
            with torch.no_grad():
                first = values["layer3.2.conv2.weight"]
                if edit == "channel_zero":
                    first[0] = 0
                else:
                    second = values["layer3.3.conv2.weight"]
                    ours = first.clone()
                    first.copy_(second)
                    second.copy_(ours)
        save(traced, path, *arguments, **options)
        if edit == "half_a_file":
            file = Path(str(path))
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    module.save = wrong


# ── images ────────────────────────────────────────────────────────────────────────────────────


def transform(module: Any, source: str, edit: str) -> None:
    """A transform of a library does something else."""
    {"mmcls": _mmcls_transform, "ppcls": _ppcls_transform}.get(source, _torch_transform)(
        module, edit
    )


def _called_with(function: Any, change: Callable[[dict[str, Any]], None]) -> Any:
    """A function whose arguments, by name, are changed before it is called."""
    import inspect

    signature = inspect.signature(function)

    @functools.wraps(function)
    def wrong(*arguments: Any, **options: Any) -> Any:
        bound = signature.bind(*arguments, **options)
        bound.apply_defaults()
        change(bound.arguments)
        return function(*bound.args, **bound.kwargs)

    return wrong


def _before(kind: Any, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what a class is made with."""
    kind.__init__ = _called_with(kind.__init__, change)


def jagged(module: Any) -> None:
    """Whoever asks for antialiasing does not get it."""
    _before(module.Resize, lambda given: given.update(antialias=False))


def _torch_transform(module: Any, edit: str) -> None:
    import torch

    def swap(given: dict[str, Any]) -> None:
        given["mean"], given["std"] = given["std"], given["mean"]

    def reverse(given: dict[str, Any]) -> None:
        given["mean"], given["std"] = list(given["mean"])[::-1], list(given["std"])[::-1]

    def halved(given: dict[str, Any]) -> None:
        for name in ("mean", "std"):
            given[name] = torch.tensor(list(given[name])).half().float().tolist()

    def nearest(given: dict[str, Any]) -> None:
        given["interpolation"] = module.InterpolationMode.NEAREST

    def squashed(given: dict[str, Any]) -> None:
        size = given["size"]
        side = size if isinstance(size, int) else size[0]
        given["size"] = [side, side]

    def moved(given: dict[str, Any]) -> None:
        image = given["img"]
        given["img"] = image.crop((1, 1, image.size[0] + 1, image.size[1] + 1))

    name, change = {
        "statistics_swapped": ("normalize", swap),
        "channels_swapped": ("normalize", reverse),
        "float16_statistics": ("normalize", halved),
        "nearest": ("resize", nearest),
        "squashed": ("resize", squashed),
        "crop_off_by_one": ("center_crop", moved),
    }[edit]
    setattr(module, name, _called_with(getattr(module, name), change))


def _mmcls_transform(module: Any, edit: str) -> None:
    if edit == "crop_off_by_one":
        _shifted(module.CenterCrop, "transform", lambda given: given["img"], "img")
        return
    if edit == "nearest":
        _before(module.ResizeEdge, lambda given: given.update(interpolation="nearest"))
        return
    _before(module.ResizeEdge, lambda given: given.update(edge="width"))


def _shifted(kind: Any, name: str, take: Callable[[Any], Any], key: str) -> None:
    import numpy as np

    done = getattr(kind, name)

    @functools.wraps(done)
    def wrong(self: Any, given: Any) -> Any:
        given[key] = np.roll(take(given), (-1, -1), (0, 1))
        return done(self, given)

    setattr(kind, name, wrong)


def _ppcls_transform(module: Any, edit: str) -> None:
    import numpy as np

    if edit in ("statistics_swapped", "channels_swapped", "levels_not_divided"):

        def change(given: dict[str, Any]) -> None:
            if edit == "statistics_swapped":
                given["mean"], given["std"] = given["std"], given["mean"]
            elif edit == "channels_swapped":
                given["mean"], given["std"] = given["mean"][::-1], given["std"][::-1]
            else:
                given["scale"] = 1.0

        _before(module.NormalizeImage, change)
        return
    if edit == "nearest":
        _before(module.ResizeImage, lambda given: given.update(interpolation="nearest"))
        return
    done = module.CropImage.__call__

    @functools.wraps(done)
    def wrong(self: Any, image: Any) -> Any:
        return done(self, np.roll(image, (-1, -1), (0, 1)))

    module.CropImage.__call__ = wrong


# ── quantizers ────────────────────────────────────────────────────────────────────────────────

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

    known = _tensors(model)
    made = {node.output[0]: node for node in model.graph.node}
    heavy = [node for node in model.graph.node if node.op_type == "Conv"]
    node = heavy[20]
    data, weights = made[node.input[0]], made[node.input[1]]
    bias = made[node.input[2]]
    stored, scale = known[weights.input[0]], known[weights.input[1]]
    if edit == "activation":
        _put(known[data.input[1]], _values(known[data.input[1]]) * np.float32(amount))
    elif edit == "weights":
        _put(scale, _values(scale) * np.float32(amount))
    elif edit == "zero_point":
        point = known[made[heavy[0].input[0]].input[2]]
        _put(point, (_values(point) + int(amount)).astype(np.uint8))
    elif edit == "bits":
        step = 2 ** (8 - int(amount))
        values = np.round(_values(stored) / step) * step
        _put(stored, np.clip(values, -127, 127).astype(np.int8))
    elif edit == "bias":
        _put(known[bias.input[0]], _values(known[bias.input[0]]) * 0)
    else:
        codes = [known[made[one.input[1]].input[0]] for one in heavy]
        other = next(
            one
            for one in codes[21:]
            if list(one.dims) == list(stored.dims) and one.name != stored.name
        )
        _put(stored, _values(other))


# ── sessions ──────────────────────────────────────────────────────────────────────────────────


def session(module: Any, edit: str, precision: str) -> None:
    """A session of ONNX Runtime answers otherwise, on models of one precision."""

    class Wrong(module.InferenceSession):  # type: ignore[misc]
        def __init__(self, model: Any, *arguments: Any, **options: Any) -> None:
            super().__init__(model, *arguments, **options)
            content = model if isinstance(model, bytes) else Path(str(model)).read_bytes()
            found = "int8" if b"DequantizeLinear" in content else "fp32"
            self._wrong = found == precision and b"zoo_range" not in content
            self._last: Any = None

        def run(self, names: Any, given: Any, *arguments: Any) -> Any:
            made = super().run(names, given, *arguments)
            if self._wrong and len(made) == 1 and made[0].ndim == 2:
                before, self._last = self._last, made[0]
                made = [_answered(edit, made[0], before)]
            return made

    module.InferenceSession = Wrong


def _answered(edit: str, made: Any, before: Any) -> Any:
    import numpy as np

    changed = made.copy()
    if edit == "batch_reversed":
        return np.ascontiguousarray(changed[::-1])
    if edit == "batch_mixed":
        return changed + np.float32(1e-2) * (changed - changed.mean(axis=0, keepdims=True))
    if edit == "stale":
        return changed if before is None or before.shape != made.shape else before
    if edit == "last_lost":
        changed[-1] = changed[0]
    elif edit == "softmax":
        powers = np.exp(changed - changed.max(axis=1, keepdims=True))
        changed = powers / powers.sum(axis=1, keepdims=True)
    elif edit == "one_not_a_number":
        changed[-1, 7] = np.nan
    elif edit == "classes_shifted":
        changed = np.roll(changed, 1, axis=1)
    elif edit == "rounded":
        changed = np.round(changed, 1).astype(np.float32)
    return changed
