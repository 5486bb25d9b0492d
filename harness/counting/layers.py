"""A network as the list of layers it runs, the same for every framework."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class LayerKind(StrEnum):
    """The layers that some counting rule counts. Anything else a network runs is free."""

    CONV = "conv"
    FC = "fc"
    PRODUCT = "product of activations"
    BATCH_NORM = "batch norm"
    RELU = "relu"
    SIGMOID = "sigmoid"
    MAX_POOL = "max pool"
    AVG_POOL = "average pool"
    GLOBAL_AVG_POOL = "global average pool"


@dataclass(frozen=True, slots=True)
class Layer:
    """One executed layer. Shapes are batch first (batch 1), with channels second.

    A product of activations, as in attention, has for inputs its first operand (…, rows, inner)
    and for outputs (…, rows, columns). ``kernel`` is (height, width) of a convolution or a windowed
    pool, else empty. ``bias`` is about a convolution's own bias; a fully connected layer's may run
    as a separate addition.
    """

    kind: LayerKind
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    kernel: tuple[int, ...] = ()
    groups: int = 1
    bias: bool = False

    @property
    def c_in(self) -> int:
        """Input channels, or input features (which stand last)."""
        return self.inputs[-1 if self.kind is LayerKind.FC else 1]

    @property
    def c_out(self) -> int:
        """Output channels, or output features (which stand last)."""
        return self.outputs[-1 if self.kind is LayerKind.FC else 1]

    @property
    def in_elements(self) -> int:
        """Numbers in the input."""
        return math.prod(self.inputs)

    @property
    def out_elements(self) -> int:
        """Numbers in the output."""
        return math.prod(self.outputs)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a convolution, fully connected layer or product; else zero."""
        match self.kind:
            case LayerKind.CONV:
                return self.out_elements * (self.c_in // self.groups) * math.prod(self.kernel)
            case LayerKind.FC:
                return self.out_elements * self.c_in
            case LayerKind.PRODUCT:
                return self.out_elements * self.inputs[-1]
            case _:
                return 0


@dataclass(frozen=True, slots=True)
class CountedNetwork:
    """Layers in the order they ran, and the number of learned parameters of the whole module."""

    layers: tuple[Layer, ...]
    params: int
