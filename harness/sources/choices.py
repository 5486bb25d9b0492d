"""What a library offers: models exact to their weights, and what is published of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from harness.judging.published import Published
from harness.records import Row

_NO_LETTER = re.compile(r"[^a-z0-9]+")
_WIDTH = re.compile(
    r"(?<![a-z0-9])(?:x(?P<after>\d+(?:[._]\d{1,2})?)|(?P<before>\d+(?:\.\d+)?)x)(?![a-z0-9])"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One model of a library, exact to its weights.

    Attributes:
        model: as it is pinned in ``expected/variants``.
        name: the architecture, as the library calls it.
        weights: the published file's name.
        input_size: height and width in pixels that the library runs it at, or None.
        published: its accuracies, each with how it was measured; empty where none are known.
    """

    model: str
    name: str
    weights: str
    input_size: int | None = None
    published: tuple[Published, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """What a documented name may stand for, and how it was found."""

    choices: tuple[Choice, ...]
    evidence: str


@dataclass(frozen=True, slots=True)
class Preferred:
    """The choice that a documented version of the library made by default, and why.

    ``linked``: the row itself links that version.
    """

    choice: Choice
    evidence: str
    linked: bool = False


class Library(Protocol):
    """A source library's own knowledge of its models."""

    @property
    def title(self) -> str:
        """The library and its version, as ``timm 1.0.31``."""

    def names(self) -> Mapping[str, str]:
        """Every name that a page may print, to the name that :meth:`choices` takes."""

    def renamed(self) -> Mapping[str, str]:
        """Names that the library itself says it has given up, to what stands for them now."""

    def registry(self) -> Iterable[tuple[str, str]]:
        """Names that alone say which network is meant, each with a model of it; the first counts.

        Empty where names of the library say too little without a pinned variant.
        """

    def choices(self, name: str) -> tuple[Choice, ...]:
        """The models of a name, exact to their weights; the library's present default first."""

    def preferred(self, row: Row, choices: tuple[Choice, ...]) -> Preferred | None:
        """What the documented version took where nothing else decides, or None."""


def plain(name: str) -> str:
    """A name without case and separators, widths in one form: how people write it does not matter.

    >>> plain("MobileNet_V2") == plain("mobilenetv2")
    True
    >>> plain("shufflenet_v2_x1.0") == plain("shufflenet-v2-1x") == plain("ShuffleNetV2_x1_0")
    True
    """
    return _NO_LETTER.sub("", _WIDTH.sub(_width, name.casefold()))


def _width(found: re.Match[str]) -> str:
    """A multiple of a network's width, as ``x1.00``."""
    number = found["after"] or found["before"]
    return f"x{float(number.replace('_', '.')):.2f}"


def figures(published: Published) -> str:
    """Two accuracies as evidence has them."""
    return f"{_short(published.top1)}/{_short(published.top5)} at {published.preprocessing.size} px"


def _short(value: Decimal) -> str:
    return f"{value:f}"
