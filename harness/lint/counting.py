"""What installed libraries know: counts of their networks, without weights and without arithmetic,
and the accuracies that they publish."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Final

from harness.counting.rules import count
from harness.errors import HarnessError, MissingSource, Unavailable
from harness.expected.variants import Variant, read_variants
from harness.judging.published import Published
from harness.lint.known import Amount, Knowledge, Known
from harness.lint.naming import fold, library_of
from harness.records import Metric, Row
from harness.runtime import entry_points
from harness.sources import Network, Source, adapter, sources
from harness.sources.published import PublishedReader

_TRAINING: Final = re.compile(r"aux", re.IGNORECASE)  # Inception's and GoogLeNet's heads
_USUAL_SIZE: Final = 224  # pixels; where the row says none, only parameters are taken


def count_rows(rows: Iterable[Row]) -> Knowledge:
    """Count the networks of those rows whose names a library's own registry knows.

    A name that no registry has,
    and a network that cannot be counted, are nothing that is known.
    """
    names = {name: _registry(one) for name, one in sources().items()}
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


def published_rows(folder: Path, page: str) -> Knowledge:
    """What installed packages publish of the variants that are pinned for a page's rows.

    Raises:
        ExpectationError: the file of variants cannot be used as it is.
    """
    path = folder / "variants" / f"{page}.toml"
    variants = read_variants(path) if path.is_file() else {}
    return Knowledge({row: Known(results=_results(one)) for row, one in variants.items()})


def _results(variant: Variant) -> tuple[Published, ...]:
    source = sources().get(variant.source)
    if source is None or not source.published:
        return ()
    try:
        reader: PublishedReader = entry_points.load(source.published)
        results = reader.results(variant.model, weights=variant.weights)
    except Exception:  # not installed, none or others published, or whatever a library raises
        return ()
    return tuple(one for one in results if one.model == variant.model)


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


def _registry(source: Source) -> Mapping[str, str]:
    """Models by folded name, where a name says enough without a pinned variant."""
    if not source.models:
        return {}
    try:
        names = entry_points.load(source.models)().registry()
    except (ImportError, Unavailable):  # the library is not installed
        return {}
    found: dict[str, str] = {}
    for name, model in names:
        found.setdefault(fold(name), model)
    return found
