"""One row's work written straight down: what someone would type who has no suite.

This is the yardstick, so nothing of the suite's exporters, backends or counters is used; only
PaddleClas is imported through the suite's stand-ins for its missing dependencies. It runs as a
script in a folder of its own, on one thread, and writes what each step took as JSON. Libraries are
imported where they are first used, because their import is one of the steps.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.stopwatch import Stopwatch

STEPS = ("import", "build", "count", "trace", "export", "prepare", "quantize", "run")
"""Every step, in order; networks of Paddle are not traced."""

LIBRARIES = {
    "torchvision": ("torch", "torchvision", "thop"),
    "timm": ("torch", "timm", "thop"),
    "mmcls": ("torch", "mmpretrain", "mmcv.cnn"),
    "ppcls": ("paddle", "paddle2onnx", "harness.sources.ppcls.networks"),
}
IMAGES = 8  # to calibrate with, and to run
TORCH_OPSET = 17  # 13 or later, so that weights can be quantized per channel
PADDLE_OPSET = 19  # the newest that Paddle2ONNX writes
MODEL, PREPARED, INT8 = "model.onnx", "prepared.onnx", "int8.onnx"


def main() -> int:
    """Do all steps of one row in the current folder; the costs are written even if one fails."""
    parser = argparse.ArgumentParser(description="One row's work, without the suite.")
    parser.add_argument("source", choices=LIBRARIES)
    parser.add_argument("model", help="the source library's name for it")
    parser.add_argument("size", type=int, help="height and width of the images, in pixels")
    parser.add_argument("costs", type=Path, help="the JSON file to write")
    args = parser.parse_args()
    watch = Stopwatch()
    try:
        with watch.step("import"):
            for library in (*LIBRARIES[args.source], "onnxruntime.quantization"):
                importlib.import_module(library)
        if args.source == "ppcls":
            _paddle_steps(watch, args.model, args.size)
        else:
            _torch_steps(watch, args.source, args.model, args.size)
        _onnx_steps(watch, args.size)
    finally:
        costs = {name: dataclasses.asdict(cost) for name, cost in watch.costs.items()}
        args.costs.write_text(json.dumps(costs), encoding="utf-8")
    return 0


def _torch_steps(watch: Stopwatch, source: str, model: str, size: int) -> None:
    import torch

    torch.set_num_threads(1)
    image = torch.zeros(1, 3, size, size)
    with watch.step("build"):
        module = _torch_module(source, model).eval()
    with watch.step("count"):
        _count_torch(source, module, image)
    with watch.step("trace"), torch.no_grad():
        traced = torch.jit.trace(module, image)  # type: ignore[no-untyped-call]
        torch.jit.save(traced, "model.pt")
    with watch.step("export"):
        torch.onnx.export(module, (image,), MODEL, opset_version=TORCH_OPSET, dynamo=False)


def _torch_module(source: str, model: str) -> Any:
    if source == "torchvision":
        import torchvision

        return torchvision.models.get_model(model.partition(":")[0], weights=None)
    if source == "timm":
        import timm

        return timm.create_model(model, pretrained=False)
    import mmpretrain

    return mmpretrain.get_model(model, pretrained=False)


def _count_torch(source: str, module: Any, image: Any) -> None:
    if source == "mmcls":
        from mmcv.cnn import get_model_complexity_info

        module.forward = module.extract_feat
        print(get_model_complexity_info(module, tuple(image.shape[1:]), print_per_layer_stat=False))
        del module.forward
    else:
        import thop

        print(thop.profile(module, (image,), verbose=False))


def _paddle_steps(watch: Stopwatch, model: str, size: int) -> None:
    import paddle
    import paddle2onnx

    from harness.sources.ppcls import networks as ppcls

    paddle.device.set_device("cpu")
    with watch.step("build"):
        layer = ppcls.build(model, input_size=size, weightless=False).module
    with watch.step("count"):
        _count_paddle(layer, paddle.zeros([1, 3, size, size]))
    with watch.step("export"):
        spec = paddle.static.InputSpec([None, 3, size, size], "float32", "image")
        paddle.jit.save(layer, "inference", input_spec=[spec])
        paddle2onnx.export(
            "inference.json",
            "inference.pdiparams",
            MODEL,
            opset_version=PADDLE_OPSET,
            optimize_tool=None,
        )


def _count_paddle(layer: Any, image: Any) -> None:
    """Multiply-accumulates by hooks; ``paddle.flops`` fails with NumPy 2.4 and later."""
    import paddle

    counted: list[int] = []

    def count(part: Any, _: Any, output: Any) -> Any:
        inputs = part.weight.shape[0] if part in linear else math.prod(part.weight.shape[1:])
        counted.append(math.prod(output.shape) * inputs)

    parts: list[Any] = layer.sublayers()
    linear = [part for part in parts if isinstance(part, paddle.nn.Linear)]
    heavy = [part for part in parts if isinstance(part, paddle.nn.Conv2D)] + linear
    hooks = [part.register_forward_post_hook(count) for part in heavy]
    with paddle.no_grad():
        layer(image)
    for hook in hooks:
        hook.remove()
    print(sum(counted))


def _onnx_steps(watch: Stopwatch, size: int) -> None:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    noise = np.random.default_rng(0).standard_normal((IMAGES, 1, 3, size, size), dtype=np.float32)
    with watch.step("prepare"):
        quant_pre_process(MODEL, PREPARED, skip_symbolic_shape=False)
    with watch.step("quantize"):
        quantize_static(
            PREPARED,
            INT8,
            _OneByOne(_session(PREPARED).get_inputs()[0].name, noise),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
    with watch.step("run"):
        for model in (MODEL, INT8):
            session = _session(model)
            name = session.get_inputs()[0].name
            for image in noise:
                session.run(None, {name: image})


class _OneByOne:
    """The images one by one, as ONNX Runtime's calibration asks for them."""

    def __init__(self, name: str, images: Any) -> None:
        self._feeds = iter([{name: image} for image in images])

    def get_next(self) -> dict[str, Any] | None:
        return next(self._feeds, None)


def _session(model: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


if __name__ == "__main__":
    sys.exit(main())
