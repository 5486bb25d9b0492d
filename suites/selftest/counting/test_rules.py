"""Each rule counts what the figures were made with, and says so when it cannot."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import warnings

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from harness.counting import mmcv_counter, thop_counter
from harness.counting.counts import Counts
from harness.counting.layers import LayerKind
from harness.counting.on_meta import NormsByShape, on_meta
from harness.counting.rules import RULES, applicable, count, read_network
from harness.errors import CountError, Unavailable, UnknownKey

IMAGE = (3, 224, 224)
TORCH_RULES = [
    pytest.param(
        rule,
        marks=pytest.mark.skipif(
            rule == "fvcore" and importlib.util.find_spec(rule) is None,
            reason="fvcore is not installed",
        ),
    )
    for rule in applicable("torch")
]
SMALL = (3, 32, 32)


class Small(nn.Module):
    """Every kind of layer that the counters weigh, small enough to be really run."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=True)
        self.norm = nn.BatchNorm2d(8)
        self.grouped = nn.Conv2d(8, 8, 3, groups=4, bias=False)
        self.pool = nn.MaxPool2d(2)
        self.window = nn.AvgPool2d(2)
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, 5)

    def extract_feat(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.conv(x)))
        return self.gap(self.window(self.pool(self.grouped(x)))).flatten(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.extract_feat(x))

    def switch_to_deploy(self) -> None:
        """Nothing is left out."""


@pytest.fixture
def small() -> nn.Module:
    return Small().eval()


@pytest.mark.parametrize(
    "row",
    [
        "resnext/torchvision/resnext50_32x4d",
        "resnext/timm/resnext50d_32x4d",
        "resnext/timm/gluon_resnext50_32x4d",
        "resnext/mmcls/resnext50_32x4d",
    ],
)
def test_pinned_counts_are_what_the_real_network_gives(row, pinned, build) -> None:
    network, framework = build(row)
    expected = pinned[row]
    counted = count(network, framework, input_shape=IMAGE, rule=expected.operations.counter)
    true = count(network, framework, input_shape=IMAGE, rule="true")
    assert counted == Counts(expected.operations.raw, expected.params.raw)
    assert true == Counts(expected.true_macs, expected.true_params)


@pytest.mark.shows("the source library builds another network", by="true counts are pinned exactly")
@pytest.mark.parametrize("rule", TORCH_RULES)
def test_a_missing_block_changes_every_count(rule, build) -> None:
    row = "resnext/torchvision/resnext50_32x4d"
    whole, _ = build("resnext/mmcls/resnext50_32x4d" if rule == "mmcv-features" else row)
    whole.switch_to_deploy = whole.eval  # which leaves nothing out
    counted = count(whole, "torch", input_shape=IMAGE, rule=rule)
    (whole.backbone if rule == "mmcv-features" else whole).layer4[2] = nn.Identity()
    maimed = count(whole, "torch", input_shape=IMAGE, rule=rule)
    assert maimed.operations < counted.operations
    assert maimed.params < counted.params


def test_a_rule_that_counts_fc_layers_twice_does_not_give_the_pinned_count(pinned, build) -> None:
    row = "resnext/torchvision/resnext50_32x4d"
    network = read_network(build(row)[0], "torch", input_shape=IMAGE)
    weight = {LayerKind.FC: 2}
    operations = sum(weight.get(layer.kind, 1) * layer.macs for layer in network.layers)
    assert operations == pinned[row].true_macs + 2048 * 1000


def test_thop_counts_the_same_on_shapes_as_on_numbers(small) -> None:
    operations, params = thop_counter.thop.profile(
        Small().eval(), (torch.zeros(1, *SMALL),), verbose=False
    )
    assert count(small, "torch", input_shape=SMALL, rule="thop") == Counts(operations, params)


def test_mmcv_counts_the_same_on_shapes_as_on_numbers(small) -> None:
    numbers = Small().eval()
    numbers.forward = numbers.extract_feat
    operations, params = mmcv_counter.get_model_complexity_info(
        numbers, SMALL, print_per_layer_stat=False, as_strings=False
    )
    counted = count(small, "torch", input_shape=SMALL, rule="mmcv-features")
    assert counted == Counts(operations, params)


@pytest.mark.parametrize("network", ["small", "resnext50d"])
def test_true_operations_are_half_the_flops_of_torchs_own_counter(network, small, build) -> None:
    module = small if network == "small" else build("resnext/timm/resnext50d_32x4d")[0]
    shape = SMALL if network == "small" else IMAGE
    device = next(module.parameters()).device
    with FlopCounterMode(display=False) as flops:
        module(torch.empty(1, *shape, device=device))
    counted = count(module, "torch", input_shape=shape, rule="true")
    assert 2 * counted.operations == flops.get_total_flops()


@pytest.mark.parametrize("rule", TORCH_RULES)
def test_counting_leaves_the_module_as_it_was(rule, small) -> None:
    before = {name: tensor.data_ptr() for name, tensor in small.state_dict().items()}
    attributes = {name: set(vars(each)) for name, each in small.named_modules()}
    count(small, "torch", input_shape=SMALL, rule=rule)
    assert {name: tensor.data_ptr() for name, tensor in small.state_dict().items()} == before
    assert {name: set(vars(each)) for name, each in small.named_modules()} == attributes
    assert not any(each._forward_hooks for each in small.modules())


def test_thop_itself_leaves_buffers_behind() -> None:
    module = Small().eval()
    before = set(module.state_dict())
    thop_counter.thop.profile(module, (torch.zeros(1, *SMALL),), verbose=False)
    assert set(module.state_dict()) > before  # so the test above can fail


@pytest.mark.shows(
    "another thop counts something else", by="the distribution and its version are checked"
)
@pytest.mark.parametrize(
    "providers",
    [
        {"ultralytics-thop": "2.2.3"},
        {"thop": "0.1.1.post2209072238", "ultralytics-thop": "2.2.3"},
        {"thop": "0.1.0.post2206102148"},
        {},
    ],
)
def test_another_thop_is_not_mistaken_for_thop(providers) -> None:
    with pytest.raises(Unavailable, match=r"needs distribution thop 0\.1\.1\.post2209072238 alone"):
        thop_counter.require_pinned(providers)


def test_the_pinned_thop_is_accepted_however_its_version_is_spelled() -> None:
    thop_counter.require_pinned({"thop": "0.1.1-2209072238"})
    thop_counter.require_pinned({"thop": "0.1.1.post2209072238"})


@pytest.mark.shows("an operator is counted as zero", by="an operator in no list is an error")
def test_an_operator_that_no_list_names_is_an_error_and_not_a_zero(small) -> None:
    small.gap = nn.LPPool2d(2, 7)
    with pytest.raises(CountError, match=r"operator aten\.\w+.* is not known"):
        count(small, "torch", input_shape=SMALL, rule="true")


def test_a_network_that_does_not_fit_the_shape_is_a_count_error(small) -> None:
    with pytest.raises(CountError, match=r"rule 'thop': RuntimeError: "):
        count(small, "torch", input_shape=(4, 32, 32), rule="thop")


def test_training_mode_is_refused(small) -> None:
    with pytest.raises(CountError, match="training mode, expected eval"):
        count(small.train(), "torch", input_shape=SMALL, rule="true")


def test_an_unknown_rule_is_refused_by_name(small) -> None:
    with pytest.raises(UnknownKey, match="no counting rule 'deepspeed', expected one of thop"):
        count(small, "torch", input_shape=SMALL, rule="deepspeed")


def test_a_rule_is_refused_for_another_framework() -> None:
    with pytest.raises(CountError, match="rule 'thop' counts torch networks, not paddle"):
        count(object(), "paddle", input_shape=IMAGE, rule="thop")


def test_the_mmcv_rule_asks_for_a_classifier_with_features() -> None:
    with pytest.raises(CountError, match="extract_feat, which Linear lacks"):
        count(nn.Linear(3, 3).eval(), "torch", input_shape=SMALL, rule="mmcv-features")


def test_a_library_that_is_not_installed_is_named(small, monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "harness.counting.thop_counter")
    monkeypatch.setitem(sys.modules, "thop", None)
    with warnings.catch_warnings(), pytest.raises(Unavailable, match="needs thop, which is not"):
        count(small, "torch", input_shape=SMALL, rule="thop")


def test_reading_expectations_imports_no_framework() -> None:
    heavy = "{'torch', 'paddle', 'thop', 'mmcv', 'numpy'}"
    code = f"import sys, harness.expected.complexity; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.filterwarnings("ignore:No ccache found")  # of paddle, where it is imported first
def test_every_rule_names_something_that_can_be_called() -> None:
    from importlib import import_module

    for rule in RULES.values():
        module, _, attribute = rule.counter.partition(":")
        assert callable(getattr(import_module(module), attribute))


class BiasCache(nn.Module):
    """Holds a tensor that torch does not know of, as attention does with its biases."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.bias = torch.ones(4)
        self.cache = {"cpu": torch.ones(4)}

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.linear(image) + self.bias + self.cache["cpu"]


def test_tensors_that_are_plain_attributes_come_along() -> None:
    moved = on_meta(BiasCache())
    assert moved(torch.ones(2, 4, device="meta")).shape == (2, 4)
    assert {moved.bias.device.type, moved.cache["cpu"].device.type} == {"meta"}


def test_norms_of_a_library_are_counted_as_torchs_by_the_rule_that_says_so() -> None:
    """timm's Inception v3 at 299 px: 11.498 G of a page are twice these 5.7492."""
    timm = pytest.importorskip("timm")
    with torch.device("meta"):
        network = timm.create_model("inception_v3", pretrained=False).eval()
    image = (3, 299, 299)
    without = count(network, "torch", input_shape=image, rule="thop")
    counted = count(network, "torch", input_shape=image, rule="thop-norms")
    assert (without.operations, counted.operations) == (5_713_349_216, 5_749_219_168)
    assert counted.params == sum(one.numel() for one in network.parameters())


def test_a_network_of_torchs_norms_alone_is_counted_as_by_thop(small: nn.Module) -> None:
    plain = count(small, "torch", input_shape=SMALL, rule="thop")
    assert count(small, "torch", input_shape=SMALL, rule="thop-norms") == plain


@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_norm_by_its_shape_is_what_torch_gives(
    kind: type[nn.Module], affine: bool, dtype: torch.dtype
) -> None:
    norm = kind(6, affine=affine, device="meta", dtype=dtype).eval()
    shape = {"BatchNorm1d": (2, 6), "BatchNorm2d": (2, 6, 5, 4), "BatchNorm3d": (2, 6, 5, 4, 3)}
    image = torch.empty(shape[kind.__name__], device="meta", dtype=dtype)
    expected = norm(image)
    with NormsByShape():
        found = norm(image)
    assert (found.shape, found.dtype, found.stride()) == (
        expected.shape,
        expected.dtype,
        expected.stride(),
    )


def test_a_norm_on_numbers_is_computed() -> None:
    norm, image = nn.BatchNorm2d(3).eval(), torch.ones(1, 3, 2, 2)
    with NormsByShape():
        assert torch.allclose(norm(image), image, atol=1e-4)
