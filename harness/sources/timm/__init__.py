"""timm: its networks, names, table of results and preprocessing."""

import re
from functools import partial

from harness.images.pipelines.catalogue import PILLOW_BICUBIC, PILLOW_BILINEAR, ImagePipeline
from harness.images.pipelines.recipe import Kernel, Recipe
from harness.sources.source import Source

_tagged = partial(ImagePipeline, tools=("torch", "torchvision", "timm"))
_FROM_TAG = "harness.sources.timm.preprocessing:from_tag"
_BICUBIC_256 = Recipe((256,), Kernel.PILLOW_BICUBIC)
_BICUBIC_235 = Recipe((235,), Kernel.PILLOW_BICUBIC)  # 224 / 0.95, cut off
_BICUBIC_288 = Recipe((288,), Kernel.PILLOW_BICUBIC, crop=(288, 288))
_MODEL, _LARGE = "resnext50_32x4d", "resnext101_64x4d"

REFERENCE_TOOLS = ("torch", "timm")
"""What the reference networks that weights are seeded on are made with."""

SOURCE = Source(
    networks="harness.sources.timm.networks",
    distributions=(),
    aliases=("pytorchimagemodels", "rwightman"),
    repositories=("rwightman/pytorch-image-models", "huggingface/pytorch-image-models"),
    weights_in_names=re.compile(r"^(?:gluon|tv|ig|ssl|swsl)_|\..*$"),
    models="harness.sources.timm.names:Timm",
    table="harness.sources.timm.table",
    results_table=True,
    pipelines=(
        _tagged(
            "timm-tv_in1k",
            _FROM_TAG,
            f"{_MODEL}.tv_in1k",
            Recipe((256,), Kernel.PILLOW_BILINEAR),
            PILLOW_BILINEAR,
        ),
        _tagged("timm-gluon_in1k", _FROM_TAG, f"{_MODEL}.gluon_in1k", _BICUBIC_256, PILLOW_BICUBIC),
        _tagged(
            "timm-bt_in1k", _FROM_TAG, "resnext50d_32x4d.bt_in1k", _BICUBIC_256, PILLOW_BICUBIC
        ),
        _tagged("timm-a1h_in1k", _FROM_TAG, f"{_MODEL}.a1h_in1k", _BICUBIC_235, PILLOW_BICUBIC),
        _tagged("timm-c1_in1k", _FROM_TAG, f"{_LARGE}.c1_in1k", _BICUBIC_235, PILLOW_BICUBIC),
        _tagged(
            "timm-c1_in1k-288",  # at which the figure that the page prints was measured
            _FROM_TAG,
            f"{_LARGE}.c1_in1k@test",
            _BICUBIC_288,
            PILLOW_BICUBIC,
        ),
    ),
    rules=("thop", "true", "torch-flops", "mmcv"),
    converted_weights=True,
    weights="harness.sources.timm.names:from_model_hub",
    synsets="timm:data/_info/imagenet_synsets.txt",
)
