"""What a network is called, so that rows that compute the same share a name."""

from __future__ import annotations

import re
from typing import Final

_RESNEXT: Final = re.compile(
    r"(?:fix_)?resnext(?P<depth>\d+)(?P<deep>d)?_(?P<vd>vd_)?(?P<groups>\d+x\d+d)(?:_wsl)?"
)


def network_name(source: str, architecture: str) -> str:
    """A name that only rows of the same computation share.

    ResNeXts are the same in every library, and timm's ``resnext50d`` is PaddleClas' ``_vd``; of
    others that is not known, so a library's network is its own.

    >>> network_name("timm", "resnext50d_32x4d"), network_name("ppcls", "ResNeXt50_vd_32x4d")
    ('resnext50_vd_32x4d', 'resnext50_vd_32x4d')
    >>> network_name("timm", "mobilenetv2_100")
    'timm-mobilenetv2_100'
    """
    name = architecture.casefold().replace("-", "_")
    match = _RESNEXT.fullmatch(name)
    if match is None:
        return f"{source}-{name}"
    vd = "vd_" if match["deep"] or match["vd"] else ""
    return f"resnext{match['depth']}_{vd}{match['groups']}"
