"""timm's table of results, which its package does not carry: kept here as facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Final

from packaging.version import Version

from harness.judging.published import Preprocessing, Published
from harness.sources.tables import read_table

DEFAULTS: Final = Path(__file__).parent / "tables" / "defaults.csv"
TABLE: Final = Path(__file__).parent / "tables" / "timm.csv"
WHERE: Final = "timm's results/results-imagenet.csv, sha256 30972bf7c7ab"
REMEASURED: Final = Decimal("0.1")  # points
REASON: Final = (
    "timm measures its table anew from time to time; the largest of 98 figures that stand in two "
    "editions moved by 0.050 points. The bound is twice that, 50 of 50,000 images."
)


@cache
def published_results() -> Mapping[str, tuple[Published, ...]]:
    """Each model's accuracies, the smallest input first."""
    found: dict[str, tuple[Published, ...]] = {}
    for row in read_table(TABLE):
        how = Preprocessing(int(row["size"]), Fraction(row["crop"]), row["interpolation"])
        top1, top5 = Decimal(row["top1"]), Decimal(row["top5"])
        result = Published(row["model"], WHERE, how, top1, top5)
        found[row["model"]] = (*found.get(row["model"], ()), result)
    return found


@dataclass(frozen=True, slots=True)
class EarlierDefault:
    """What timm took for a network from one version to another, before weights had tags.

    ``model``: its name today, with the tag.
    """

    model: str
    first: Version
    last: Version


@cache
def defaults() -> tuple[EarlierDefault, ...]:
    """Of every network that has several weights now, the earlier ones first."""
    return tuple(
        EarlierDefault(row["model"], Version(row["first"]), Version(row["last"]))
        for row in read_table(DEFAULTS)
    )
