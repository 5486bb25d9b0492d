"""What the layers of a row's network are given and give, in its own library's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harness.judging.layers import LayerTrace, Sampled
from harness.sources import seeded
from harness.sources.network import Adapter, Floats, Network
from harness.sources.seeded_layers import Array, FrameworkLayer, frame_of

WEIGHT = ".weight"


@dataclass
class _Tracing:
    """Notes every convolution and fully connected layer as it runs."""

    traces: list[LayerTrace] = field(default_factory=list)
    _given: int = 0  # where the outputs of the last layer lie in memory

    def before(self, layer: FrameworkLayer, inputs: Array) -> None:
        """Nothing."""

    def after(self, layer: FrameworkLayer, inputs: Array, outputs: Array) -> None:
        """Note what it was given and gave; values are sampled now, they may be changed in place."""
        weight = layer.get("weight")
        assert weight is not None
        given, gave = (Sampled.of(one, axis=layer.axis) for one in (inputs, outputs))
        self.traces.append(LayerTrace(layer.name, layer.kind, np.array(weight), given, gave))

    def normalized(self, layer: FrameworkLayer, inputs: Array, outputs: Array) -> None:
        """Note what a normalization made of the outputs of the layer before it."""
        if not self.traces:
            return
        last, given = self.traces[-1], Sampled.of(inputs, axis=layer.axis)
        if given.shape == last.outputs.shape and np.array_equal(given.values, last.outputs.values):
            self.traces[-1] = replace(last, normalized=Sampled.of(outputs, axis=layer.axis))


def trace(
    network: Network, images: Floats, *, names: Mapping[str, str] | None = None
) -> list[LayerTrace]:
    """Run images (n, 3, height, width) and tell of every layer, in the order in which they run.

    ``names``: of layers, by which they are called in place of their own.
    """
    tracing = _Tracing()
    frame_of(network).run(images, tracing)
    called = names or {}
    return [replace(one, name=called.get(one.name, one.name)) for one in tracing.traces]


def reference_names(source: Adapter, network: Network, reference: Any) -> dict[str, str]:
    """What the reference network calls each layer, by the name that its own library has for it."""
    marked = {name: np.array(value) for name, value in seeded.tensors(reference)}
    given = source.from_reference(network, marked)
    return {
        own.removesuffix(WEIGHT): name.removesuffix(WEIGHT)
        for own, values in given.items()
        for name, value in marked.items()
        if own.endswith(WEIGHT) and np.shares_memory(values, value)
    }
