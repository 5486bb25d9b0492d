"""Pages, build configs and run-time files as texts, to be wrong in one place."""

from __future__ import annotations

HEADER = "| model | source | top1 | top5 | MACs(G) | params(M) | input size |\n|-|-|-|-|-|-|-|"
TORCHVISION = (
    "[torchvision](https://github.com/pytorch/vision/blob/v0.9.0/torchvision/models/{}.py)"
)
TIMM = "[timm](https://github.com/rwightman/pytorch-image-models/blob/v0.6.5/timm/models/{}.py)"
MMCLS = (
    "[mmcls](https://github.com/open-mmlab/mmclassification/blob/master/"
    "configs/vgg/{}_8xb32_in1k.py)"
)


def line(name: str, source: str = "timm", figures: str = "70 | 90 | 4.1 | 25 | 224") -> str:
    """One line of the usual table."""
    return f"| {name} | {source} | {figures} |"


def table(*lines: str, header: str = HEADER) -> str:
    """A page with one table; its first row is in line 5."""
    return "\n".join(["# Page", "", header, *lines, ""])


def build_config(
    name: str = "timm_net_int8", checkpoint: str = "/path/to/net_a.onnx", size: int = 224
) -> str:
    """A build config in the vendor's format; the checkpoint stands in its line 7."""
    return f"""\
name: {name}
frontend:
  shape:
    input: [1, 3, {size}, {size}]
  type: onnx
  dtype: fp32
  checkpoint: {checkpoint}
backend:
  type: tvm_vacc
  dtype: fp16
workspace:
  path: ./out
"""


def run_time(size: int = 224) -> str:
    """A run-time file in the vendor's format; the size stands in its line 6."""
    return f"""\
{{"OpType": "FUSION_OP_RGB_RESIZE_CVTCOLOR_CROP_NORM_TENSOR",
 "OpConfig": {{
 "IimageFormat": "RGB_PLANAR", "ColorCvtCode": "NO_CHANGE", "ResizeType": "BILINEAR_CV",
 "IimageWidth": 512, "IimageHeight": 512, "IimageWidthPitch": 512, "IimageHeightPitch": 512,
 "OimageWidth": {size},
 "OimageHeight": {size},
 "ResizeWidth": 512, "ResizeHeight": 512, "CropX": 0, "CropY": 0,
 "Mean": [0.5, 0.5, 0.5], "Std": [0.5, 0.5, 0.5], "NormaType": "DIV255_MINUSMEAN_DIVSTD"}}}}
"""
