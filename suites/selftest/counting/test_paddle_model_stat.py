"""The old Paddle summary's figures come out of layer lists, whichever framework gave them."""

from __future__ import annotations

import re

import pytest
import torch
from timm.models.resnet import Bottleneck, ResNet

from harness.counting.counts import Counts, reproduces
from harness.counting.layers import CountedNetwork, Layer, LayerKind
from harness.counting.paddle_model_stat import count_model_stat
from harness.counting.rules import count, read_network
from harness.records import Figure

IMAGE = (3, 224, 224)
DEPTHS = {"50": (3, 4, 6, 3), "101": (3, 4, 23, 3), "152": (3, 8, 36, 3)}
# Every PaddleClas row of the page: depth, cardinality × width, "vd" where it is that variant.
ROWS = [
    f"resnext{depth}{variant}_{width}"
    for depth in DEPTHS
    for variant in ("", "_vd")
    for width in ("32x4d", "64x4d")
] + [f"resnext101_32x{width}d_wsl" for width in (8, 16, 32)]


def in_torch(name: str) -> ResNet:
    """The same architecture in torch, without weights."""
    parts = re.fullmatch(r"resnext(\d+)(_vd)?_(\d+)x(\d+)d(_wsl)?", name)
    assert parts is not None
    depth, vd, cardinality, width, _ = parts.groups()
    variant = {"stem_width": 32, "stem_type": "deep", "avg_down": True} if vd else {}
    with torch.device("meta"):
        return ResNet(
            Bottleneck,
            DEPTHS[depth],
            cardinality=int(cardinality),
            base_width=int(width),
            **variant,
        ).eval()


@pytest.mark.parametrize("name", ROWS)
def test_the_rule_gives_the_pinned_count_from_the_same_network_in_torch(name, pinned) -> None:
    expected = pinned[f"resnext/ppcls/{name}"]
    network = read_network(in_torch(name), "torch", input_shape=IMAGE)
    counted = count_model_stat(network)
    assert counted == Counts(expected.operations.raw, expected.params.raw)


@pytest.mark.parametrize(("side", "flops"), [(224, "173.58"), (320, "354.23")])
def test_the_rule_holds_for_networks_that_are_not_on_the_page(side, flops) -> None:
    # PaddleClas documents ResNeXt101_32x48d_wsl at 224 px, and its "Fix" variant at 320 px.
    network = read_network(in_torch("resnext101_32x48d_wsl"), "torch", input_shape=(3, side, side))
    counted = count_model_stat(network)
    assert reproduces(Figure(flops), counted.operations, 10**9)
    assert reproduces(Figure("456.20"), counted.params, 10**6)


@pytest.mark.parametrize("name", ["resnext50_32x4d", "resnext50_vd_32x4d"])
def test_pinned_counts_are_what_the_real_paddle_network_gives(name, pinned, build) -> None:
    row = f"resnext/ppcls/{name}"
    network, framework = build(row)
    counted = count(network, framework, input_shape=IMAGE, rule="paddle-model-stat")
    true = count(network, framework, input_shape=IMAGE, rule="true")
    assert counted == Counts(pinned[row].operations.raw, pinned[row].params.raw)
    assert true == Counts(pinned[row].true_macs, pinned[row].true_params)


def test_dividing_by_the_groups_once_does_not_give_the_documented_figures(pinned) -> None:
    expected = pinned["resnext/ppcls/resnext50_32x4d"]
    network = read_network(in_torch("resnext50_32x4d"), "torch", input_shape=IMAGE)
    corrected = [
        # As many input channels as make the second division give what the first one should.
        Layer(each.kind, _scaled(each), each.outputs, each.kernel, each.groups, each.bias)
        if each.kind is LayerKind.CONV
        else each
        for each in network.layers
    ]
    counted = count_model_stat(CountedNetwork(tuple(corrected), network.params))
    assert counted.operations != expected.operations.raw
    assert counted.params != expected.params.raw


def _scaled(layer: Layer) -> tuple[int, ...]:
    batch, channels, *rest = layer.inputs
    return (batch, channels * layer.groups, *rest)


def test_a_dropped_layer_changes_the_count(pinned) -> None:
    expected = pinned["resnext/ppcls/resnext50_32x4d"]
    network = read_network(in_torch("resnext50_32x4d"), "torch", input_shape=IMAGE)
    for kind in LayerKind:
        kept = list(network.layers)
        first = next((each for each in kept if each.kind is kind), None)
        if first is not None:
            kept.remove(first)
            counted = count_model_stat(CountedNetwork(tuple(kept), network.params))
            assert counted.operations != expected.operations.raw, kind


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        # 8 channels in 4 groups: 2 per group, divided by 4 again leaves none.
        (Layer(LayerKind.CONV, (1, 8, 4, 4), (1, 8, 4, 4), (3, 3), groups=4), Counts(0, 0)),
        (Layer(LayerKind.CONV, (1, 2, 4, 4), (1, 3, 2, 2), (1, 1)), Counts(2 * 12 * 2, 6)),
        (Layer(LayerKind.CONV, (1, 2, 4, 4), (1, 3, 2, 2), (1, 1), bias=True), Counts(72, 9)),
        (Layer(LayerKind.FC, (1, 10), (1, 3)), Counts(30, 31)),
        (Layer(LayerKind.BATCH_NORM, (1, 2, 3, 3), (1, 2, 3, 3)), Counts(36, 4)),
        (Layer(LayerKind.RELU, (1, 2, 3, 3), (1, 2, 3, 3)), Counts(-18, 0)),
        (Layer(LayerKind.MAX_POOL, (1, 2, 4, 4), (1, 2, 2, 2), (3, 3)), Counts(72, 0)),
        (Layer(LayerKind.AVG_POOL, (1, 2, 4, 4), (1, 2, 2, 2), (2, 2)), Counts(32, 0)),
        (Layer(LayerKind.GLOBAL_AVG_POOL, (1, 2, 7, 7), (1, 2, 1, 1)), Counts(98, 0)),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Layer) else "",
)
def test_each_layer_counts_as_the_old_summary_counted_it(layer, expected) -> None:
    assert count_model_stat(CountedNetwork((layer,), params=0)) == expected
