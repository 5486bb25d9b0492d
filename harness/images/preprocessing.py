"""Decoded image to network input, as a build config's ``process_ops`` say.

Sizes are changed by Pillow on whole levels, bilinear with antialiasing, as torchvision does with
Pillow images; values are normalized in float32, one IEEE operation at a time, as torchvision does
with tensors. On decoded images the result is torchvision's, bit for bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from harness.errors import CalibrationError
from harness.expected.buildconfig.process_ops import (
    CenterCrop,
    DecodeImage,
    Normalize,
    ProcessOp,
    Resize,
    ToTensor,
    plain,
)

Floats = npt.NDArray[np.float32]
Levels = npt.NDArray[np.uint8]


def preprocess(image: Levels, ops: Sequence[ProcessOp]) -> Floats:
    """Turn one image into one network input.

    Args:
        image: uint8 (height, width, 3), RGB.
        ops: sizes in any order, then Normalize and ToTensor.

    Returns:
        float32 (3, height, width), contiguous and finite.

    Raises:
        CalibrationError: the image is no such array, or smaller than a crop: nothing is padded.
        ValueError: the operators do not end with Normalize and ToTensor.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise CalibrationError(
            f"an image is {image.dtype} {image.shape}, expected uint8 (height, width, 3)"
        )
    match tuple(ops):
        case (*sizes, Normalize() as normalize, ToTensor()):
            return _normalized(_sized(Image.fromarray(image), sizes), normalize)
    raise ValueError(f"expected Normalize and ToTensor at the end of {list(ops)}")


def preprocess_many(images: Iterable[Levels], ops: Sequence[ProcessOp]) -> Floats:
    """Turn images, of any sizes, into one batch, float32 (n, 3, height, width).

    Raises:
        CalibrationError: there are none, they end in different sizes, or as :func:`preprocess`.
        ValueError: as :func:`preprocess`.
    """
    batch = [preprocess(image, ops) for image in images]
    shapes = {one.shape[1:] for one in batch}
    if len(shapes) != 1:
        found = ", ".join(f"{height}×{width}" for height, width in sorted(shapes))
        raise CalibrationError(f"images end as {found or 'none at all'}, expected all of one size")
    return np.stack(batch)


def digest(ops: Sequence[ProcessOp]) -> str:
    """Identity of a pipeline, for keys: SHA-256 in hexadecimal over operators and arguments."""
    text = json.dumps([plain(op) for op in ops], sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _sized(picture: Image.Image, ops: Iterable[ProcessOp]) -> Image.Image:
    for op in ops:
        match op:
            case DecodeImage():
                pass  # it is
            case Resize((height, width)):
                picture = picture.resize((width, height), Image.Resampling.BILINEAR)
            case Resize((short,)):
                size = _with_short_side(picture.size, short)
                picture = picture.resize(size, Image.Resampling.BILINEAR)
            case CenterCrop((height, width)):
                picture = _cropped(picture, height, width)
            case _:
                raise ValueError(f"{op} among the sizes, expected DecodeImage, Resize, CenterCrop")
    return picture


def _with_short_side(size: tuple[int, int], short: int) -> tuple[int, int]:
    """Width and height with the shorter one as given; the other is cut off to a whole number.

    Source: ``_compute_resized_output_size`` in torchvision's ``transforms/functional.py``.
    """
    width, height = size
    if width <= height:
        return short, int(short * height / width)
    return int(short * width / height), short


def _cropped(picture: Image.Image, height: int, width: int) -> Image.Image:
    """The middle of a picture; an odd remainder is halved to the nearest even number.

    Source: ``center_crop`` in torchvision's ``transforms/functional.py``.
    """
    if picture.height < height or picture.width < width:
        raise CalibrationError(
            f"an image of {picture.height}×{picture.width} cannot be cropped to {height}×{width}"
        )
    top = round((picture.height - height) / 2)
    left = round((picture.width - width) / 2)
    return picture.crop((left, top, left + width, top + height))


def _normalized(picture: Image.Image, op: Normalize) -> Floats:
    levels = np.asarray(picture, dtype=np.float32)
    if op.div255:
        levels = levels / np.float32(255)
    mean, std = np.asarray(op.mean, np.float32), np.asarray(op.std, np.float32)
    normalized: Floats = np.ascontiguousarray(((levels - mean) / std).transpose(2, 0, 1))
    return normalized
