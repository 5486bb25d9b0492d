"""Reading what an installed package publishes: importing it costs more than all that is judged."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from harness.expected.variants import Variant
from harness.judging.published import Preprocessing, Published, Statistics
from harness.sources.published import installed


def published(
    folder: Path,  # noqa: ARG001 - every step has one
    variant: Variant,
) -> Mapping[str, Any]:
    """What the package of a variant's source publishes, as facts: see :func:`from_facts`.

    Raises:
        MissingSource, ExpectationError, MeasureError: see
            :class:`harness.sources.published.PublishedReader`.
    """
    found = installed(variant.source, variant.model, weights=variant.weights)
    return {"results": [_facts(one) for one in found]}


def from_facts(facts: Mapping[str, Any]) -> tuple[Published, ...]:
    """The results that a step has found."""
    return tuple(_result(**one) for one in facts["results"])


def _facts(result: Published) -> dict[str, Any]:
    """Numbers in words: each keeps its digits, and NaN, which JSON has not, stays NaN."""
    how = result.preprocessing
    return {
        "model": result.model,
        "table": result.table,
        "size": how.size,
        "crop": str(how.crop),
        "interpolation": how.interpolation,
        "mean": None if how.mean is None else [repr(value) for value in how.mean],
        "std": None if how.std is None else [repr(value) for value in how.std],
        "crop_mode": how.crop_mode,
        "top1": str(result.top1),
        "top5": str(result.top5),
    }


def _result(
    model: str,
    table: str,
    crop: str,
    mean: list[str] | None,
    std: list[str] | None,
    top1: str,
    top5: str,
    **exact: Any,
) -> Published:
    how = Preprocessing(crop=Fraction(crop), mean=_statistics(mean), std=_statistics(std), **exact)
    return Published(model, table, how, Decimal(top1), Decimal(top5))


def _statistics(values: list[str] | None) -> Statistics | None:
    if values is None:
        return None
    red, green, blue = map(float, values)
    return red, green, blue
