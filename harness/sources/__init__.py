"""Row to network: the real source libraries, each behind one adapter."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import cast

from harness.errors import MissingSource
from harness.sources.network import Adapter, Network

__all__ = ["ADAPTERS", "Network", "adapter"]

ADAPTERS: Mapping[str, str] = {
    "torchvision": "harness.sources.torchvision",
    "timm": "harness.sources.timm",
    "mmcls": "harness.sources.mmcls",
    "ppcls": "harness.sources.ppcls",
}
"""Source name to the module that is its adapter, imported when first used."""


def adapter(source: str) -> Adapter:
    """Import the adapter of a source library.

    Raises:
        MissingSource: no adapter has that name, or its library is not installed.
    """
    if source not in ADAPTERS:
        near = get_close_matches(source, ADAPTERS, n=1)
        hint = f", meant {near[0]!r}?" if near else f"; there are {', '.join(ADAPTERS)}"
        raise MissingSource(f"no adapter for source {source!r}{hint}")
    try:
        return cast(Adapter, importlib.import_module(ADAPTERS[source]))
    except ImportError as error:
        raise MissingSource(f"source {source!r} cannot be used here: {error}") from error
