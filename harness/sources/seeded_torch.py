"""A torch network's layers, to draw seeded weights on it and to look into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from harness.sources.network import Floats
from harness.sources.seeded_layers import Kind, LayerWatch, known_layers

Array = npt.NDArray[Any]
_LAYERS: tuple[tuple[tuple[type, ...], Kind, int], ...] = (
    ((torch.nn.modules.conv._ConvNd,), "convolution", 1),
    ((torch.nn.Linear,), "linear", -1),
    ((_BatchNorm, torch.nn.GroupNorm), "normalization", 1),
    ((torch.nn.LayerNorm,), "normalization", -1),
)


class TorchLayer:
    """A layer; see :class:`harness.sources.seeded_layers.Layer`."""

    def __init__(self, name: str, module: Any, kind: Kind, axis: int) -> None:
        self.name, self.module, self.kind, self.axis = name, module, kind, axis

    def get(self, name: Literal["weight", "bias"]) -> Array | None:
        """A parameter's values, shared with it."""
        value = getattr(self.module, name, None)
        return None if value is None else value.detach().numpy()

    def set(self, name: Literal["weight", "bias"], values: Array) -> None:
        """Write into a parameter."""
        _write(getattr(self.module, name), values)

    def set_statistics(self, mean: Array, variance: Array) -> None:
        """Write into the running statistics of a batch norm."""
        if getattr(self.module, "running_mean", None) is not None:
            _write(self.module.running_mean, mean)
            _write(self.module.running_var, variance)


class TorchFrame:
    """A module; see :class:`harness.sources.seeded_layers.Frame`."""

    def __init__(self, module: torch.nn.Module) -> None:
        """Values are written into the module, which is switched to evaluation."""
        self.module = module.eval().requires_grad_(False)

    def layers(self) -> Iterator[TorchLayer]:
        """Convolutions, fully connected layers and normalisations."""
        return known_layers(self.module.named_modules(), _LAYERS, TorchLayer)

    def others(self) -> Iterator[tuple[str, Array]]:
        """Parameters of no layer."""
        own = {
            id(value) for layer in self.layers() for value in layer.module.parameters(recurse=False)
        }
        for name, value in self.module.named_parameters():
            if id(value) not in own:
                yield name, value.detach().numpy()

    def set_other(self, name: str, values: Array) -> None:
        """Write into a parameter."""
        _write(self.module.get_parameter(name), values)

    def run(self, images: Floats, watch: LayerWatch) -> Array:
        """Run images in evaluation mode on one thread."""
        hooks = []
        for layer in self.layers():
            if layer.kind == "normalization":
                hooks.append(layer.module.register_forward_pre_hook(_before(layer, watch)))
                hooks.append(layer.module.register_forward_hook(_normalized(layer, watch)))
            else:
                hooks.append(layer.module.register_forward_hook(_after(layer, watch)))
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.no_grad():
                return np.asarray(self.module(torch.from_numpy(images)).numpy())
        finally:
            torch.set_num_threads(threads)
            for hook in hooks:
                hook.remove()


def _before(layer: TorchLayer, watch: LayerWatch) -> Callable[..., None]:
    def hook(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        watch.before(layer, inputs[0].numpy())

    return hook


def _normalized(layer: TorchLayer, watch: LayerWatch) -> Callable[..., None]:
    def hook(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...], outputs: torch.Tensor) -> None:
        watch.normalized(layer, inputs[0].numpy(), outputs.numpy())

    return hook


def _after(layer: TorchLayer, watch: LayerWatch) -> Callable[..., torch.Tensor | None]:
    def hook(
        _: torch.nn.Module, inputs: tuple[torch.Tensor, ...], outputs: torch.Tensor
    ) -> torch.Tensor | None:
        changed = watch.after(layer, inputs[0].numpy(), outputs.numpy())
        return None if changed is None else torch.from_numpy(np.ascontiguousarray(changed))

    return hook


def _write(place: torch.Tensor, values: Array) -> None:
    with torch.no_grad():
        place.copy_(torch.from_numpy(np.ascontiguousarray(values, np.float32)))
