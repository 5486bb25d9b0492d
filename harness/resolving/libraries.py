"""Which library a documented source is, whatever a page calls it."""

from __future__ import annotations

from functools import cache
from typing import cast

from harness.errors import MissingSource, Unavailable
from harness.records import Row
from harness.runtime import entry_points
from harness.sources import sources
from harness.sources.choices import Choice, Library, plain


def source_named(documented: str) -> str:
    """The adapter's name for a source as a page prints it.

    Raises:
        MissingSource: the page names none, or one without an adapter.
    """
    if not documented:
        raise MissingSource("no source: the page does not say which library the model is from")
    known = sources()
    names = {alias: name for name, one in known.items() for alias in one.aliases}
    names |= {plain(name): name for name in known}
    found = names.get(plain(documented))
    if found is None:
        raise MissingSource(
            f"no source: there is no adapter for {documented!r}, only for {', '.join(known)}"
        )
    return found


@cache
def library_of(source: str) -> Library | None:
    """What a source's library knows of its models; None where it does not say.

    Raises:
        MissingSource: the library is not installed.
    """
    target = sources()[source].models
    if not target:
        return None
    try:
        return cast(Library, entry_points.load(target)())
    except (ImportError, Unavailable) as error:
        raise MissingSource(f"{source} cannot be used here: {error}") from error


def as_documented(row: Row) -> Choice:
    """The model of a source without a list of its models: it knows the documented name."""
    return Choice(row.name, row.name, row.name)
