"""Counts in the wrong unit: off by a power of a thousand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.lint.comparing import Gap, differences, noun
from harness.lint.findings import Evidence, Fault, Severity
from harness.lint.plausible import (
    FEWEST_PER_PARAMETER,
    MOST_PER_PARAMETER,
    is_plausible,
    per_parameter,
    suspect,
)
from harness.lint.zoo import LintedPage, Zoo
from harness.records import Claim, Metric, Row

_UNITS: Final = ("", "K", "M", "G", "T")
_SAME: Final = {"B": "G"}
_FEWEST_OF_COLUMN: Final = 3  # figures that are off alike before their column is


@dataclass(frozen=True, slots=True)
class _Off:
    """A claim that is off: by how many powers of a thousand, positive where it is too large."""

    page: LintedPage
    row: Row
    claim: Claim
    powers: int
    evidence: tuple[Evidence, ...]
    certain: bool
    right: str = ""

    @property
    def times(self) -> str:
        """How far it is off, in words."""
        return f"{1000 ** abs(self.powers):,} times too {'large' if self.powers > 0 else 'small'}"

    @property
    def unit(self) -> str:
        """The unit in which the printed figure would be right, or ""."""
        at = _UNITS.index(_SAME.get(self.claim.unit, self.claim.unit)) - self.powers
        return _UNITS[at] if 0 <= at < len(_UNITS) else ""


def unit_faults(zoo: Zoo) -> Iterator[Fault]:
    """Every figure, or column of figures, that is off."""
    columns: dict[object, list[_Off]] = {}
    for off in _all_off(zoo):
        key = off.page, off.row.table, off.claim.metric, off.claim.unit, off.powers
        columns.setdefault(key, []).append(off)
    for found in columns.values():
        figures = _column(found[0])
        if len(found) >= _FEWEST_OF_COLUMN and 2 * len(found) > figures:
            yield _of_column(found, figures)
        else:
            yield from map(_of_figure, found)


def _all_off(zoo: Zoo) -> Iterator[_Off]:
    told = set()
    for difference in differences(zoo):
        if difference.gap is not Gap.THOUSAND:
            continue
        figure = difference.figure
        told.add((figure.page, figure.row.id))
        yield _Off(
            figure.page,
            figure.row,
            figure.claim,
            round(math.log10(difference.ratio) / 3),
            difference.evidence,
            difference.certain,
            figure.prints(difference.should.middle),
        )
    for page, row in zoo.rows():
        ratio = per_parameter(row)
        if ratio is None or is_plausible(row) or (page, row.id) in told:
            continue
        claim = suspect(row)
        few, of_params = ratio < FEWEST_PER_PARAMETER, claim.metric is Metric.PARAMS
        text = (
            f"{float(ratio):.3g} multiply-accumulates for each parameter, "
            f"expected {FEWEST_PER_PARAMETER} to {MOST_PER_PARAMETER:,}"
        )
        other = row.operations if of_params else row.claim(Metric.PARAMS)
        assert other is not None  # there is a ratio
        beside = f"{other.figure.text} {other.unit} {noun(other.metric)}"
        evidence = Evidence(text), Evidence(beside, page.of_claim(other))
        yield _Off(page, row, claim, 1 if few is of_params else -1, evidence, certain=False)


def _column(off: _Off) -> int:
    """How many figures stand in the column of a claim."""
    rows = (row for row in off.page.rows if row.table == off.row.table)
    return sum(row.claim(off.claim.metric) is not None for row in rows)


def _of_figure(off: _Off) -> Fault:
    instead = [off.right] if off.right else []
    if off.unit:
        instead.append(f"{off.claim.figure.text} in {off.unit}")
    return Fault(
        off.page.of_claim(off.claim),
        f"{off.row.id} {off.claim.metric}",
        f"{off.claim.figure.text} {off.claim.unit} {noun(off.claim.metric)} is {off.times}",
        ", or ".join(instead) or "look the figure up once more",
        evidence=off.evidence,
        severity=None if off.certain else Severity.WARNING,
    )


def _of_column(found: Sequence[_Off], figures: int) -> Fault:
    first = found[0]
    right = f"{first.unit} as its unit" if first.unit else "look up the unit of the column"
    return Fault(
        first.page.of_claim(first.claim),
        f"{first.page.file} table {first.row.table} {first.claim.metric}",
        f"{len(found)} of {figures} figures below {first.claim.header!r} are {first.times}",
        right,
        evidence=first.evidence,
        severity=None if any(off.certain for off in found) else Severity.WARNING,
    )
