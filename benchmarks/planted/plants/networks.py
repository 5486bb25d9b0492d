"""Networks, as a library builds them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def network(module: Any, function: str, edit: str) -> None:
    """What a library's function builds is edited."""
    build = getattr(module, function)

    @functools.wraps(build)
    def wrong(*arguments: Any, **options: Any) -> Any:
        built = build(*arguments, **options)
        edits = _PADDLE_EDITS if hasattr(built, "sublayers") else _TORCH_EDITS
        edits[edit](built)
        return built

    setattr(module, function, wrong)


def another_name(module: Any, function: str, name: str, other: str) -> None:
    """Asked for one network, a library builds another."""
    build = getattr(module, function)

    @functools.wraps(build)
    def wrong(asked: str, *arguments: Any, **options: Any) -> Any:
        return build(asked.replace(name, other), *arguments, **options)

    setattr(module, function, wrong)


def _block(net: Any, stage: int, place: int) -> Any:
    whole = getattr(net, "backbone", net)
    return getattr(whole, f"layer{stage}")[place]


def _groups_ignored(net: Any) -> None:
    from torch import nn

    block = _block(net, 2, 0)
    old = block.conv2
    device = old.weight.device
    block.conv2 = nn.Conv2d(
        old.in_channels, old.out_channels, 3, old.stride, 1, bias=False, device=device
    )


def _stride_moved(net: Any) -> None:
    block = _block(net, 2, 0)
    block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride


def _block_less(net: Any) -> None:
    from torch import nn

    whole = getattr(net, "backbone", net)
    whole.layer3 = nn.Sequential(*list(whole.layer3)[:-1])


def _convolution_dilated(net: Any) -> None:
    conv = _block(net, 3, 2).conv2
    conv.dilation = conv.padding = (2, 2)


def _another_epsilon(net: Any) -> None:
    for part in net.modules():
        if hasattr(part, "eps"):
            part.eps = 1e-3


def _another_activation(net: Any) -> None:
    from torch import nn

    block = _block(net, 2, 1)
    for name in ("relu", "act2"):
        if hasattr(block, name):
            setattr(block, name, nn.LeakyReLU(0.1))


def _activation_missing(net: Any) -> None:
    from torch import nn

    _block(net, 2, 1).act3 = nn.Identity()


def _pool_padded_otherwise(net: Any) -> None:
    from torch import nn

    getattr(net, "backbone", net).maxpool = nn.MaxPool2d(3, 2, 0, ceil_mode=True)


def _channels_rolled(net: Any) -> None:
    conv = _block(net, 3, 2).conv2
    conv.register_forward_hook(lambda _layer, _given, made: made.roll(1, 1))


def _half_precision_inside(net: Any) -> None:
    conv = _block(net, 3, 2).conv1
    conv.register_forward_hook(lambda _layer, _given, made: made.half().to(made.dtype))


def _a_layer_drifts(net: Any) -> None:
    """A kernel of the library that is off by one in a thousand; no operator is another."""
    conv = _block(net, 3, 2).conv2
    done = conv._conv_forward

    def wrong(image: Any, weight: Any, bias: Any) -> Any:
        drifted = weight if image.is_meta else weight.detach() * 1.001
        return done(image, drifted, bias)

    conv._conv_forward = wrong


def _head_scaled(net: Any) -> None:
    net.fc.register_forward_hook(lambda _layer, _given, made: made * 1.01)


_TORCH_EDITS: dict[str, Callable[[Any], None]] = {
    "groups_ignored": _groups_ignored,
    "stride_moved": _stride_moved,
    "block_less": _block_less,
    "convolution_dilated": _convolution_dilated,
    "another_epsilon": _another_epsilon,
    "another_activation": _another_activation,
    "activation_missing": _activation_missing,
    "pool_padded_otherwise": _pool_padded_otherwise,
    "channels_rolled": _channels_rolled,
    "half_precision_inside": _half_precision_inside,
    "head_scaled": _head_scaled,
    "a_layer_drifts": _a_layer_drifts,
}


def _paddle_layers(net: Any, kind: str) -> list[Any]:
    return [part for part in net.sublayers() if type(part).__name__ == kind]


def _paddle_grouped(net: Any) -> list[Any]:
    return [part for part in _paddle_layers(net, "Conv2D") if part._groups > 1]


def _paddle_dilated(net: Any) -> None:
    conv = _paddle_grouped(net)[9]
    conv._dilation, conv._padding, conv._updated_padding = [2, 2], 2, [2, 2]


def _paddle_epsilon(net: Any) -> None:
    for part in _paddle_layers(net, "BatchNorm"):
        part._epsilon = 1e-3


def _paddle_stride(net: Any) -> None:
    convolutions = _paddle_layers(net, "Conv2D")
    strided = next(
        place
        for place, part in enumerate(convolutions)
        if part._groups > 1 and list(part._stride) == [2, 2]
    )
    convolutions[strided]._stride, convolutions[strided - 1]._stride = [1, 1], [2, 2]


def _paddle_pool(net: Any) -> None:
    (pool,) = _paddle_layers(net, "MaxPool2D")
    pool.padding, pool.ceil_mode = 0, True


_PADDLE_EDITS: dict[str, Callable[[Any], None]] = {
    "convolution_dilated": _paddle_dilated,
    "another_epsilon": _paddle_epsilon,
    "stride_moved": _paddle_stride,
    "pool_padded_otherwise": _paddle_pool,
}
