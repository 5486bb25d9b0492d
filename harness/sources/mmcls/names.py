"""What mmpretrain offers: the model index that its package carries, read and not imported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from packaging.version import Version

from harness.errors import ExpectationError, MeasureError, MissingSource
from harness.expected.buildconfig import strict_yaml
from harness.expected.variants import Variant
from harness.judging.published import Published
from harness.records import Row
from harness.sources.choices import Choice, Preferred
from harness.sources.mmcls import published
from harness.sources.mmcls.earlier import earlier_models

_DATED: Final = re.compile(r"[-_](?:\d{8})(?:-[0-9a-f]{8})?$")
_OLD_RECIPE: Final = re.compile(r"_(?:b\d+x\d+|\d+xb\d+|batch\d+|imagenet|in1k).*$")
_TAG: Final = re.compile(r"/(?:blob|tree)/v(?P<version>\d+(?:\.\d+)+(?:rc\d+)?)(?:/|$)")


class Mmpretrain:
    """The models of the installed mmpretrain, which was mmcls once."""

    title = f"mmpretrain {version('mmpretrain')}"

    def names(self) -> Mapping[str, str]:
        """Configs in full, and without the recipe; once as today and once as mmcls had them."""
        names: dict[str, str] = {}
        for name, entry in _index().items():
            short = _OLD_RECIPE.sub("", name)
            names.setdefault(short, short)
            names[name] = name
            old = _DATED.sub("", Path(str(entry["Weights"])).stem)
            names.setdefault(old, name)
            names.setdefault(_OLD_RECIPE.sub("", old), short)
        for earlier in earlier_models().values():
            names.setdefault(earlier.name, earlier.network)
        return names

    def renamed(self) -> Mapping[str, str]:
        """What of it is old stands in the names of the weights files."""
        return {}

    def registry(self) -> Iterable[tuple[str, str]]:
        """None: a name stands for several."""
        return ()

    def choices(self, name: str) -> tuple[Choice, ...]:
        """A config, or all of one architecture that have figures on ImageNet-1k."""
        index = _index()
        named = [name] if name in index else [x for x in index if _OLD_RECIPE.sub("", x) == name]
        today = [_choice(one, index[one]) for one in named]
        return (*today, *(old for choice in today for old in _earlier(choice)))

    def preferred(self, row: Row, choices: tuple[Choice, ...]) -> Preferred | None:
        """The weights of the edition that the row links, else today's.

        No config is the default of its architecture.
        """
        earlier = earlier_models()
        if linked := _TAG.search(row.link):
            edition = Version(linked["version"])
            had = [
                choice
                for choice in choices
                if (old := earlier.get(choice.weights)) and old.first <= edition <= old.last
            ]
            if len(had) == 1:
                evidence = f"the weights of v{edition}, which the row links"
                return Preferred(had[0], evidence, linked=True)
        today = [choice for choice in choices if choice.weights not in earlier]
        return Preferred(today[0], f"what {self.title} publishes") if len(today) == 1 else None


@cache
def _index() -> Mapping[str, Mapping[str, Any]]:
    """Every model with weights and figures on ImageNet-1k."""
    found: dict[str, Mapping[str, Any]] = {}
    for path in sorted((published.package_root() / "configs").glob("*/metafile.yml")):
        with suppress(ExpectationError):  # an index that no one can read offers nothing
            for entry in strict_yaml.load(path).get("Models") or ():
                results = entry.get("Results") or ()
                if entry.get("Weights") and any(
                    isinstance(one, dict) and one.get("Dataset") == published.DATASET
                    for one in results
                ):
                    found[str(entry["Name"])] = entry
    if not found:
        raise MissingSource(f"no model index in {published.package_root()}")
    return found


def _choice(name: str, entry: Mapping[str, Any]) -> Choice:
    file = str(entry["Weights"]).rpartition("/")[2]
    results = _results(name, file)
    size = results[0].preprocessing.size if results else None
    return Choice(name, _OLD_RECIPE.sub("", name), file, size, results)


def _earlier(choice: Choice) -> Iterable[Choice]:
    """The same network with weights that the index had once."""
    for file, before in earlier_models().items():
        if before.network == choice.model:
            results = tuple(before.published(one) for one in choice.published[:1])
            yield replace(choice, weights=file, published=results)


@cache
def _results(name: str, file: str) -> tuple[Published, ...]:
    try:
        found = published.results(name, weights=file)
    except (MissingSource, ExpectationError, MeasureError):
        return ()
    return tuple(one for one in found if one.model == name)


def weights_url(variant: Variant) -> str:
    """Where the published weights of a variant are: those of earlier editions beside today's."""
    from mmpretrain.apis import ModelHub

    folder, _, file = str(ModelHub.get(variant.model).weights).rpartition("/")
    return f"{folder}/{variant.weights if variant.weights in earlier_models() else file}"
