"""Row to network: the source libraries, each in a folder that owns all about it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import cast

from harness.errors import MissingSource, Unavailable
from harness.runtime import entry_points
from harness.runtime.identity import tools
from harness.sources.network import Adapter, Network
from harness.sources.source import Source
from harness.sources.timm import REFERENCE_TOOLS

__all__ = [
    "REFERENCE_TOOLS",
    "Adapter",
    "Network",
    "Source",
    "adapter",
    "library_versions",
    "source",
    "source_tools",
    "sources",
]


def sources() -> Mapping[str, Source]:
    """The suite's own sources by name, then those that installed packages add.

    Importing a declaration imports no library.

    Raises:
        ExpectationError: a package adds a name that is taken; both are named.
        MissingSource: what a package names as its source cannot be imported.
    """
    return {name: source(name) for name in entry_points.sources()}


def source(name: str) -> Source:
    """What a source declares about itself.

    Raises:
        MissingSource: no source has that name, or it cannot be imported.
    """
    known = entry_points.sources()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f", meant {near[0]!r}?" if near else f"; there are {', '.join(known)}"
        raise MissingSource(f"no adapter for source {name!r}{hint}")
    return _declared(name, known[name])


@cache
def _declared(name: str, target: str) -> Source:
    try:
        found = entry_points.load(target)
    except (ImportError, Unavailable) as error:
        raise MissingSource(f"source {name!r} cannot be used here: {error}") from error
    if not isinstance(found, Source):
        raise MissingSource(f"source {name!r}: {target} is {found!r}, expected a Source")
    return found


def adapter(name: str) -> Adapter:
    """Import what builds the networks of a source, and with it the library.

    Raises:
        MissingSource: no source has that name, or its library is not installed.
    """
    try:
        return cast(Adapter, entry_points.load(source(name).networks))
    except (ImportError, Unavailable) as error:
        raise MissingSource(f"source {name!r} cannot be used here: {error}") from error


def library_versions() -> dict[str, str]:
    """Versions of all source libraries that are known."""
    return {name: at for one in sources() for name, at in source_tools(one).items()}


def source_tools(name: str) -> dict[str, str]:
    """Versions of what a network of this source, and its seeded weights, are made with."""
    added = entry_points.packages(entry_points.SOURCES, name)
    own = source(name).distributions if name in entry_points.sources() else ()
    return tools(*REFERENCE_TOOLS, "numpy", *own, *added)
