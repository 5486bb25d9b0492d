"""Models of earlier editions of the model index, which the installed one has no more: facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

from packaging.version import Version

from harness.judging.published import Published
from harness.sources.tables import read_table

TABLE: Final = Path(__file__).parent / "tables" / "earlier.csv"


@dataclass(frozen=True, slots=True)
class EarlierModel:
    """A model that another has replaced in the index.

    Attributes:
        name: as it was called then.
        network: the model of today's index that is the same network.
        weights: the published file's name.
        first, last: the editions that have it.
        top1, top5: on ImageNet's 50,000 validation images, in per cent.
    """

    name: str
    network: str
    weights: str
    first: Version
    last: Version
    top1: Decimal
    top5: Decimal

    def published(self, today: Published) -> Published:
        """What was published of it, where ``today`` is what is published of the network now."""
        table = f"the model index of mmclassification {self.first} to {self.last}"
        return replace(today, table=table, top1=self.top1, top5=self.top5)


@cache
def earlier_models() -> Mapping[str, EarlierModel]:
    """Each of them by its weights file."""
    return {row["weights"]: _model(row) for row in read_table(TABLE)}


def _model(row: Mapping[str, str]) -> EarlierModel:
    first, last = Version(row["first"]), Version(row["last"])
    top1, top5 = Decimal(row["top1"]), Decimal(row["top5"])
    return EarlierModel(row["model"], row["network"], row["weights"], first, last, top1, top5)
