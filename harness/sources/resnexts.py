"""ResNeXts by their names: the networks that are the same in every library."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_DEPTHS: Final = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
_NAME: Final = re.compile(r"resnext(?P<depth>\d+)_(?P<vd>vd_)?(?P<groups>\d+)x(?P<width>\d+)d")


@dataclass(frozen=True, slots=True)
class ResNeXt:
    """An architecture, by the figures in its name."""

    blocks: tuple[int, ...]
    groups: int
    width: int
    deep_stem: bool


def resnext_named(network: str) -> ResNeXt | None:
    """Read a network's name, as ``resnext101_vd_32x4d``; None where it is none of these.

    >>> resnext_named("resnext50_32x4d")
    ResNeXt(blocks=(3, 4, 6, 3), groups=32, width=4, deep_stem=False)
    """
    match = _NAME.fullmatch(network)
    if match is None or int(match["depth"]) not in _DEPTHS:
        return None
    blocks = _DEPTHS[int(match["depth"])]
    return ResNeXt(blocks, int(match["groups"]), int(match["width"]), match["vd"] is not None)
