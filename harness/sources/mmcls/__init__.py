"""MMPretrain, once MMClassification: its networks, names, figures and preprocessing."""

import re

from harness.images.pipelines.catalogue import (
    LEVELS_MEAN,
    LEVELS_STD,
    PILLOW_BILINEAR,
    ImagePipeline,
)
from harness.images.pipelines.recipe import Kernel, Recipe
from harness.sources.source import Source

SOURCE = Source(
    networks="harness.sources.mmcls.networks",
    distributions=("mmpretrain", "mmengine", "mmcv-lite"),
    aliases=("mmclassification", "mmpretrain", "openmmlab"),
    repositories=("open-mmlab/mmclassification", "open-mmlab/mmpretrain"),
    weights_in_names=re.compile(  # but for those of another input size
        r"_(?!.*[0-9]{3}(?:px)?$)(?:[0-9]+xb[0-9]+|3rdparty|in1k|in21k|[\w-]*-pre(?![a-z])).*$"
    ),
    models="harness.sources.mmcls.names:Mmpretrain",
    published="harness.sources.mmcls.published",
    pipelines=(
        ImagePipeline(
            "mmpretrain",
            "harness.sources.mmcls.preprocessing:from_config",
            "resnext50-32x4d_8xb32_in1k",
            Recipe((256,), Kernel.PILLOW_BILINEAR, scale=1.0, mean=LEVELS_MEAN, std=LEVELS_STD),
            PILLOW_BILINEAR,
            tools=("torch", "torchvision", "mmpretrain", "mmengine", "mmcv-lite", "opencv-python"),
            opencv=True,  # LoadImageFromFile, whose backend is cv2 unless a config says otherwise
        ),
    ),
    statistics="levels",
    rules=("mmcv-features", "mmcv", "thop", "true", "torch-flops"),
    weights="harness.sources.mmcls.names:weights_url",
)
