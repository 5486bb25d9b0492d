"""Tracing reads a Paddle network without running it and without changing it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from timm.models.resnet import Bottleneck, ResNet

from harness.counting import paddle_layers
from harness.counting.counts import Counts
from harness.counting.layers import reading_once
from harness.counting.paddle_layers import paddle, trace  # imported there without its warnings
from harness.counting.rules import applicable, count, read_network
from harness.errors import CountError
from harness.sources import adapter

IMAGE = (3, 32, 32)


class Small(paddle.nn.Layer):
    def __init__(self, make_last: Callable[[], paddle.nn.Layer] | None = None) -> None:
        super().__init__()
        self.conv = paddle.nn.Conv2D(3, 8, 3, bias_attr=False)
        self.norm = paddle.nn.BatchNorm2D(8)
        self.gap = paddle.nn.AdaptiveAvgPool2D(1)
        self.fc = paddle.nn.Linear(8, 5)
        self.last = make_last() if make_last else None

    def forward(self, x):
        x = paddle.nn.functional.relu(self.norm(self.conv(x)))
        x = self.fc(paddle.flatten(self.gap(x), 1))
        return x if self.last is None else self.last(x)


class Sorted(paddle.nn.Layer):
    def forward(self, x):
        return paddle.sort(x)


class Branching(paddle.nn.Layer):
    def forward(self, x):
        if paddle.sum(x) > 0:
            x = x + 1
        return x


def built(make_last: Callable[[], paddle.nn.Layer] | None = None) -> Small:
    with paddle.utils.unique_name.guard():
        network = Small(make_last)
    network.eval()
    return network


def test_true_counts_are_those_worked_out_by_hand() -> None:
    counted = count(built(), "paddle", input_shape=IMAGE, rule="true")
    assert counted.operations == 30 * 30 * 8 * 3 * 9 + 8 * 5
    assert counted.params == 8 * 3 * 9 + 2 * 8 + 8 * 5 + 5


def test_weights_need_not_exist() -> None:
    with paddle.LazyGuard():
        lazy = built()
    read = [read_network(each, "paddle", input_shape=IMAGE) for each in (lazy, built())]
    assert read[0] == read[1]


def test_the_network_runs_as_before() -> None:
    network = built()
    x = paddle.ones([1, *IMAGE])
    before, attributes = network(x).numpy(), set(vars(network))
    names = set(network.state_dict())
    read_network(network, "paddle", input_shape=IMAGE)
    assert paddle.in_dynamic_mode()
    assert (network(x).numpy() == before).all()
    assert (set(vars(network)), set(network.state_dict())) == (attributes, names)


def test_a_layer_that_branches_on_a_tensor_is_traced_both_ways() -> None:
    network = trace(built(Branching), input_shape=IMAGE).program.main_program
    assert "pd_op.if" in {op.name() for op in network.global_block().ops}


def counts(network: paddle.nn.Layer) -> dict[str, Counts]:
    """Under all rules."""
    with reading_once():
        return {
            rule: count(network, "paddle", input_shape=IMAGE, rule=rule)
            for rule in applicable("paddle")
        }


def test_all_rules_share_one_trace_and_do_not_keep_it(monkeypatch: pytest.MonkeyPatch) -> None:
    traced: list[object] = []

    def tracing(module: object, input_shape: object) -> object:
        traced.append(module)
        return read(module, input_shape)

    read = paddle_layers._trace
    monkeypatch.setattr(paddle_layers, "_trace", tracing)
    network = built()
    counted = counts(network)
    assert traced == [network]
    network.fc = paddle.nn.Linear(8, 7)
    changed = counts(network)
    assert all(changed[rule].params > counted[rule].params for rule in counted)


@pytest.mark.shows("an operator is counted as zero")
def test_an_operator_that_no_list_names_is_an_error_and_not_a_zero() -> None:
    with pytest.raises(CountError, match=r"operator pd_op\.\w*sort is not known"):
        count(built(Sorted), "paddle", input_shape=IMAGE, rule="true")


@pytest.mark.parametrize("rule", ["true", "paddle-model-stat"])
def test_a_missing_layer_changes_every_count(rule) -> None:
    whole = count(built(lambda: paddle.nn.Linear(5, 7)), "paddle", input_shape=IMAGE, rule=rule)
    maimed = count(built(), "paddle", input_shape=IMAGE, rule=rule)
    assert maimed.operations < whole.operations
    assert maimed.params < whole.params


def test_both_frameworks_give_the_same_layers_for_the_same_network(build) -> None:
    network, _ = build("resnext/ppcls/resnext50_32x4d")
    with torch.device("meta"):
        in_torch = ResNet(Bottleneck, (3, 4, 6, 3), cardinality=32, base_width=4).eval()
    ours = read_network(in_torch, "torch", input_shape=IMAGE)
    theirs = read_network(network, "paddle", input_shape=IMAGE)
    assert sorted(map(repr, ours.layers)) == sorted(map(repr, theirs.layers))
    assert ours.params == theirs.params


SAME_IN_BOTH = {
    "res2net.Res2Net50_26w_4s": "res2net50_26w_4s.in1k",
    "rexnet.ReXNet_1_0": "rexnet_100.nav_in1k",
    "pvt_v2.PVT_V2_B2_Linear": "pvt_v2_b2_li.in1k",
    "convnext.ConvNeXt_tiny": "convnext_tiny.fb_in1k",
}


@pytest.mark.parametrize("model", SAME_IN_BOTH)
def test_networks_of_two_libraries_count_the_same(model: str) -> None:
    """Splits, adaptive pools, means over computed axes, and weights that are scaled when built."""
    theirs = adapter("timm").build(SAME_IN_BOTH[model], input_size=224, weightless=True)
    ours = adapter("ppcls").build(model, input_size=224, weightless=True)
    counted, expected = (
        count(one.countable, one.framework, input_shape=one.input_shape, rule="true")
        for one in (ours, theirs)
    )
    assert counted == expected
