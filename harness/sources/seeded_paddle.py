"""A Paddle network's layers, to draw seeded weights on it and to look into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import paddle

from harness.sources.network import Floats
from harness.sources.seeded_layers import Kind, LayerWatch, known_layers

Array = npt.NDArray[Any]
_NORMS = (paddle.nn.layer.norm._BatchNormBase, paddle.nn.BatchNorm, paddle.nn.GroupNorm)
_LAYERS: tuple[tuple[tuple[type, ...], Kind, int], ...] = (
    ((paddle.nn.layer.conv._ConvNd,), "convolution", 1),
    ((paddle.nn.Linear,), "linear", -1),
    (_NORMS, "normalization", 1),
    ((paddle.nn.LayerNorm,), "normalization", -1),
)


class PaddleLayer:
    """A layer; see :class:`harness.sources.seeded_layers.Layer`."""

    def __init__(self, name: str, module: Any, kind: Kind, axis: int) -> None:
        self.name, self.module, self.kind, self.axis = name, module, kind, axis

    def get(self, name: Literal["weight", "bias"]) -> Array | None:
        """A copy of a parameter; fully connected weights come transposed."""
        value = getattr(self.module, name, None)
        if value is None:
            return None
        return np.asarray(self._turned(name, value.numpy()))

    def set(self, name: Literal["weight", "bias"], values: Array) -> None:
        """Write into a parameter."""
        _write(getattr(self.module, name), self._turned(name, values))

    def set_statistics(self, mean: Array, variance: Array) -> None:
        """Write into the running statistics of a batch norm."""
        if getattr(self.module, "_mean", None) is not None:
            _write(self.module._mean, mean)
            _write(self.module._variance, variance)

    def _turned(self, name: str, values: Array) -> Array:
        return values.T if self.kind == "linear" and name == "weight" else values


class PaddleFrame:
    """A layer of layers; see :class:`harness.sources.seeded_layers.Frame`."""

    def __init__(self, module: Any) -> None:
        """Values are written into the module, which is switched to evaluation."""
        self.module = module
        module.eval()

    def layers(self) -> Iterator[PaddleLayer]:
        """Convolutions, fully connected layers and normalisations."""
        return known_layers(self.module.named_sublayers(), _LAYERS, PaddleLayer)

    def others(self) -> Iterator[tuple[str, Array]]:
        """Parameters of no layer."""
        own = {
            value.name
            for layer in self.layers()
            for value in layer.module.parameters(include_sublayers=False)
        }
        for name, value in self.module.named_parameters():
            if value.name not in own:
                yield name, value.numpy()

    def set_other(self, name: str, values: Array) -> None:
        """Write into a parameter."""
        _write(dict(self.module.named_parameters())[name], values)

    def run(self, images: Floats, watch: LayerWatch) -> Array:
        """Run images in evaluation mode."""
        hooks = []
        for layer in self.layers():
            if layer.kind == "normalization":
                hooks.append(layer.module.register_forward_pre_hook(_before(layer, watch)))
                hooks.append(layer.module.register_forward_post_hook(_normalized(layer, watch)))
            else:
                hooks.append(layer.module.register_forward_post_hook(_after(layer, watch)))
        try:
            with paddle.no_grad():
                return np.asarray(self.module(paddle.to_tensor(images)).numpy())
        finally:
            for hook in hooks:
                hook.remove()


def _before(layer: PaddleLayer, watch: LayerWatch) -> Callable[..., None]:
    def hook(_: Any, inputs: tuple[Any, ...]) -> None:
        watch.before(layer, inputs[0].numpy())

    return hook


def _normalized(layer: PaddleLayer, watch: LayerWatch) -> Callable[..., None]:
    def hook(_: Any, inputs: tuple[Any, ...], outputs: Any) -> None:
        watch.normalized(layer, inputs[0].numpy(), outputs.numpy())

    return hook


def _after(layer: PaddleLayer, watch: LayerWatch) -> Callable[..., Any]:
    def hook(_: Any, inputs: tuple[Any, ...], outputs: Any) -> Any:
        changed = watch.after(layer, inputs[0].numpy(), outputs.numpy())
        return None if changed is None else paddle.to_tensor(np.ascontiguousarray(changed))

    return hook


def _write(place: Any, values: Array) -> None:
    place.get_tensor().set(np.ascontiguousarray(values, np.float32), paddle.CPUPlace())
