"""Which library a documented source is, whatever a page calls it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, cast

from harness.errors import MissingSource, Unavailable
from harness.records import Row
from harness.runtime import entry_points
from harness.sources import ADAPTERS, adapters
from harness.sources.choices import Choice, Library, plain

_LIBRARIES: Final[Mapping[str, str]] = {
    "torchvision": "harness.sources.torchvision.names:Torchvision",
    "timm": "harness.sources.timm.names:Timm",
    "mmcls": "harness.sources.mmcls.names:Mmpretrain",
    "ppcls": "harness.sources.ppcls.names:PaddleClas",
}
_OTHER_NAMES: Final[Mapping[str, str]] = {
    "pytorchimagemodels": "timm",
    "rwightman": "timm",
    "mmclassification": "mmcls",
    "mmpretrain": "mmcls",
    "openmmlab": "mmcls",
    "paddle": "ppcls",
    "paddleclas": "ppcls",
    "paddlepaddle": "ppcls",
}


def source_named(documented: str) -> str:
    """The adapter's name for a source as a page prints it.

    Raises:
        MissingSource: the page names none, or one without an adapter.
    """
    if not documented:
        raise MissingSource("no source: the page does not say which library the model is from")
    known = adapters()
    names = {**_OTHER_NAMES, **{plain(name): name for name in known}}
    found = names.get(plain(documented))
    if found is None:
        raise MissingSource(
            f"no source: there is no adapter for {documented!r}, only for {', '.join(known)}"
        )
    return found


@cache
def library_of(source: str) -> Library | None:
    """What an adapter's library knows of its models; None where another package added it.

    Raises:
        MissingSource: the library is not installed.
    """
    if source not in ADAPTERS:
        return None
    try:
        return cast(Library, entry_points.load(_LIBRARIES[source])())
    except (ImportError, Unavailable) as error:
        raise MissingSource(f"{source} cannot be used here: {error}") from error


def as_documented(row: Row) -> Choice:
    """The model of a source that another package added: its adapter knows the documented name."""
    return Choice(row.name, row.name, row.name)
