"""What a compiled model really computes in int8, read from its graph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnx

HEAVY = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators that a quantized model must not compute in floating point unless declared."""


@dataclass(frozen=True, slots=True)
class Operator:
    """A node: its operator, name, and the operators that made its inputs ("" for a graph input
    or a float initializer)."""

    op_type: str
    name: str
    sources: tuple[str, ...]


def read_operators(model: Path) -> tuple[Operator, ...]:
    """The nodes of a model, without loading parameters kept beside it."""
    graph = onnx.load(str(model), load_external_data=False).graph
    made = {name: node.op_type for node in graph.node for name in node.output}
    return tuple(
        Operator(node.op_type, node.name, tuple(made.get(name, "") for name in node.input))
        for node in graph.node
    )


def unquantized(operators: tuple[Operator, ...]) -> tuple[str, ...]:
    """Names of convolutions and matrix products whose data or weights are not dequantized int8."""
    return tuple(
        operator.name
        for operator in operators
        if operator.op_type in HEAVY
        and any(source != "DequantizeLinear" for source in operator.sources[:2])
    )
