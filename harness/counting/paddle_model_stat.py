"""The rule of PaddlePaddle's old ``fluid.contrib.model_stat.summary``, run under Python 2.

The module is gone from today's Paddle; what it computed is written down here, errors included,
because documented figures come from it. Source: PaddlePaddle 1.x,
``python/paddle/fluid/contrib/model_stat.py``.
"""

from __future__ import annotations

import math

from harness.counting.counts import Counts
from harness.counting.layers import CountedNetwork, Layer, LayerKind


def count_model_stat(network: CountedNetwork) -> Counts:
    """Count a network as the old summary did, layer by layer.

    Operations are meant to be FLOPs (two for each multiply-accumulate), but grouped
    convolutions, fully connected layers and activations are miscounted; see ``_count_layer``.
    """
    counts = [_count_layer(layer) for layer in network.layers]
    return Counts(
        operations=sum(count.operations for count in counts),
        params=sum(count.params for count in counts),
    )


def _count_layer(layer: Layer) -> Counts:
    match layer.kind:
        case LayerKind.CONV:
            # The filter's second dimension is c_in/groups already; the rule divides it by groups
            # again, and Python 2's "/" drops the rest.
            taps = math.prod(layer.kernel) * (layer.c_in // layer.groups // layer.groups)
            taps += layer.bias
            return Counts(operations=2 * layer.out_elements * taps, params=layer.c_out * taps)
        case LayerKind.FC:
            # Once, not twice, and one parameter for a bias of any length.
            weights = layer.c_in * layer.c_out
            return Counts(operations=weights, params=weights + 1)
        case LayerKind.BATCH_NORM:
            return Counts(operations=2 * layer.in_elements, params=2 * layer.c_in)
        case LayerKind.RELU | LayerKind.SIGMOID:
            # A product over the whole shape, in which the unknown batch is -1.
            return Counts(operations=-layer.in_elements, params=0)
        case LayerKind.MAX_POOL | LayerKind.AVG_POOL:
            return Counts(operations=layer.out_elements * math.prod(layer.kernel), params=0)
        case LayerKind.GLOBAL_AVG_POOL:
            return Counts(operations=layer.in_elements, params=0)
        case LayerKind.PRODUCT:  # not among the operators that it looked at
            return Counts(operations=0, params=0)
