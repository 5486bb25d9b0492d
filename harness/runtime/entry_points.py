"""What other packages add: sources, backends and counting rules, by their entry points.

A package names them in its metadata, and is never imported before it is used::

    [project.entry-points."zoo_conformance.sources"]
    acme = "zoo_acme:SOURCE"

The suite's own sources are named here in the same form.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, Final

from harness.errors import ExpectationError, Unavailable

SOURCES: Final = "zoo_conformance.sources"
"""Name of a source to ``module:attribute``, a ``harness.sources.source.Source``."""

OWN_SOURCES: Mapping[str, str] = {
    name: f"harness.sources.{name}:SOURCE" for name in ("torchvision", "timm", "mmcls", "ppcls")
}
"""The suite's own sources, in the order in which they are told."""

BACKENDS: Final = "zoo_conformance.backends"
"""Name of a backend to ``module:class``, which is called with a ``Host`` and gives a
``harness.backends.backend.Backend``."""

COUNTING_RULES: Final = "zoo_conformance.counting_rules"
"""Name of a rule to ``module:attribute``, a ``harness.counting.rules.Rule``."""


def added(group: str) -> Mapping[str, str]:
    """What other packages add to a group: name to ``module`` or ``module:attribute``.

    Raises:
        ExpectationError: two packages add the same name; both are named.
    """
    found: dict[str, EntryPoint] = {}
    for point in _points(group):
        earlier = found.setdefault(point.name, point)
        if (earlier.value, _package(earlier)) != (point.value, _package(point)):
            raise ExpectationError(
                f"{group}: {point.name!r} is added twice, by {_origin(earlier)} and by "
                f"{_origin(point)}; remove one of them"
            )
    return MappingProxyType({name: point.value for name, point in sorted(found.items())})


def joined(group: str, own: Mapping[str, str]) -> Mapping[str, str]:
    """The suite's own names of a group, then those that other packages add.

    Raises:
        ExpectationError: a package adds a name that is taken; both are named.
    """
    for point in _points(group):
        if point.name in own:
            raise ExpectationError(
                f"{group}: {point.name!r} of {_origin(point)} is taken by the suite's own "
                f"{own[point.name]}; the package has to give it another name"
            )
    return {**own, **added(group)}


def sources() -> Mapping[str, str]:
    """The suite's own sources, then those that other packages add; imports none of them.

    Raises:
        ExpectationError: a package adds a name that is taken; both are named.
    """
    return joined(SOURCES, OWN_SOURCES)


def packages(group: str, name: str) -> tuple[str, ...]:
    """The distributions that add a name: their versions belong into what depends on it."""
    return tuple(_package(point) for point in _points(group) if point.name == name and point.dist)


def load(target: str) -> Any:
    """Import ``module`` or ``module:attribute``.

    Raises:
        Unavailable: it, or something that it imports, is not installed.
    """
    module, _, attribute = target.partition(":")
    try:
        loaded = importlib.import_module(module)
        return getattr(loaded, attribute) if attribute else loaded
    except ModuleNotFoundError as error:
        raise Unavailable(f"{target} needs {error.name}, which is not installed") from error
    except AttributeError as error:
        raise Unavailable(f"{target}: {error}") from error


@cache
def _points(group: str) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=group))


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else ""


def _origin(point: EntryPoint) -> str:
    package = f"{point.dist.name} {point.dist.version}" if point.dist else "an unnamed package"
    return f"{package} ({point.value})"
