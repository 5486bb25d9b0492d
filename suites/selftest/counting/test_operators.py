"""What no count shows is in the words of a network's operators, and changes with each setting."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from harness.counting.claims import judge_layers
from harness.counting.counts import Counts
from harness.counting.operators import ORDER, differences, in_words
from harness.counting.paddle_layers import paddle
from harness.counting.rules import TRUE, Framework, count, read_network
from harness.records import Outcome

IMAGE = (3, 32, 32)


class Torch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=4, bias=False)
        self.act: nn.Module = nn.ReLU()
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        self.fc = nn.Linear(8, 5)
        self.late = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.act(self.norm(self.conv(x))))
        y = self.grouped(x)
        x = self.act(x + y) if self.late else x + self.act(y)
        return self.fc(x.mean((2, 3)))


class Paddle(paddle.nn.Layer):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.conv = paddle.nn.Conv2D(3, 8, 3, padding=1, bias_attr=False)
        self.norm = paddle.nn.BatchNorm2D(8)
        self.grouped = paddle.nn.Conv2D(8, 8, 3, padding=1, groups=4, bias_attr=False)
        self.act = paddle.nn.ReLU()
        self.pool = paddle.nn.MaxPool2D(3, 2, padding=1)
        self.fc = paddle.nn.Linear(8, 5)
        self.late = False

    def forward(self, x: Any) -> Any:
        x = self.pool(self.act(self.norm(self.conv(x))))
        y = self.grouped(x)
        x = self.act(x + y) if self.late else x + self.act(y)
        return self.fc(x.mean((2, 3)))


def _torch_dilated(net: Torch) -> None:
    net.grouped.dilation = net.grouped.padding = (2, 2)


def _torch_pool(net: Torch) -> None:
    net.pool = nn.MaxPool2d(3, 2, padding=0, ceil_mode=True)


def _torch_leaky(net: Torch) -> None:
    net.act = nn.LeakyReLU(0.1)


def _paddle_dilated(net: Any) -> None:
    net.grouped._dilation, net.grouped._updated_padding = [2, 2], [2, 2]


def _paddle_pool(net: Any) -> None:
    net.pool = paddle.nn.MaxPool2D(3, 2, padding=0, ceil_mode=True)


def _paddle_leaky(net: Any) -> None:
    net.act = paddle.nn.LeakyReLU(0.1)


CHANGES: dict[str, tuple[str, Framework, Callable[[Any], None]]] = {
    "torch-epsilon": ("norms", "torch", lambda net: setattr(net.norm, "eps", 1e-3)),
    "torch-dilation": ("convolutions", "torch", _torch_dilated),
    "torch-pool": ("pools", "torch", _torch_pool),
    "torch-activation": ("activations", "torch", _torch_leaky),
    "torch-order": (ORDER, "torch", lambda net: setattr(net, "late", True)),
    "paddle-epsilon": ("norms", "paddle", lambda net: setattr(net.norm, "_epsilon", 1e-3)),
    "paddle-dilation": ("convolutions", "paddle", _paddle_dilated),
    "paddle-pool": ("pools", "paddle", _paddle_pool),
    "paddle-activation": ("activations", "paddle", _paddle_leaky),
    "paddle-order": (ORDER, "paddle", lambda net: setattr(net, "late", True)),
}


def built(framework: Framework) -> Any:
    network = Torch() if framework == "torch" else Paddle()
    network.eval()
    return network


def words(
    network: Any, framework: Framework, image: tuple[int, int, int] = IMAGE
) -> dict[str, str]:
    return in_words(read_network(network, framework, input_shape=image).operators)


def true_count(network: Any, framework: Framework) -> Counts:
    return count(network, framework, input_shape=IMAGE, rule=TRUE)


@pytest.mark.shows(
    "a network has another epsilon, padding or activation, which no count of it shows",
    by="the settings of all its operators, and their order, are pinned",
)
@pytest.mark.parametrize("name", CHANGES)
def test_a_setting_that_no_count_shows_is_another_text(name: str) -> None:
    kind, framework, change = CHANGES[name]
    plain, changed = built(framework), built(framework)
    change(changed)
    assert true_count(changed, framework) == true_count(plain, framework)
    before, after = words(plain, framework), words(changed, framework)
    assert {one for one in before | after if before.get(one) != after.get(one)} <= {kind, ORDER}
    (told,) = differences(after, before)
    assert told.startswith(kind)
    verdict = judge_layers(after, before)
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert told in verdict.headline


@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_the_words_are_the_same_again_and_at_another_size(framework: Framework) -> None:
    network = built(framework)
    told = words(network, framework)
    assert words(built(framework), framework) == told
    assert words(network, framework, (3, 48, 64)) == told
    assert judge_layers(told, told).outcome is Outcome.CONFORMS


def test_torch_networks_say_what_they_are() -> None:
    assert words(built("torch"), "torch") | {ORDER: ""} == {
        "convolutions": "1 × 3×3 padding 1; 1 × 3×3 padding 1 groups 4",
        "products": "1 × addmm",
        "norms": "1 × epsilon 1e-05",
        "pools": "1 × max_pool2d_with_indices kernel_size 3 stride 2 padding 1",
        "activations": "2 × relu",
        "others": "1 × add; 1 × mean",
        ORDER: "",
    }


def test_a_network_that_has_been_copied_says_the_same() -> None:
    network = built("torch")
    assert words(copy.deepcopy(network), "torch") == words(network, "torch")
