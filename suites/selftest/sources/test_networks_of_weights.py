"""A network is built for the weights that it is pinned with."""

from __future__ import annotations

import pytest
import torchvision

from harness.sources import adapter


@pytest.mark.parametrize("weights", ["IMAGENET1K_V1", "IMAGENET1K_SWAG_E2E_V1"])
def test_a_vision_transformer_has_the_positions_of_its_weights(weights: str) -> None:
    meta = torchvision.models.ViT_B_16_Weights[weights].meta
    size = meta["min_size"][0]
    network = adapter("torchvision").build(f"vit_b_16:{weights}", input_size=size, weightless=True)
    assert sum(one.numel() for one in network.module.parameters()) == meta["num_params"]
    assert network.module.image_size == size
