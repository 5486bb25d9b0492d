"""Which names mean the same network, and which words name a library."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_SEPARATORS: Final = re.compile(r"[\s\-_.]+")
_BETWEEN_DIGITS: Final = re.compile(r"(?<=[0-9])[\s\-_.]+(?=[0-9])")


@dataclass(frozen=True, slots=True)
class Library:
    """A library that pages take models from.

    Attributes:
        sources: what pages call it, folded.
        repositories: ``owner/name`` on GitHub, in lower case, of today and before.
        weights: a part of a model's name that says which weights and not which network, by the
            library's own documentation; matched at either end.
    """

    sources: frozenset[str]
    repositories: frozenset[str]
    weights: re.Pattern[str] | None = None


LIBRARIES: Final[Mapping[str, Library]] = {
    "torchvision": Library(frozenset({"torchvision"}), frozenset({"pytorch/vision"})),
    "timm": Library(
        frozenset({"timm", "pytorchimagemodels"}),
        frozenset({"rwightman/pytorch-image-models", "huggingface/pytorch-image-models"}),
        re.compile(r"^(?:gluon|tv|ig|ssl|swsl)_|\..*$"),
    ),
    "mmcls": Library(
        frozenset({"mmcls", "mmclassification", "mmpretrain"}),
        frozenset({"open-mmlab/mmclassification", "open-mmlab/mmpretrain"}),
    ),
    "ppcls": Library(
        frozenset({"ppcls", "paddle", "paddleclas", "paddlepaddle"}),
        frozenset({"paddlepaddle/paddleclas"}),
        re.compile(r"_(?:ssld|wsl)$"),
    ),
}
"""The libraries by the name of their adapter."""


def fold(text: str) -> str:
    """A name without case and separators, save those between digits.

    >>> fold("MobileNetV2_x0_25"), fold("mobilenet-v2_x0_25"), fold("resnext50_32x4d")
    ('mobilenetv2x0-25', 'mobilenetv2x0-25', 'resnext50-32x4d')
    """
    parted = _BETWEEN_DIGITS.sub("\0", text.casefold())
    return _SEPARATORS.sub("", parted).replace("\0", "-")


def library_of(source: str) -> str:
    """The library that a page calls ``source``, or "".

    >>> library_of("MMClassification"), library_of("keras")
    ('mmcls', '')
    """
    word = fold(source)
    return next((name for name, one in LIBRARIES.items() if word in one.sources), "")


def library_of_repository(repository: str) -> str:
    """The library that lives in ``owner/name``, or ""."""
    word = repository.casefold()
    return next((name for name, one in LIBRARIES.items() if word in one.repositories), "")


def same_source(one: str, other: str) -> bool:
    """Whether two sources are one, whatever pages call it."""
    return fold(one) == fold(other) or (library_of(one) or one) == (library_of(other) or other)


def network_name(source: str, name: str) -> str:
    """The folded name of the network behind a row: its name without what only names weights.

    >>> network_name("timm", "gluon_resnext50_32x4d"), network_name("ppcls", "MobileNetV2_ssld")
    ('resnext50-32x4d', 'mobilenetv2')
    """
    library = LIBRARIES.get(library_of(source))
    if library and library.weights:
        name = library.weights.sub("", name)
    return fold(name)
