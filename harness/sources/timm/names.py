"""What timm offers: its registry, its deprecations, its tags, and its table of results."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import timm
from packaging.version import Version
from timm.models import get_deprecated_models

from harness.expected.variants import Variant
from harness.judging.published import Published, statistics
from harness.records import Row
from harness.sources.choices import Choice, Preferred
from harness.sources.timm.table import defaults, published_results

_TAG: Final = re.compile(r"/(?:blob|tree)/v(?P<version>0(?:\.\d+)+)(?:/|$)")
CLASSES: Final = 1000  # ImageNet-1k; weights with another head have no figure that a page prints


class Timm:
    """The models of the installed timm."""

    title = f"timm {version('timm')}"

    def names(self) -> Mapping[str, str]:
        """Architectures, and each with its tags."""
        names = {name: name for name in timm.list_models()}
        return names | {name: name for name in timm.list_pretrained() if "." in name}

    def renamed(self) -> Mapping[str, str]:
        """timm's own map of deprecated names."""
        return {str(old): str(new) for old, new in get_deprecated_models().items()}

    def registry(self) -> Iterable[tuple[str, str]]:
        """Names with their tags, with and without the tag, and under old names.

        Without one, what timm itself takes is meant, if it is for ImageNet's classes.
        """
        yield from ((name, name) for name in timm.list_models(pretrained=True))
        for name in timm.list_models():
            config: Any = timm.get_pretrained_cfg(name)
            if config and config.tag and config.num_classes == CLASSES:
                yield name, f"{name}.{config.tag}"
        yield from ((old, new) for old, new in self.renamed().items() if new)  # else it is gone

    def choices(self, name: str) -> tuple[Choice, ...]:
        """One for each tag of an architecture whose head is ImageNet-1k's; or the one tag named."""
        if "." in name:
            return (_choice(name),)
        tagged = [one for one in timm.list_pretrained(f"{name}.*") if one.split(".")[0] == name]
        default = timm.get_pretrained_cfg(name)
        first = f"{name}.{default.tag}" if default is not None and default.tag else ""
        tagged.sort(key=lambda one: one != first)
        return tuple(_choice(one) for one in tagged if _classes(one) == CLASSES)

    def preferred(self, row: Row, choices: tuple[Choice, ...]) -> Preferred | None:
        """What the version that the row links took by default, when weights had no tags yet."""
        linked = _TAG.search(row.link)
        if linked is None:
            return None
        version = Version(linked["version"])
        took = {one.model for one in defaults() if one.first <= version <= one.last}
        found = [choice for choice in choices if choice.model in took]
        if len(found) != 1:
            return None
        evidence = f"what timm {version}, which the row links, took by default"
        return Preferred(found[0], evidence, linked=True)


def _classes(model: str) -> int:
    config: Any = timm.get_pretrained_cfg(model)
    return int(config.num_classes)


def _choice(model: str) -> Choice:
    config: Any = timm.get_pretrained_cfg(model)
    size = config.input_size[-1] if config is not None else None
    published = tuple(_normalized(one, config) for one in published_results().get(model, ()))
    return Choice(model, model.split(".")[0], _file(model, config), size, published)


def _normalized(published: Published, config: Any) -> Published:
    """With what the table does not say of how it was measured and the tag's own config does."""
    if config is None:
        return published
    how = replace(
        published.preprocessing,
        mean=statistics(config.mean),
        std=statistics(config.std),
        crop_mode=config.crop_mode or "center",
    )
    return replace(published, preprocessing=how)


def _file(model: str, config: Any) -> str:
    """The published file's name; weights that are on the model hub alone have the model's."""
    url = str(config.url or "") if config is not None else ""
    name = url.partition("?")[0].rpartition("/")[2]
    known = Path(name).suffix in (".pth", ".pt", ".bin", ".safetensors")
    return name if known else f"{model}.safetensors"


def from_model_hub(variant: Variant) -> Path:
    """The published weights of a variant, fetched by the model hub's own client."""
    hub = importlib.import_module("huggingface_hub")
    config: Any = timm.get_pretrained_cfg(variant.model)
    return Path(hub.hf_hub_download(config.hf_hub_id, "model.safetensors"))
