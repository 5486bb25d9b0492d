"""The vendor's run-time preprocessing: its parameter files, and what they make of an image.

One fused operator on the device: resize to a fixed size whatever the aspect ratio, crop, normalize
with mean and standard deviation in float16. Everything in a file is read or refused by name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from harness.errors import ExpectationError, quoted
from harness.runtime.document import ExpectedTable, suggestion
from harness.runtime.foreign import read_bytes

Levels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

LARGEST_FILE = 64 * 1024  # bytes; the vendor's files have less than one KiB
LONGEST_SIDE = 8192  # pixels; as for build configs
FILE_SUFFIX = "-vdsp_params"
"""What the vendor's run-time files end in, before ``.json``: ``timm-resnet50-vdsp_params.json``."""
NORM_TYPES = ("DIV255_MINUSMEAN_DIVSTD", "MINUSMEAN_DIVSTD")

_FIXED = {
    "IimageFormat": "RGB_PLANAR",
    "ColorCvtCode": "NO_CHANGE",
    "ResizeType": "BILINEAR_CV",
}
_OPERATOR = "FUSION_OP_RGB_RESIZE_CVTCOLOR_CROP_NORM_TENSOR"
_SIZES = (
    "IimageWidth",
    "IimageHeight",
    "IimageWidthPitch",
    "IimageHeightPitch",
    "OimageWidth",
    "OimageHeight",
    "ResizeWidth",
    "ResizeHeight",
)


@dataclass(frozen=True, slots=True)
class VdspParams:
    """A run-time parameter file. Sizes are (height, width) in pixels, the origin is (top, left).

    Attributes:
        mean: of R, G and B, after the division by 255 where ``div255``; each a float16 exactly.
    """

    resize: tuple[int, int]
    origin: tuple[int, int]
    crop: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    div255: bool


def file_name(source: str, model: str) -> str:
    """The name of a row's run-time file, by its documented library and model."""
    return f"{source}-{model}{FILE_SUFFIX}.json"


def read_vdsp_params(path: Path) -> VdspParams:
    """Read and validate a run-time parameter file.

    Raises:
        UnknownKey: a key that does not exist, with the nearest that does.
        ExpectationError: the file is missing, too large or not JSON, or a value is missing, of the
            wrong kind, or impossible; names the key.
    """
    return vdsp_params(path, load(path))


def vdsp_params(path: Path, values: Mapping[str, Any]) -> VdspParams:
    """Validate what a run-time parameter file says; errors as of :func:`read_vdsp_params`."""
    document = ExpectedTable(path, (), values)
    document.only(("OpType", "OpConfig"))
    _one_of(document, "OpType", (_OPERATOR,))
    table = document.table("OpConfig")
    table.only((*_FIXED, *_SIZES, "CropX", "CropY", "Mean", "Std", "NormaType"))
    for key, value in _FIXED.items():
        _one_of(table, key, (value,))
    sizes = {key: table.whole(key, least=1, most=LONGEST_SIDE) for key in _SIZES}
    for side in ("Width", "Height"):
        if sizes[f"Iimage{side}Pitch"] < sizes[f"Iimage{side}"]:
            raise table.wrong(f"Iimage{side}Pitch", f"at least Iimage{side}")
    origin = []
    for key, side in (("CropY", "Height"), ("CropX", "Width")):
        room = sizes[f"Resize{side}"] - sizes[f"Oimage{side}"]
        if room < 0:
            raise table.wrong(f"Oimage{side}", f"at most Resize{side}")
        origin.append(table.whole(key, least=0, most=room))
    return VdspParams(
        resize=(sizes["ResizeHeight"], sizes["ResizeWidth"]),
        origin=(origin[0], origin[1]),
        crop=(sizes["OimageHeight"], sizes["OimageWidth"]),
        mean=_statistics(table, "Mean", least="-1000"),
        std=_statistics(table, "Std", least="0.000001"),
        div255=_one_of(table, "NormaType", NORM_TYPES) == NORM_TYPES[0],
    )


def preprocess(image: Levels, params: VdspParams) -> Floats:
    """One image as the device preprocesses it, by OpenCV.

    Args:
        image: uint8 (height, width, 3), RGB.

    Returns:
        float32 (3, height, width), contiguous. In which precision the device computes and hands on
        the result is not documented; float32 adds no error of its own to the float16 statistics.
    """
    height, width = params.resize
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    (top, left), (height, width) = params.origin, params.crop
    values = resized[top : top + height, left : left + width].astype(np.float32)
    if params.div255:
        values /= np.float32(255)
    mean, std = np.asarray(params.mean, np.float32), np.asarray(params.std, np.float32)
    normalized: Floats = np.ascontiguousarray(((values - mean) / std).transpose(2, 0, 1))
    return normalized


def load(path: Path) -> dict[str, Any]:
    """The keys and values of a JSON file, each key once.

    Raises:
        ExpectationError: it cannot be read, is too large, or is not JSON of that kind.
    """
    try:
        data = read_bytes(path, most=LARGEST_FILE)
    except OSError as error:
        raise ExpectationError(f"cannot read {path}: {error.strerror or error}") from error

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key, value in pairs:
            if key in mapping:
                raise ExpectationError(f"{path}: key {quoted(key)} stands here twice")
            mapping[key] = value
        return mapping

    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=once)
    except UnicodeDecodeError as error:
        raise ExpectationError(f"{path}: not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise ExpectationError(f"{path}:{error.lineno}: not JSON: {error.msg}") from error
    except (RecursionError, ValueError) as error:  # the latter from numbers of thousands of digits
        raise ExpectationError(f"{path}: not JSON as expected: {error}") from error
    if not isinstance(document, dict):
        raise ExpectationError(f"{path}: expected keys and values, got {quoted(document)}")
    return document


def _one_of(table: ExpectedTable, key: str, known: tuple[str, ...]) -> str:
    """One of the device's own words; another is another device's, and not a misspelt one."""
    value = table.text(key)
    if value not in known:
        raise table.wrong(key, " or ".join(known) + suggestion(value, known))
    return value


def _statistics(table: ExpectedTable, key: str, *, least: str) -> tuple[float, float, float]:
    values = table.channels(key, least=Decimal(least), most=Decimal(1000))
    red, green, blue = (float(np.float16(x)) for x in values)
    if not all(map(math.isclose, values, (red, green, blue))):
        raise table.wrong(key, f"what the device holds in float16: {[red, green, blue]}")
    return red, green, blue
