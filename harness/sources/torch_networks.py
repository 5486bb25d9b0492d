"""What the three torch sources have in common: weightless building, assignment, running."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from harness.sources.fitting import counters, require_shapes
from harness.sources.network import Floats, Network


def assign(network: Network, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    """Replace parameters and buffers by arrays of the same names, without copying them.

    Raises:
        BuildError: names or shapes differ; all differences are named at once.
    """
    module: torch.nn.Module = network.module
    expected = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in tensors.items()}
    require_shapes(expected, given)
    state = {name: torch.from_numpy(np.asarray(value)) for name, value in tensors.items()}
    state |= {
        name: torch.zeros((), dtype=torch.int64) for name in counters(expected) - given.keys()
    }
    module.load_state_dict(state, strict=True, assign=True)
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    module.eval()


def from_reference(
    network: Network,  # noqa: ARG001 - the adapters' common signature
    tensors: Mapping[str, npt.NDArray[Any]],
) -> dict[str, npt.NDArray[Any]]:
    """The reference network's tensors under this library's names, which are the same."""
    return dict(tensors)


def logits64(network: Network, images: Floats) -> npt.NDArray[np.float64]:
    """Run images through the network in float64: the arbiter between two float32 results.

    Weights are widened module by module, so that no second copy of the network is held; but for
    networks in which one module computes with the weights of another.
    """
    module: torch.nn.Module = network.module
    wide = torch.from_numpy(images).double()
    hooks = []
    for layer in module.modules():
        hooks.append(layer.register_forward_pre_hook(lambda layer, _: _cast(layer, torch.float64)))
        hooks.append(layer.register_forward_hook(lambda layer, *_: _cast(layer, torch.float32)))
    try:
        with torch.inference_mode():
            return np.asarray(module(wide).numpy())
    except RuntimeError:  # of different types
        for hook in hooks:
            hook.remove()
        with torch.inference_mode():
            return np.asarray(module.double()(wide).numpy())
    finally:
        for hook in hooks:
            hook.remove()
        module.float()


def _cast(layer: torch.nn.Module, dtype: torch.dtype) -> None:
    """Change the type of a module's own parameters and buffers, not of its children's."""
    own = [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]
    for value in own:
        if value.is_floating_point():
            value.data = value.data.to(dtype)


def logits(network: Network, images: Floats) -> Floats:
    """Run images (n, 3, height, width), float32: float32 (n, classes)."""
    with torch.inference_mode():
        return np.asarray(network.module(torch.from_numpy(images)).numpy())
