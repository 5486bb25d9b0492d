"""The relatives of the known rules count what their libraries do."""

from __future__ import annotations

import importlib.util
import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from harness.counting.counts import Counts, reproduces
from harness.counting.layers import LayerKind
from harness.counting.paddle_layers import paddle  # imported there without its warnings
from harness.counting.rules import count, read_network
from harness.errors import CountError, Unavailable
from harness.records import Figure
from harness.sources import adapter

IMAGE = (3, 32, 32)
CONV, NORM, FC = 30 * 30 * 8 * 27, 30 * 30 * 8, 8 * 5


class Torch(nn.Module):
    """A convolution, a norm, an activation, a pool and a fully connected layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.relu = nn.ReLU()
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, 5)

    def extract_feat(self, x: torch.Tensor) -> torch.Tensor:
        return self.gap(self.relu(self.norm(self.conv(x)))).flatten(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.extract_feat(x))


class Attention(nn.Module):
    """Queries, keys and values of 49 places, 6 features."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(6, 18)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x[:, :1, :7, :7].reshape(1, 49, 1).expand(1, 49, 6)).chunk(3, dim=2)
        return (q @ k.transpose(1, 2)).softmax(dim=2) @ v


class Paddle(paddle.nn.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.conv = paddle.nn.Conv2D(3, 8, 3)
        self.norm = paddle.nn.BatchNorm2D(8)
        self.relu = paddle.nn.ReLU()
        self.window = paddle.nn.AvgPool2D(2)
        self.gap = paddle.nn.AdaptiveAvgPool2D(1)
        self.fc = paddle.nn.Linear(8, 5)

    def forward(self, x: Any) -> Any:
        x = self.window(self.relu(self.norm(self.conv(x))))
        return self.fc(paddle.flatten(self.gap(x), 1))


@pytest.fixture
def network() -> nn.Module:
    return Torch().eval()


def test_torchs_own_counter_has_two_flops_for_each_multiply_accumulate(network) -> None:
    counted = count(network, "torch", input_shape=IMAGE, rule="torch-flops")
    assert counted == Counts(2 * (CONV + FC), 216 + 16 + 45)


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18", "vit_b_16"])
def test_half_of_it_is_what_torchvision_publishes(name) -> None:
    import torchvision.models

    published = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"].meta["_ops"]
    with torch.device("meta"):
        module = torchvision.models.get_model(name, weights=None).eval()
    counted = count(module, "torch", input_shape=(3, 224, 224), rule="torch-flops")
    assert reproduces(Figure(f"{published:.3f}"), counted.operations, 2 * 10**9)


def test_mmcv_counts_the_head_unless_asked_for_features(network) -> None:
    whole = count(network, "torch", input_shape=IMAGE, rule="mmcv")
    features = count(network, "torch", input_shape=IMAGE, rule="mmcv-features")
    assert whole.operations - features.operations == FC
    assert whole.params == features.params


def test_mmengine_counts_norms_twice_and_activations_not(network) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing mmengine warns of what it would prefer
        counted = count(network, "torch", input_shape=IMAGE, rule="mmengine")
    assert counted.operations == CONV + 2 * NORM + NORM + FC  # the pool has as many elements
    assert all(parameter.device.type == "cpu" for parameter in network.parameters())


class Indexing(nn.Module):
    """A convolution of the channels that a mask keeps, in an order, with biases that are looked up:
    as a window attention looks up those of relative positions."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kept", torch.tensor([True, False, True]))
        self.register_buffer("places", torch.tensor([1, 0, 1, 0]), persistent=False)
        self.order = nn.Parameter(torch.tensor([1, 0]), requires_grad=False)
        self.biases = nn.Parameter(torch.zeros(2))
        self.conv = nn.Conv2d(2, 4, 3, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x[:, self.kept][:, self.order]) + self.biases[self.places].view(1, 4, 1, 1)


class LookingUp(nn.Module):
    """As much of it as needs no values, only indices that there are."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("places", torch.tensor([1, 0, 1, 0]))
        self.biases = nn.Parameter(torch.zeros(2))
        self.conv = nn.Conv2d(3, 4, 3, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x) + self.biases[self.places].view(1, 4, 1, 1)


@pytest.fixture
def _memory_of_wild_numbers() -> Iterator[None]:
    """What is allocated holds NaN, or the largest whole number."""
    torch.use_deterministic_algorithms(True)  # fills it, see fill_uninitialized_memory
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.shows(
    "a count, or whether there is one, depends on what memory held",
    by="what is looked up in a run has values",
)
@pytest.mark.usefixtures("_memory_of_wild_numbers")
@pytest.mark.parametrize(
    ("network", "device", "channels"), [(Indexing, "cpu", 2), (LookingUp, "meta", 3)]
)
def test_a_traced_run_depends_on_no_memorys_content(network, device, channels) -> None:
    with torch.device(device):
        module = network().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        counted = count(module, "torch", input_shape=IMAGE, rule="mmengine")
    assert counted.operations == 30 * 30 * 4 * 9 * channels
    assert all(buffer.device.type == device for buffer in module.buffers())


@pytest.mark.skipif(importlib.util.find_spec("fvcore") is not None, reason="fvcore is installed")
def test_fvcore_is_said_not_to_be_installed(network) -> None:
    with pytest.raises(Unavailable, match="'fvcore' needs fvcore, which is not installed"):
        count(network, "torch", input_shape=IMAGE, rule="fvcore")


def test_products_of_attention_are_multiply_accumulates() -> None:
    module = Attention().eval()
    layers = read_network(module, "torch", input_shape=IMAGE).layers
    products = [each for each in layers if each.kind is LayerKind.PRODUCT]
    assert [each.macs for each in products] == [49 * 49 * 6, 49 * 49 * 6]
    counted = count(module, "torch", input_shape=IMAGE, rule="true")
    assert counted.operations == 49 * 6 * 18 + 2 * 49 * 49 * 6


def test_an_adaptive_pool_of_several_cells_is_a_window() -> None:
    (pool,) = read_network(nn.AdaptiveAvgPool2d(8).eval(), "torch", input_shape=IMAGE).layers
    assert (pool.kind, pool.kernel) == (LayerKind.AVG_POOL, (4, 4))


# ── paddle.flops ──────────────────────────────────────────────────────────────────────────────


def paddle_network(*, lazy: bool = False) -> Any:
    with paddle.utils.unique_name.guard():
        if not lazy:
            network = Paddle()
        else:
            with paddle.LazyGuard():
                network = Paddle()
    network.eval()
    return network


def test_paddle_flops_are_those_worked_out_by_hand() -> None:
    counted = count(paddle_network(lazy=True), "paddle", input_shape=IMAGE, rule="paddle-flops")
    pools = 15 * 15 * 8 + 8 * (15 * 15 + 1)
    assert counted.operations == CONV + 30 * 30 * 8 + 2 * NORM + pools + FC
    assert counted.params == 216 + 8 + 4 * 8 + 45, "running statistics are counted too"


class OwnPool(paddle.nn.AdaptiveAvgPool2D):
    """A library's own pool, that does the same."""


def test_pools_that_a_library_made_its_own_are_counted_by_the_rule_of_before() -> None:
    """By paddle.flops itself a subclass counts nothing."""
    network = paddle_network()
    plain = {
        rule: count(network, "paddle", input_shape=IMAGE, rule=rule)
        for rule in ("paddle-flops", "paddle-flops-pools")
    }
    assert plain["paddle-flops"] == plain["paddle-flops-pools"]
    network.gap = OwnPool(1)
    now = count(network, "paddle", input_shape=IMAGE, rule="paddle-flops")
    assert now.operations == plain["paddle-flops"].operations - 8 * (15 * 15 + 1)
    assert (
        count(network, "paddle", input_shape=IMAGE, rule="paddle-flops-pools")
        == plain["paddle-flops-pools"]
    )


def test_the_network_has_no_hooks_afterwards() -> None:
    network = paddle_network()
    count(network, "paddle", input_shape=IMAGE, rule="paddle-flops")
    assert not any(each._forward_post_hooks for each in network.sublayers())


@pytest.mark.parametrize("rule", ["paddle-flops", "true"])
def test_a_missing_layer_changes_every_count(rule) -> None:
    network = paddle_network()
    before = count(network, "paddle", input_shape=IMAGE, rule=rule)
    network.conv = paddle.nn.Conv2D(3, 8, 1)
    assert count(network, "paddle", input_shape=IMAGE, rule=rule).operations < before.operations


@pytest.mark.filterwarnings("ignore")  # what mmpretrain says while it is imported
@pytest.mark.parametrize(
    ("source", "model"), [("mmcls", "repvgg-A0_8xb32_in1k"), ("timm", "repvgg_a0.rvgg_in1k")]
)
def test_a_deployed_network_has_what_its_paper_says(source: str, model: str) -> None:
    """RepVGG, table 4: 8.30 M when deployed. By hand: kernels of 3 by 3, a bias for each channel,
    and the classifier."""
    network = adapter(source).build(model, input_size=224, weightless=True)
    counted = {
        rule: count(network.countable, "torch", input_shape=network.input_shape, rule=rule)
        for rule in ("true", "deployed")
    }
    channels = [3, *[48] * 3, *[96] * 4, *[192] * 14, 1280]
    kernels = sum(9 * one * other + other for one, other in itertools.pairwise(channels))
    assert counted["deployed"].params == kernels + 1280 * 1000 + 1000
    assert counted["true"].params == 9_108_968


def test_what_has_no_branches_is_not_counted_as_deployed() -> None:
    with pytest.raises(CountError, match="Torch has nothing to re-parameterize"):
        count(Torch().eval(), "torch", input_shape=IMAGE, rule="deployed")


def test_a_network_is_left_as_it_was_by_counting_it_deployed() -> None:
    network = adapter("timm").build("repvgg_a0.rvgg_in1k", input_size=224, weightless=True)
    before = [name for name, _ in network.module.named_parameters()]
    count(network.countable, "torch", input_shape=network.input_shape, rule="mmcv-deployed")
    assert [name for name, _ in network.module.named_parameters()] == before
