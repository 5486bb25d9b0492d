"""The true count: learned parameters, and multiply-accumulates of whatever multiplies."""

from __future__ import annotations

from harness.counting.counts import Counts
from harness.counting.layers import CountedNetwork


def count_true(network: CountedNetwork) -> Counts:
    """Count what the network really holds and multiplies.

    Operations are multiply-accumulates (one for a multiplication and its addition) of
    convolutions, fully connected layers and the products of attention; bias, normalisation,
    activation and pooling count nothing.
    """
    return Counts(operations=sum(layer.macs for layer in network.layers), params=network.params)
