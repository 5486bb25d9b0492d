"""What torchvision offers: its registry, and the weights enums with their metadata."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final

import torchvision.models
from packaging.version import Version

from harness.errors import MissingSource
from harness.expected.variants import Variant
from harness.judging.published import Published
from harness.records import Row
from harness.sources.choices import Choice, Preferred
from harness.sources.torchvision import published

_TAG: Final = re.compile(r"/vision/(?:blob|tree)/v(?P<version>\d+(?:\.\d+)+)")
_FIRST_ENUMS: Final = Version("0.13")  # before, a model had one set of weights, now IMAGENET1K_V1
_OLD: Final = "IMAGENET1K_V1"


class Torchvision:
    """The classification models of the installed torchvision."""

    title = f"torchvision {version('torchvision')}"

    def names(self) -> Mapping[str, str]:
        """The registry's names."""
        return {name: name for name in torchvision.models.list_models(module=torchvision.models)}

    def renamed(self) -> Mapping[str, str]:
        """torchvision has given up no name."""
        return {}

    def registry(self) -> Iterable[tuple[str, str]]:
        """Every name, with one of its weights: which does not matter, they are one network."""
        for name in self.names():
            weights = next(iter(torchvision.models.get_model_weights(name).__members__), "")
            yield name, f"{name}:{weights}"

    def choices(self, name: str) -> tuple[Choice, ...]:
        """One for each member of the weights enum."""
        enum = torchvision.models.get_model_weights(name)
        members = sorted(enum, key=lambda one: one is not getattr(enum, "DEFAULT", None))
        return tuple(_choice(name, member) for member in members)

    def preferred(self, row: Row, choices: tuple[Choice, ...]) -> Preferred | None:
        """The weights of the version that the row links, by default those of all before 0.13."""
        old = [choice for choice in choices if choice.model.endswith(f":{_OLD}")]
        linked = _TAG.search(row.link)
        if linked is not None and Version(linked["version"]) >= _FIRST_ENUMS:
            return None  # it had several, and none was the default of the function's name
        if len(old) != 1:
            return None
        where = f"v{linked['version']}, which the row links" if linked else f"before {_FIRST_ENUMS}"
        evidence = f"the only weights of torchvision {where}"
        return Preferred(old[0], evidence, linked=linked is not None)


def _choice(name: str, member: Any) -> Choice:
    model = f"{name}:{member.name}"
    file = str(member.url).rpartition("/")[2]
    size = member.transforms().crop_size[0]
    return Choice(model, name, file, size, _published(model, file))


def _published(model: str, file: str) -> tuple[Published, ...]:
    try:
        found = published.results(model, weights=file)
    except MissingSource:  # without ImageNet-1K figures
        return ()
    return tuple(one for one in found if one.model == model)


def weights_url(variant: Variant) -> str:
    """Where the published weights of a variant are."""
    name, _, member = variant.model.partition(":")
    return str(torchvision.models.get_model_weights(name)[member].url)
