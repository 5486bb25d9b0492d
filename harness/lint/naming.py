"""Which names mean the same network, and which words name a library."""

from __future__ import annotations

import re
from typing import Final

from harness.sources import sources

_SEPARATORS: Final = re.compile(r"[\s\-_.]+")
_BETWEEN_DIGITS: Final = re.compile(r"(?<=[0-9])[\s\-_.]+(?=[0-9])")


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
    return next(
        (name for name, one in sources().items() if word == fold(name) or word in one.aliases), ""
    )


def library_of_repository(repository: str) -> str:
    """The library that lives in ``owner/name``, or ""."""
    word = repository.casefold()
    return next((name for name, one in sources().items() if word in one.repositories), "")


def same_source(one: str, other: str) -> bool:
    """Whether two sources are one, whatever pages call it."""
    return fold(one) == fold(other) or (library_of(one) or one) == (library_of(other) or other)


def network_name(source: str, name: str) -> str:
    """The folded name of the network behind a row: its name without what only names weights.

    >>> network_name("timm", "gluon_resnext50_32x4d"), network_name("ppcls", "MobileNetV2_ssld")
    ('resnext50-32x4d', 'mobilenetv2')
    """
    library = sources().get(library_of(source))
    if library and library.weights_in_names:
        name = library.weights_in_names.sub("", name)
    return fold(name)
