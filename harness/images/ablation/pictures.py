"""Files decoded by each of the libraries that the pipelines read files with."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from harness.errors import ImageError, MissingDataset
from harness.images.decoding import LIMITS, decode
from harness.images.pipelines import Levels, pipelines
from harness.images.scenes import scenes

EMBEDDED_SEED = 5
"""No other set of scenes is drawn with it."""

UPSIDE_DOWN = 3  # EXIF's orientation, turned by 180 degrees (Exif 2.32, table 6)


class Decoder(StrEnum):
    """What turns a file into levels."""

    PILLOW = "Pillow"
    OPENCV = "OpenCV"


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One image by each decoder: uint8 (height, width, 3), RGB."""

    name: str
    levels: Mapping[Decoder, Levels]


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file's content, and what to call it."""

    name: str
    data: bytes


def decoder_of(pipeline: str) -> Decoder:
    """What users of a pipeline decode files with."""
    return Decoder.OPENCV if pipelines()[pipeline].opencv else Decoder.PILLOW


def decoded(file: ImageFile) -> Picture:
    """One file by both decoders. OpenCV applies EXIF's orientation, Pillow does not.

    Raises:
        ImageError: either cannot decode it, or it is refused by :func:`decode`, whose limits hold
            for both; names the file.
    """
    by_pillow = decode(file.data, name=file.name)
    try:
        bgr = cv2.imdecode(np.frombuffer(file.data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise ImageError(f"{file.name}: OpenCV: {error.err or error}") from error
    if bgr is None or 0 in bgr.shape:
        raise ImageError(f"{file.name}: Pillow decodes it, OpenCV cannot")
    by_opencv = np.ascontiguousarray(bgr[:, :, ::-1], dtype=np.uint8)
    return Picture(file.name, {Decoder.PILLOW: by_pillow, Decoder.OPENCV: by_opencv})


def embedded_files() -> tuple[ImageFile, ...]:
    """Scenes as JPEG files: with halved and with whole chroma, turned by EXIF, and in CMYK.

    The same bytes on every machine with the same Pillow.
    """
    kinds = ("420-a", "420-b", "422", "444", "upside-down", "cmyk")
    drawn = scenes(len(kinds), seed=EMBEDDED_SEED)
    return tuple(
        ImageFile(f"scene-{number}-{kind}.jpg", _jpeg(scene, kind))
        for number, (kind, scene) in enumerate(zip(kinds, drawn, strict=True))
    )


def files_below(folder: Path, *, sample: int | None = None, seed: int = 0) -> tuple[Path, ...]:
    """All files of a folder tree in the order of their names, hidden ones left out.

    Args:
        sample: as many of them as this, chosen by ``seed``; all where there are no more.

    Raises:
        MissingDataset: there is no such folder, or no file in it.
    """
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part[0] == "." for part in path.relative_to(folder).parts)
    )
    if not found:
        raise MissingDataset(f"{folder}: no file, expected a folder tree of images")
    if sample is not None and sample < len(found):
        found = sorted(random.Random(seed).sample(found, sample))
    return tuple(found)


def read_file(path: Path, *, name: str) -> ImageFile:
    """A file's content, no more than one byte beyond the limit of :mod:`harness.images.decoding`.

    Raises:
        ImageError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return ImageFile(name, file.read(LIMITS.max_bytes + 1))
    except OSError as error:
        raise ImageError(f"{name}: cannot be read: {error.strerror or error}") from error


def digest(files: Sequence[ImageFile]) -> str:
    """SHA-256 over names and contents, in hexadecimal."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.name} {len(file.data)} ".encode())
        whole.update(file.data)
    return whole.hexdigest()


def _jpeg(scene: Levels, kind: str) -> bytes:
    picture, stream = Image.fromarray(scene), io.BytesIO()
    exif = Image.Exif()
    if kind == "upside-down":
        exif[0x0112] = UPSIDE_DOWN
    if kind == "cmyk":
        picture = picture.convert("CMYK")
    subsampling = {"444": "4:4:4", "422": "4:2:2"}.get(kind, "4:2:0")
    picture.save(stream, "JPEG", quality=90, subsampling=subsampling, exif=exif)
    return stream.getvalue()
