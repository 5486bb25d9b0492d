"""Seeded weights of networks without a reference network: all takes part, and nothing is noise."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from harness.errors import BuildError
from harness.expected.buildconfig import read_build_config
from harness.expected.variants import Variant
from harness.images.sets import ImageSets, embedded_sets
from harness.judging.agreement import FRAMEWORKS_AGREE
from harness.pipeline.catalogue import EXPECTED
from harness.sources import Network, adapter, torch_networks
from harness.sources import seeded_layers as layers
from harness.sources.resnexts import resnext_named
from harness.sources.seeded_layers import fit, seeded_layers
from harness.sources.seeded_torch import TorchFrame

pytestmark = pytest.mark.filterwarnings("ignore")  # what libraries say while they are imported

REAL = {
    "torchvision": "mobilenet_v2:IMAGENET1K_V1",  # depthwise, without any zeros to begin with
    "timm": "mobilenetv3_small_050.lamb_in1k",  # gates, and norms that have children
    "ppcls": "mobilenet_v3.MobileNetV3_small_x0_35",
}


class Block(nn.Module):
    """A residual branch that its library switches off to begin with."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(16)
        self.inner = nn.Linear(16, 16)
        self.gamma = nn.Parameter(1e-6 * torch.ones(16))
        self.table = nn.Parameter(torch.zeros(1, 4, 16))
        self.temperature = nn.Parameter(torch.tensor(2.3))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        inner = self.inner(self.norm(tokens) + self.table) * self.temperature
        return tokens + self.gamma * inner


class Tiny(nn.Module):
    """Every kind of layer, and zeros where libraries have them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 4, stride=4)
        self.norm = nn.BatchNorm2d(16)
        nn.init.zeros_(self.norm.weight)
        self.gate = nn.Conv2d(16, 16, 1)
        self.block = Block()
        self.head = nn.Linear(16, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = torch.relu(self.norm(self.stem(images)))
        maps = maps * torch.sigmoid(self.gate(maps.mean((2, 3), keepdim=True)))
        return self.head(self.block(maps.flatten(2).mT).mean(1))


@pytest.fixture(scope="module")
def images() -> ImageSets:
    """The images of the gate itself."""
    return embedded_sets(read_build_config(EXPECTED / "build" / "embedded.yaml"))


@pytest.fixture
def scenes() -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).standard_normal((6, 3, 8, 8), np.float32)


def tiny(scenes: np.ndarray[Any, Any], name: str = "tiny") -> Tiny:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        module = Tiny()
    fit(TorchFrame(module), name, scenes)
    return module


def values(module: nn.Module) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    for name, value in module.state_dict().items():
        yield name, value.numpy()


@pytest.mark.shows(
    "drawn weights leave a part of a network without effect, so that it may be exported wrongly",
    by="what a library starts at zero is drawn; every parameter changes the logits",
)
def test_no_layer_and_no_branch_is_switched_off(scenes: np.ndarray[Any, Any]) -> None:
    module = tiny(scenes)
    with torch.inference_mode():
        whole = module(torch.from_numpy(scenes))
    assert 0.5 < float(whole.std(dim=0).mean()) < 8
    for name, parameter in module.named_parameters():
        kept = parameter.clone()
        with torch.inference_mode():
            parameter.zero_()
            without = module(torch.from_numpy(scenes))
            parameter.copy_(kept)
        assert not torch.allclose(whole, without, atol=1e-3), f"{name} makes no difference"


def test_what_the_library_chose_stays(scenes: np.ndarray[Any, Any]) -> None:
    module = tiny(scenes)
    assert module.block.temperature.item() == pytest.approx(2.3)
    assert 0.1 < float(module.block.gamma.mean()) < 2
    assert float(module.block.table.std()) == pytest.approx(0.2, rel=0.5)


def test_outputs_have_unit_variance_and_gates_are_weak(scenes: np.ndarray[Any, Any]) -> None:
    module, spreads = tiny(scenes), {}
    for name in ("stem", "gate", "block.inner"):
        module.get_submodule(name).register_forward_hook(
            lambda layer, _, outputs, name=name: spreads.update(
                {name: float((outputs - layer.bias.view(-1, *[1] * (outputs.ndim - 2))).std())}
                if name != "block.inner"
                else {name: float((outputs - layer.bias).std())}
            )
        )
    with torch.inference_mode():
        module(torch.from_numpy(scenes))
    assert spreads == pytest.approx({"stem": 1.0, "gate": 0.1, "block.inner": 1.0}, rel=0.01)


def test_weights_depend_on_name_and_scenes_alone(scenes: np.ndarray[Any, Any]) -> None:
    first = dict(values(tiny(scenes)))
    torch.manual_seed(77)
    for name, value in values(tiny(scenes)):
        assert np.array_equal(first[name], value), name
    other = dict(values(tiny(scenes, "another")))
    assert not np.array_equal(first["stem.weight"], other["stem.weight"])


@pytest.mark.parametrize("fault", ["nan", "alike"])
def test_scenes_that_fit_nothing_are_refused(scenes: np.ndarray[Any, Any], fault: str) -> None:
    if fault == "nan":
        scenes[0, 0, 0, 0] = np.nan
    else:
        scenes[:] = scenes[:1]
    with pytest.raises(BuildError, match="not finite or all alike"):
        tiny(scenes)


def test_one_scene_is_refused(scenes: np.ndarray[Any, Any]) -> None:
    variant = Variant("r", "torchvision", REAL["torchvision"], "w", "n")
    with pytest.raises(BuildError, match="1 scenes cannot give statistics"):
        seeded_layers(variant, 8, scenes[:1])


@pytest.mark.shows(
    "drawn weights amplify rounding, so that a right export differs, or a wrong one may",
    by="rounding is measured against float64",
)
@pytest.mark.parametrize("source", REAL)
def test_real_networks_tell_images_apart_and_keep_rounding_small(
    images: ImageSets, source: str
) -> None:
    """And the same again: also what the library draws by itself is repeatable."""
    variant = Variant("r", source, REAL[source], "w", f"{source}-network")
    network = seeded_layers(variant, 224, images.statistics.images)
    logits = adapter(source).logits(network, images.evaluation.images)
    assert 1.0 < float(logits.std(axis=0).mean()) < 6.0
    assert len(set(logits.argmax(axis=1))) >= 6
    exact = in_float64(variant, network, images.evaluation.images[:1])
    error = np.abs(exact - logits[:1]).max() / np.abs(exact).max()
    assert 0 < error < float(FRAMEWORKS_AGREE)
    again = seeded_layers(variant, 224, images.statistics.images)
    assert np.array_equal(adapter(source).logits(again, images.evaluation.images), logits)


def test_another_epsilon_and_another_padding_are_noticed(images: ImageSets) -> None:
    """What libraries differ in, beside the bound that frameworks are held to."""
    variant = Variant("r", "torchvision", REAL["torchvision"], "w", "torchvision-network")
    network = seeded_layers(variant, 224, images.statistics.images)
    probe = images.evaluation.images[:1]
    right = torch_networks.logits(network, probe)
    norms = [one for one in network.module.modules() if isinstance(one, nn.BatchNorm2d)]
    for norm in norms:
        norm.eps = 1e-3
    epsilon = torch_networks.logits(network, probe)
    for norm in norms:
        norm.eps = 1e-5
    first = next(one for one in network.module.modules() if isinstance(one, nn.Conv2d))
    first.padding_mode, first._reversed_padding_repeated_twice = "replicate", [1, 1, 1, 1]
    padding = torch_networks.logits(network, probe)
    for wrong in (epsilon, padding):
        off = np.abs(wrong - right).max() / np.abs(right).max()
        assert off > 100 * float(FRAMEWORKS_AGREE)


def test_biases_around_nothing_would_make_noise_of_rounding(
    images: ImageSets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deep network of drawn weights, without what keeps it calm."""
    monkeypatch.setattr(layers, "CHANNEL_SHIFT", 0.0)
    variant = Variant("r", "torchvision", "resnet101:IMAGENET1K_V1", "w", "torchvision-resnet101")
    network = seeded_layers(variant, 224, images.statistics.images)
    probe = images.evaluation.images[:1]
    exact = torch_networks.logits64(network, probe)
    error = np.abs(exact - torch_networks.logits(network, probe)).max() / np.abs(exact).max()
    assert error > float(FRAMEWORKS_AGREE)


def in_float64(variant: Variant, network: Network, images: Any) -> np.ndarray[Any, Any]:
    if network.framework == "torch":
        return torch_networks.logits64(network, images)
    from harness.sources.ppcls import networks as ppcls

    build = partial(ppcls.build, variant.model, input_size=224, weightless=False)
    return ppcls.logits64(network, images, again=build)


def test_float64_of_a_module_that_computes_with_anothers_weights() -> None:
    """torch's own attention takes its projection's weights without calling it."""
    torch.manual_seed(1)
    module = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    tokens = np.random.default_rng(1).standard_normal((1, 3, 8), np.float32)
    exact = torch_networks.logits64(Network("torch", module, module, (1, 3, 8)), tokens)
    with torch.inference_mode():
        single = module(torch.from_numpy(tokens)).numpy()
    assert exact.dtype == np.float64
    assert 0 < np.abs(exact - single).max() < 1e-5
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


@pytest.mark.parametrize(
    "name",
    ["resnet50", "resnext34_32x4d", "resnext50", "resnext50_32x4d_wsl", "", "ResNeXt50_32x4d"],
)
def test_only_resnexts_have_a_reference_network(name: str) -> None:
    assert resnext_named(name) is None
    assert resnext_named("resnext50_32x4d") is not None
