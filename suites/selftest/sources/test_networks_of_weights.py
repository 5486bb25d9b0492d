"""A network is built for the weights that it is pinned with."""

from __future__ import annotations

import pytest
import torchvision

from harness.resolving.libraries import library_of
from harness.sources import adapter


@pytest.mark.parametrize("weights", ["IMAGENET1K_V1", "IMAGENET1K_SWAG_E2E_V1"])
def test_a_vision_transformer_has_the_positions_of_its_weights(weights: str) -> None:
    meta = torchvision.models.ViT_B_16_Weights[weights].meta
    size = meta["min_size"][0]
    network = adapter("torchvision").build(f"vit_b_16:{weights}", input_size=size, weightless=True)
    assert sum(one.numel() for one in network.module.parameters()) == meta["num_params"]
    assert network.module.image_size == size


@pytest.mark.parametrize(
    ("name", "size"),
    [("DeiT_base_patch16_384", 384), ("ResNeXt101_32x48d_wsl", None), ("DenseNet264", None)],
)
def test_paddleclas_says_an_input_size_in_the_name(name: str, size: int | None) -> None:
    (choice,) = library_of("ppcls").choices(name)
    assert choice.input_size == size
