"""What the layers of a TorchScript file are given and give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from harness.backends.torch.torchscript import load
from harness.errors import RunError
from harness.judging.layers import LayerTrace, Sampled

Array = npt.NDArray[Any]

KINDS = {
    "aten::_convolution": "convolution",
    "aten::convolution": "convolution",
    "aten::conv2d": "convolution",
    "aten::linear": "linear",
}
NORMALIZATION = "aten::batch_norm"
AT_ONCE = 8
"""Layers that are looked at in one run, so that never all of a network's tensors are held."""


def trace_file(path: Path, images: Array, *, scratch: Path) -> list[LayerTrace]:  # noqa: ARG001
    """Run images (n, 3, height, width) through a file and tell of every layer, in file order.

    Raises:
        RunError: torch cannot run it.
    """
    try:
        module = load(path)
        tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        count = len(_layers(module.inlined_graph))
        with torch.no_grad():
            given = torch.from_numpy(np.ascontiguousarray(images))
            return [
                one
                for start in range(0, count, AT_ONCE)
                for one in _traced(module, slice(start, start + AT_ONCE), given, tensors)
            ]
    except (RuntimeError, ValueError) as error:
        raise RunError(f"{path.name}, layer by layer: {error}") from error


def _layers(graph: Any) -> list[Any]:
    return [node for node in graph.nodes() if node.kind() in KINDS]


def _traced(
    module: Any, some: slice, images: torch.Tensor, tensors: dict[str, torch.Tensor]
) -> Iterator[LayerTrace]:
    """Some of the layers: their values are made outputs of the graph, which is run up to there."""
    graph = module.inlined_graph.copy()
    torch._C._jit_pass_remove_mutation(graph)  # else what is fetched is changed in place later
    nodes = _layers(graph)[some]
    normalizations = [_normalization(node) for node in nodes]
    values = [
        value
        for node, norm in zip(nodes, normalizations, strict=True)
        for value in (next(node.inputs()), node.output(), *([norm.output()] if norm else []))
    ]
    fetched = iter(_run(graph, values, module, images))
    pairs = zip(nodes, normalizations, strict=True)
    for number, (node, norm) in enumerate(pairs, start=some.start):
        kind = KINDS[node.kind()]
        axis = 1 if kind == "convolution" else -1
        inputs, outputs = (Sampled.of(next(fetched), axis=axis) for _ in range(2))
        normalized = Sampled.of(next(fetched), axis=axis) if norm else None
        name, weight = _weight(node, tensors)
        called = name or f"{kind} {number}"
        yield LayerTrace(called, kind, weight, inputs, outputs, normalized=normalized)


def _run(graph: Any, values: Sequence[Any], module: Any, images: torch.Tensor) -> list[Array]:
    every = graph.create("prim::TupleConstruct", list(values), 1)
    graph.appendNode(every)
    for _ in list(graph.outputs()):
        graph.eraseOutput(0)
    every.output().setType(torch._C.TupleType([value.type() for value in values]))
    graph.registerOutput(every.output())
    torch._C._jit_pass_dce(graph)
    function = torch._C._create_function_from_graph("layers", graph)
    return [one.numpy() for one in function(module._c, images)]


def _normalization(node: Any) -> Any:
    """What normalizes a layer's outputs, or None."""
    users = (use.user for use in node.output().uses())
    return next((user for user in users if user.kind() == NORMALIZATION), None)


def _weight(node: Any, tensors: dict[str, torch.Tensor]) -> tuple[str, Array]:
    """The name of a layer and its weight, (out, in, …); "" where a trace has it as a constant."""
    value = list(node.inputs())[1]
    parts: list[str] = []
    source = value.node()
    while source.kind() == "prim::GetAttr":
        parts.insert(0, source.s("name"))
        source = source.input().node()
    if parts:
        return ".".join(parts[:-1]), tensors[".".join(parts)].numpy()
    return "", value.toIValue().numpy()
