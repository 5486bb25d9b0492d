"""A network as the list of layers it runs, the same for every framework."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar, cast

from harness.counting.operators import Operator

Read = TypeVar("Read")


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
    """Layers in the order they ran, and the number of learned parameters of the whole module.

    ``operators``: all that ran, see :mod:`harness.counting.operators`.
    """

    layers: tuple[Layer, ...]
    params: int
    operators: tuple[Operator, ...] = ()


_kept: dict[object, object] | None = None


@contextmanager
def reading_once() -> Iterator[None]:
    """Within, what is read of a network is read once for all rules; networks must not change."""
    global _kept
    outer, _kept = _kept, {} if _kept is None else _kept
    try:
        yield
    finally:
        _kept = outer


def read_once(what: str, network: object, shape: object, read: Callable[[], Read]) -> Read:
    """What ``read`` gives of a network on an input, or raises; kept :func:`reading_once`."""
    if _kept is None:
        return read()
    key = what, id(network), shape
    if key not in _kept:
        try:
            _kept[key] = network, read(), None  # with the network, whose id is taken until then
        except Exception as error:
            _kept[key] = network, None, error
    _, given, failed = cast("tuple[object, Read, Exception | None]", _kept[key])
    if failed is not None:
        raise failed
    return given
