"""PaddleClas: its networks, names, weights files and preprocessing."""

import re

from harness.images.pipelines.catalogue import OPENCV_BILINEAR, ImagePipeline
from harness.images.pipelines.recipe import Kernel, Recipe, Rounding
from harness.sources.source import Source

SOURCE = Source(
    networks="harness.sources.ppcls.networks",
    distributions=("paddlepaddle", "paddleclas", "paddle2onnx"),
    framework="paddle",
    aliases=("paddle", "paddleclas", "paddlepaddle"),
    repositories=("paddlepaddle/paddleclas",),
    weights_in_names=re.compile(r"_(?:ssld|wsl)$"),
    models="harness.sources.ppcls.names:PaddleClas",
    pipelines=(
        ImagePipeline(
            "paddleclas",
            "harness.sources.ppcls.preprocessing:from_config",
            "inference_cls.yaml",
            Recipe(
                (256,),
                Kernel.OPENCV_BILINEAR,
                long_side=Rounding.TO_EVEN,
                origin=Rounding.CUT,
                scale=0.00392157,  # as the config prints it, 1/255 to six digits
            ),
            OPENCV_BILINEAR,
            tools=("paddlepaddle", "paddleclas", "opencv-python"),
            opencv=True,  # predict_cls.py reads files with it
        ),
    ),
    rules=("paddle-flops", "paddle-model-stat", "paddle-flops-pools", "true"),
    documented_opset=10,
    names_opset=True,
    torchscript=False,
    external_parameters=True,
    output_name="fetch_name_0",
    weights="harness.sources.ppcls.names:weights_url",
)
