"""What goes wrong on the way, done on purpose: to an exporter, a quantizer, or a model's file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper

Step = Callable[..., Any]

OTHER_OPSET = 18  # what torch's newer exporter writes, whatever it is asked for


# ── exporters, made of the right one ──────────────────────────────────────────────────────────


def in_training_mode(export: Step) -> Step:
    """Batch norms normalize by the batch they see."""

    def wrong(module: torch.nn.Module, path: Path, **options: Any) -> None:
        training = partial(
            torch.onnx.export,
            training=torch.onnx.TrainingMode.TRAINING,
            do_constant_folding=False,
        )
        with mock.patch("torch.onnx.export", training):
            export(module.train(), path, **options)
        module.eval()

    return wrong


def at_another_opset(export: Step) -> Step:
    """The opset asked for is ignored without a word."""

    def wrong(module: torch.nn.Module, path: Path, **options: Any) -> None:
        export(module, path, **{**options, "opset": OTHER_OPSET})

    return wrong


def leaving_nothing(export: Step) -> Step:
    """An empty file and no error, as Paddle2ONNX does beyond 2 GiB."""

    def wrong(module: torch.nn.Module, path: Path, **options: Any) -> None:
        export(module, path, **options)
        path.write_bytes(b"")

    return wrong


def leaving_half(export: Step) -> Step:
    """A file that was cut off, as on a full disk."""

    def wrong(module: torch.nn.Module, path: Path, **options: Any) -> None:
        export(module, path, **options)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return wrong


class _Mixed(torch.nn.Module):
    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.module(images)
        return logits + 1e-3 * (logits - logits.mean(dim=0, keepdim=True))


def mixing_the_batch(export: Step) -> Step:
    """Each image's answer depends a little on the others in its batch."""

    def wrong(module: torch.nn.Module, path: Path, **options: Any) -> None:
        export(_Mixed(module).eval(), path, **options)

    return wrong


def drawing_at_random(export: Step) -> Step:
    """A bias is drawn anew at each export."""

    def wrong(module: torch.nn.Module, path: Path, **options: Any) -> None:
        with torch.no_grad():
            module.fc.bias.add_(1e-3 * torch.randn(()))
        export(module, path, **options)

    return wrong


# ── quantizers, made of the right one ─────────────────────────────────────────────────────────


def leaving_all_float(quantize: Step) -> Step:  # noqa: ARG001
    """The float model under the name of the compiled one: the whole of a silent fallback."""

    def wrong(source: str, target: str, *_: object, **__: object) -> None:
        Path(target).write_bytes(Path(source).read_bytes())

    return wrong


def leaving_one_float(quantize: Step) -> Step:
    """The last convolution is left out."""

    def wrong(source: str, *arguments: object, **options: Any) -> None:
        convolutions = [
            node.name for node in onnx.load(source).graph.node if node.op_type == "Conv"
        ]
        quantize(source, *arguments, **options, nodes_to_exclude=convolutions[-1:])

    return wrong


# ── files ─────────────────────────────────────────────────────────────────────────────────────


def with_one_weight_changed(path: Path, *, by: float) -> None:
    """Add to the first element of the first convolution's weights."""
    model = onnx.load(str(path))
    convolution = next(node for node in model.graph.node if node.op_type == "Conv")
    weights = _tensor(model, convolution.input[1])
    values = numpy_helper.to_array(weights).copy()
    values.flat[0] += by
    weights.CopyFrom(numpy_helper.from_array(values, weights.name))
    onnx.save(model, str(path))


def with_activation_scale(path: Path, *, times: float) -> None:
    """Multiply the scale of the first activation behind the input, at both of its ends."""
    model = onnx.load(str(path))
    scale = _tensor(model, _quantizers(model)[1].input[1])
    values = numpy_helper.to_array(scale) * np.float32(times)
    scale.CopyFrom(numpy_helper.from_array(values, scale.name))
    onnx.save(model, str(path))


def with_zero_point_dropped(path: Path) -> None:
    """One activation is shifted when quantized, and not shifted back."""
    model = onnx.load(str(path))
    (node,) = (
        node
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] == _shifted(model).output[0]
    )
    node.input[2] = "dropped"
    model.graph.initializer.append(helper.make_tensor("dropped", TensorProto.UINT8, [], [0]))
    onnx.save(model, str(path))


def _quantizers(model: ModelProto) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if node.op_type == "QuantizeLinear"]


def _shifted(model: ModelProto) -> onnx.NodeProto:
    """The first quantizer behind the input whose zero point is not zero."""
    return next(
        node
        for node in _quantizers(model)[1:]
        if numpy_helper.to_array(_tensor(model, node.input[2])) != 0
    )


def _tensor(model: ModelProto, name: str) -> TensorProto:
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)
