"""The operators of ``dataset.process_ops``: what is done to an image before a network sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class DecodeImage:
    """Decode a file to RGB; nothing is left to do for what is decoded already."""


@dataclass(frozen=True, slots=True)
class Resize:
    """Resize to (height, width) in pixels, whatever the aspect ratio, or to (short side,)."""

    size: tuple[int] | tuple[int, int]


@dataclass(frozen=True, slots=True)
class CenterCrop:
    """Cut (height, width), in pixels, from the middle."""

    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Normalize:
    """``(x / 255 - mean) / std`` for R, G and B, or ``(x - mean) / std`` without ``div255``."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    div255: bool = True


@dataclass(frozen=True, slots=True)
class ToTensor:
    """Height, width, channel to channel, height, width."""


ProcessOp: TypeAlias = DecodeImage | Resize | CenterCrop | Normalize | ToTensor
"""One step of preprocessing."""


def plain(op: ProcessOp) -> dict[str, object]:
    """An operator in lists and numbers, under the vendor's names; equal operators come out equal.

    >>> plain(CenterCrop((224, 224)))
    {'type': 'CenterCrop', 'crop_size': [224, 224]}
    """
    match op:
        case Resize(size):
            arguments: dict[str, object] = {"size": list(size)}
        case CenterCrop(size):
            arguments = {"crop_size": list(size)}
        case Normalize(mean, std, div255):
            mean_and_std = {"mean": [float(x) for x in mean], "std": [float(x) for x in std]}
            arguments = {"div255": div255, **mean_and_std}
        case DecodeImage() | ToTensor():
            arguments = {}
    return {"type": type(op).__name__, **arguments}
