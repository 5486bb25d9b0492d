"""Torchvision: its networks, names, published figures and preprocessing."""

from harness.images.pipelines.catalogue import PILLOW_BILINEAR, TENSOR_BILINEAR, ImagePipeline
from harness.images.pipelines.recipe import Kernel, Recipe
from harness.sources.source import Source

_PREPROCESSING = "harness.sources.torchvision.preprocessing"
_BILINEAR = Recipe((256,), Kernel.PILLOW_BILINEAR)
_TOOLS = ("torch", "torchvision")

SOURCE = Source(
    networks="harness.sources.torchvision.networks",
    distributions=("torchvision",),
    repositories=("pytorch/vision",),
    models="harness.sources.torchvision.names:Torchvision",
    published="harness.sources.torchvision.published",
    pipelines=(
        ImagePipeline(
            "torchvision-IMAGENET1K_V1",
            f"{_PREPROCESSING}:from_weights",
            "resnext50_32x4d:IMAGENET1K_V1",
            _BILINEAR,
            PILLOW_BILINEAR,
            tools=_TOOLS,
        ),
        # What pages of the zoo prescribe, in torchvision's transforms, on pictures and on tensors.
        ImagePipeline(
            "page", f"{_PREPROCESSING}:page", "", _BILINEAR, PILLOW_BILINEAR, tools=_TOOLS
        ),
        ImagePipeline(
            "page-on-tensors",
            f"{_PREPROCESSING}:page_on_tensors",
            "",
            _BILINEAR,
            TENSOR_BILINEAR,
            tools=_TOOLS,
        ),
    ),
    rules=("thop", "true", "torch-flops", "mmcv"),
    converted_weights=True,
    weights="harness.sources.torchvision.names:weights_url",
)
