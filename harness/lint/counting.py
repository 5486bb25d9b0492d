"""Counts of the networks that installed libraries build, without weights and without arithmetic."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from fractions import Fraction
from importlib.metadata import version
from typing import Final

import timm
import torchvision

from harness.counting.rules import count
from harness.errors import HarnessError, MissingSource
from harness.lint.known import Amount, Knowledge, Known
from harness.lint.naming import fold, library_of
from harness.records import Metric, Row
from harness.sources import Network, adapter

_TRAINING: Final = re.compile(r"aux", re.IGNORECASE)  # Inception's and GoogLeNet's heads
_CLASSES: Final = 1000  # ImageNet's; a network for others has another last layer
_USUAL_SIZE: Final = 224  # pixels; where the row says none, only parameters are taken


def count_rows(rows: Iterable[Row]) -> Knowledge:
    """Count the networks of those rows whose names torchvision or timm itself knows.

    Names of other libraries say too little without a pinned variant. A name that no registry has,
    and a network that cannot be counted, are nothing that is known.
    """
    names = {"torchvision": _of_torchvision(), "timm": _of_timm()}
    counted: dict[tuple[str, int | None], Known] = {}
    found: dict[str, Known] = {}
    for row in rows:
        library = library_of(row.source)
        model = names.get(library, {}).get(fold(row.name))
        if model is None:
            continue
        claim = row.claim(Metric.INPUT_SIZE)
        size = int(claim.value) if claim else None
        key = f"{library} {model}", size
        if key not in counted:
            counted[key] = _counted(library, model, size)
        found[row.id] = counted[key]
    return Knowledge(found)


def _counted(library: str, model: str, size: int | None) -> Known:
    told = f"counted, {library} {version(library)} {model}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of deprecated names
            network = adapter(library).build(model, input_size=size or _USUAL_SIZE, weightless=True)
    except MissingSource:
        return Known()
    params = _params(network, told)
    if size is None:
        return Known(params=params)
    try:
        counts = count(
            network.countable, network.framework, input_shape=network.input_shape, rule="true"
        )
    except HarnessError:  # an operator that is not known, or a size that the network does not take
        return Known(params=params)
    return Known(params=params, macs=Amount.exactly(counts.operations, told), size=size)


def _params(network: Network, told: str) -> Amount:
    """The parameters, with or without those of heads that serve training alone."""
    sizes = {name: tensor.numel() for name, tensor in network.module.named_parameters()}
    whole = sum(sizes.values())
    training = sum(size for name, size in sizes.items() if _TRAINING.match(name))
    return Amount(Fraction(whole - training), Fraction(whole), told)


def _of_torchvision() -> Mapping[str, str]:
    """Pinned names by folded name. Which weights does not matter, they are one network."""
    found: dict[str, str] = {}
    for name in torchvision.models.list_models(module=torchvision.models):
        weights = next(iter(torchvision.models.get_model_weights(name).__members__), "")
        found[fold(name)] = f"{name}:{weights}"
    return found


def _of_timm() -> Mapping[str, str]:
    """Names with their tags by folded name, with and without the tag, and under old names.

    Without one, what timm itself takes is meant, if it is for ImageNet's classes.
    """
    found = {fold(name): name for name in timm.list_models(pretrained=True)}
    for name in timm.list_models():
        config = timm.get_pretrained_cfg(name)
        if config and config.tag and config.num_classes == _CLASSES:
            found.setdefault(fold(name), f"{name}.{config.tag}")
    for old, new in timm.models.get_deprecated_models().items():
        if new:  # else it is gone
            found.setdefault(fold(old), new)
    return found
