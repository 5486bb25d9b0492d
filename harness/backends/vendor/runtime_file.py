"""The run-time preprocessing that goes with a build config, in the runner's JSON.

The runner has one fused operator: resize to a fixed size, crop, normalize, with statistics in
float16. Source: the zoo's ``vdsp_params`` files, every field of which is written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from harness.errors import ExpectationError
from harness.expected.buildconfig import (
    CenterCrop,
    DecodeImage,
    Normalize,
    ProcessOp,
    Resize,
    ToTensor,
)

_OPERATOR = "FUSION_OP_RGB_RESIZE_CVTCOLOR_CROP_NORM_TENSOR"


def runtime_text(process_ops: Sequence[ProcessOp]) -> str:
    """The text of a run-time file that does what build-time preprocessing does, and as the zoo's.

    Statistics are rounded to float16, which is what the device holds.

    Raises:
        ExpectationError: the operators are not a resize to a fixed size, a crop where there is
            one, and a normalization, in this order; the fused operator can do nothing else.
    """
    steps = [op for op in process_ops if not isinstance(op, DecodeImage | ToTensor)]
    match steps:
        case [Resize((height, width)), Normalize() as normalize]:
            resize = crop = (height, width)
        case [Resize((height, width)), CenterCrop() as middle, Normalize() as normalize]:
            resize, crop = (height, width), middle.size
        case _:
            found = ", ".join(type(op).__name__ for op in steps)
            raise ExpectationError(
                f"process_ops {found}: the runner's fused operator takes Resize to "
                "[height, width], then CenterCrop or none, then Normalize"
            )
    return json.dumps({"OpType": _OPERATOR, "OpConfig": _config(resize, crop, normalize)}, indent=4)


def _config(
    resize: tuple[int, int], crop: tuple[int, int], normalize: Normalize
) -> dict[str, object]:
    return {
        "IimageFormat": "RGB_PLANAR",
        "IimageWidth": resize[1],
        "IimageHeight": resize[0],
        "OimageWidth": crop[1],
        "OimageHeight": crop[0],
        "CropX": (resize[1] - crop[1]) // 2,
        "CropY": (resize[0] - crop[0]) // 2,
        "ResizeWidth": resize[1],
        "ResizeHeight": resize[0],
        "IimageWidthPitch": resize[1],
        "IimageHeightPitch": resize[0],
        "Mean": [float(np.float16(value)) for value in normalize.mean],
        "Std": [float(np.float16(value)) for value in normalize.std],
        "NormaType": "DIV255_MINUSMEAN_DIVSTD" if normalize.div255 else "MINUSMEAN_DIVSTD",
        "ColorCvtCode": "NO_CHANGE",
        "ResizeType": "BILINEAR_CV",
    }
