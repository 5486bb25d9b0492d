"""The rule of ``paddle.flops``, which PaddleClas' later tables were made with.

Paddle's own function runs the network on numbers; here a trace gives the shapes alone. What each
kind of layer counts is that of ``paddle/hapi/dynamic_flops.py`` in PaddlePaddle 2.0 to 3.3.
"""

from __future__ import annotations

import math
from typing import Any

from paddle import nn

from harness.counting.counts import Counts
from harness.counting.paddle_layers import Shape, trace

_CONV = (nn.Conv2D, nn.Conv2DTranspose)
_BATCH_NORM = (nn.BatchNorm2D, nn.BatchNorm)
_POOLS = (nn.AdaptiveAvgPool2D,)


def count_paddle_flops(
    module: Any, *, input_shape: tuple[int, int, int], pools: tuple[type, ...] = _POOLS
) -> Counts:
    """Count a Paddle layer as ``paddle.flops`` does; no arithmetic is done.

    Operations are multiply-accumulates of convolution and linear layers, biases of convolutions,
    two for each batch-normalised element, pooled elements of adaptive average pools and what the
    other average pools give. Parameters include running means and variances. A subclass of a
    layer counts nothing, as there.

    ``pools``: what counts as an adaptive average pool.
    """
    layers = module.sublayers()
    operations = params = 0
    for place, given, made in trace(module, input_shape=input_shape).calls:
        operations += _operations(layers[place], given, made, pools)
        params += sum(math.prod(each.shape) for each in layers[place].parameters())
    return Counts(operations=operations, params=params)


def count_with_plain_pools(module: Any, *, input_shape: tuple[int, int, int]) -> Counts:
    """As :func:`count_paddle_flops`, with PaddleClas' own adaptive pools taken for Paddle's.

    They were Paddle's when the tables of MobileNetV3 were made, and are a subclass today, which
    does the same for other devices.
    """
    own = {type(one) for one in module.sublayers() if isinstance(one, nn.AdaptiveAvgPool2D)}
    return count_paddle_flops(module, input_shape=input_shape, pools=tuple(own))


def _operations(layer: Any, given: Shape, made: Shape, pools: tuple[type, ...]) -> int:
    kind = type(layer)
    if kind in _CONV:
        taps = math.prod(int(side) for side in layer.weight.shape[2:]) * given[1] // layer._groups
        return int(math.prod(made) * (taps + (layer.bias is not None)))
    if kind in _BATCH_NORM:
        return 2 * math.prod(given)
    if kind is nn.Linear:
        return math.prod(made, start=int(layer.weight.shape[0]))
    if kind is nn.AvgPool2D:
        return math.prod(made)
    if kind in pools:
        window = math.prod(given[axis] // made[axis] for axis in (2, 3))
        return math.prod(made) * (window + 1)
    if kind is nn.LeakyReLU:
        return math.prod(given)
    return 0
