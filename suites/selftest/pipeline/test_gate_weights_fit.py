"""Weights go into a network whole or not at all, in torch and in Paddle, by the names it uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from harness.counting.paddle_layers import paddle  # imported there without its warnings
from harness.errors import BuildError
from harness.sources import torch_networks
from harness.sources.network import Network
from harness.sources.ppcls import networks as ppcls

Tensors = dict[str, np.ndarray[Any, Any]]
SHAPE = (3, 4, 4)


class TorchNetwork(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = torch.nn.BatchNorm2d(3)
        self.fc = torch.nn.Linear(3, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc(self.norm(images).mean(dim=(2, 3)))


class PaddleNetwork(paddle.nn.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.norm = paddle.nn.BatchNorm2D(3)
        self.fc = paddle.nn.Linear(3, 5)

    def forward(self, images: paddle.Tensor) -> paddle.Tensor:
        return self.fc(self.norm(images).mean(axis=(2, 3)))


def torch_network() -> Network:
    module = TorchNetwork().eval()
    return Network("torch", module, module, SHAPE)


def paddle_network() -> Network:
    with paddle.utils.unique_name.guard():
        layer = PaddleNetwork()
    layer.eval()
    return Network("paddle", layer, layer, SHAPE)


FRAMEWORKS = pytest.mark.parametrize(
    ("adapter", "build"),
    [(torch_networks, torch_network), (ppcls, paddle_network)],
    ids=["torch", "paddle"],
)
Build = Callable[[], Network]


def drawn(network: Network, *, seed: int = 0) -> Tensors:
    """Values for every tensor of a network; step counters apart."""
    random = np.random.default_rng(seed)
    return {
        name: random.uniform(0.5, 1.5, tuple(value.shape)).astype(np.float32)
        for name, value in network.module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


@FRAMEWORKS
def test_all_values_arrive(adapter: Any, build: Build) -> None:
    network, given = build(), drawn(build())
    adapter.assign(network, given)
    state = {name: value.numpy() for name, value in network.module.state_dict().items()}
    assert [name for name, values in given.items() if not np.array_equal(state[name], values)] == []


@FRAMEWORKS
def test_a_missing_tensor_is_named(adapter: Any, build: Build) -> None:
    network, given = build(), drawn(build())
    del given["fc.bias"]
    with pytest.raises(BuildError, match=r"do not fit the network: fc\.bias is missing$"):
        adapter.assign(network, given)


@FRAMEWORKS
def test_a_tensor_too_many_is_named(adapter: Any, build: Build) -> None:
    network, given = build(), drawn(build())
    given["head.weight"] = np.zeros(1, np.float32)
    with pytest.raises(BuildError, match=r"head\.weight is not the network's$"):
        adapter.assign(network, given)


@FRAMEWORKS
def test_a_tensor_of_another_shape_is_named_with_both(adapter: Any, build: Build) -> None:
    network, given = build(), drawn(build())
    ours = given["fc.weight"].shape
    given["fc.weight"] = np.ascontiguousarray(given["fc.weight"].T)
    theirs = given["fc.weight"].shape
    with pytest.raises(BuildError) as caught:
        adapter.assign(network, given)
    assert f"fc.weight has shape {theirs}, the network's has {ours}" in str(caught.value)


@FRAMEWORKS
def test_many_faults_are_told_at_once_and_counted(adapter: Any, build: Build) -> None:
    given = {f"other{number}": np.zeros(1, np.float32) for number in range(9)}
    with pytest.raises(BuildError, match=r"fc\.bias is missing; .*; and 9 more"):
        adapter.assign(build(), given)


@FRAMEWORKS
def test_a_refused_file_leaves_the_network_as_it_was(adapter: Any, build: Build) -> None:
    network, given = build(), drawn(build())
    before = {name: value.numpy().copy() for name, value in network.module.state_dict().items()}
    del given["fc.bias"]
    with pytest.raises(BuildError):
        adapter.assign(network, given)
    after = {name: value.numpy() for name, value in network.module.state_dict().items()}
    assert [name for name in before if not np.array_equal(before[name], after[name])] == []


def reference_tensors() -> Mapping[str, Any]:
    """As the reference network, which is torch's, has them."""
    return drawn(torch_network())


def test_paddle_and_torch_compute_the_same_with_the_reference_weights() -> None:
    images = np.random.default_rng(1).standard_normal((2, *SHAPE), np.float32)
    answers = []
    for adapter, build in ((torch_networks, torch_network), (ppcls, paddle_network)):
        network = build()
        adapter.assign(network, adapter.from_reference(network, reference_tensors()))
        answers.append(adapter.logits(network, images))
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_reference_of_another_network_does_not_fit_paddle(change: int) -> None:
    given = dict(reference_tensors())
    if change < 0:
        del given["fc.bias"]
    else:
        given["fc.more"] = np.zeros(1, np.float32)
    with pytest.raises(BuildError, match=f"has 6 tensors, not {6 + change}"):
        ppcls.from_reference(paddle_network(), given)


def test_a_reference_of_another_width_is_named_when_paddle_is_given_it() -> None:
    network, given = paddle_network(), dict(reference_tensors())
    given["fc.weight"] = np.zeros((5, 7), np.float32)
    with pytest.raises(BuildError, match=r"fc\.weight has shape \(7, 5\), .* has \(3, 5\)"):
        ppcls.assign(network, ppcls.from_reference(network, given))
