"""Row to network: the real source libraries, each behind one adapter."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import cast

from harness.errors import MissingSource, Unavailable
from harness.runtime import entry_points
from harness.sources.network import Adapter, Network

__all__ = ["ADAPTERS", "Network", "adapter", "adapters"]

ADAPTERS: Mapping[str, str] = {
    "torchvision": "harness.sources.torchvision.networks",
    "timm": "harness.sources.timm.networks",
    "mmcls": "harness.sources.mmcls.networks",
    "ppcls": "harness.sources.ppcls.networks",
}
"""The suite's own: source name to the module that is its adapter, imported when first used."""


def adapters() -> Mapping[str, str]:
    """The suite's own adapters, then those of installed packages; imports none of them.

    Raises:
        ExpectationError: a package adds a name that is taken; both are named.
    """
    return entry_points.joined(entry_points.SOURCES, ADAPTERS)


def adapter(source: str) -> Adapter:
    """Import the adapter of a source library.

    Raises:
        MissingSource: no adapter has that name, or its library is not installed.
    """
    known = adapters()
    if source not in known:
        near = get_close_matches(source, known, n=1)
        hint = f", meant {near[0]!r}?" if near else f"; there are {', '.join(known)}"
        raise MissingSource(f"no adapter for source {source!r}{hint}")
    try:
        return cast(Adapter, entry_points.load(known[source]))
    except (ImportError, Unavailable) as error:
        raise MissingSource(f"source {source!r} cannot be used here: {error}") from error
