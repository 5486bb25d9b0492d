"""Files, as exporters write them."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .onnx_tensors import array_of, initializers, put, weights_of


def written_onnx(module: Any, edit: str, amount: float = 1.0) -> None:
    """What an exporter writes is edited.

    ``amount``: scales the weights of ``layer_scaled``; less 1, times their deviation, it is that of
    the noise of ``layer_noised``.
    """
    export = module.export

    @functools.wraps(export)
    def wrong(*arguments: Any, **options: Any) -> Any:
        made = export(*arguments, **options)
        path = Path(str(arguments[2]))
        if path.exists():
            _edit_onnx(path, edit, amount)
        return made

    module.export = wrong


def _edit_onnx(path: Path, edit: str, amount: float) -> None:
    import numpy as np
    import onnx

    if edit == "empty_file":
        path.write_bytes(b"")
        return
    if edit == "half_a_file":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        return
    model = onnx.load(str(path))
    if edit not in _OF_THE_GRAPH and not weights_of(model):
        return  # this route takes them from elsewhere
    if edit == "layer_scaled":
        weights = weights_of(model)[33]
        put(weights, array_of(weights) * np.float32(amount))
    elif edit == "layer_noised":
        weights = weights_of(model)[33]
        values = array_of(weights)
        noise = np.random.default_rng(0).normal(0, values.std() * (amount - 1), values.shape)
        put(weights, values + noise.astype(np.float32))
    else:
        _ONNX_EDITS[edit](model)
    onnx.save(model, str(path))


def _initializers_swapped(model: Any) -> None:
    weights = weights_of(model)[30:]
    first = weights[0]
    second = next(one for one in weights[1:] if list(one.dims) == list(first.dims))
    ours, theirs = array_of(first), array_of(second)
    put(first, theirs)
    put(second, ours)


def _channel_zero(model: Any) -> None:
    weights = weights_of(model)[33]
    values = array_of(weights)
    values[0] = 0
    put(weights, values)


def _classifier_transposed(model: Any) -> None:
    known = initializers(model)
    weights = next(
        known[node.input[1]]
        for node in reversed(model.graph.node)
        if node.op_type in ("Gemm", "MatMul") and node.input[1] in known
    )
    values = array_of(weights)
    put(weights, values.T.reshape(values.shape).copy())


def _float16_in_disguise(model: Any) -> None:
    import numpy as np

    for tensor in initializers(model).values():
        values = array_of(tensor)
        if values.dtype == np.float32:
            put(tensor, values.astype(np.float16).astype(np.float32))


def _bias_negated(model: Any) -> None:
    known = initializers(model)
    biases = [
        known[node.input[2]]
        for node in model.graph.node
        if node.op_type == "Conv" and len(node.input) > 2
    ]
    put(biases[33], -array_of(biases[33]))


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
    weights = weights_of(model)[33]
    values = array_of(weights)
    values.flat[0] += 1.0
    put(weights, values)


def _classes_shifted(model: Any) -> None:
    import numpy as np

    known = initializers(model)
    last = next(node for node in reversed(model.graph.node) if node.op_type in ("Gemm", "MatMul"))
    weights = known[last.input[1]]
    values = array_of(weights)
    axis = 0 if values.shape[0] == 1000 else 1
    put(weights, np.roll(values, 1, axis))
    if len(last.input) > 2:
        put(known[last.input[2]], np.roll(array_of(known[last.input[2]]), 1))


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


_OF_THE_GRAPH = ("input_renamed", "activation_left_out", "convolution_dilated", "float_batch")


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
        first, second = (values[f"layer3.{block}.conv2.weight"] for block in (2, 3))
        ours, others = first.detach().clone(), second.detach().clone()
        with torch.no_grad():  # the network itself shares the values, and gets them back
            if edit == "channel_zero":
                first[0] = 0
            elif edit == "weights_swapped":
                first.copy_(others)
                second.copy_(ours)
            save(traced, path, *arguments, **options)
            first.copy_(ours)
            second.copy_(others)
        if edit == "half_a_file":
            file = Path(str(path))
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    module.save = wrong
