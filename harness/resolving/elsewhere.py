"""Figures that belong elsewhere: to another row of the page, or to another network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from fractions import Fraction
from typing import Final

from harness.counting.rules import TRUE
from harness.expected.variants import Variant
from harness.records import Row
from harness.resolving.counted import Countable
from harness.resolving.counting import BY_CHANCE, Counted, FigureOrigin, find
from harness.resolving.uses import TELLING_DIGITS, digits
from harness.sources.choices import Library, plain

_ITS_OWN: Final = Fraction(1, 1000)  # a figure so near to what is counted is that row's own
_LEAST_NAME: Final = 6  # characters of a name; shorter ones are in many others
_MOST_KIN: Final = 4  # networks that are counted for a row
_LEAST_FIGURES: Final = 2  # of a row, that all have to be the other network's

Findings = Mapping[str, FigureOrigin]


def is_open(finding: FigureOrigin) -> bool:
    """Whether nothing is known of where a figure comes from."""
    known = finding.other_size or finding.copied_from or finding.other_network
    return not finding.reproduced and not known


def with_copies(findings: Findings, rows: Sequence[Row]) -> dict[str, FigureOrigin]:
    """Say of figures which nothing explains that they are those of other rows of the column.

    That is a figure which is another network's own, digit for digit. Two different ones have been
    copied, or one with so many digits that it is no chance.
    """
    names = {row.id: row.name for row in rows}
    own = [one for one in findings.values() if one.reproduced or _off(one) <= _ITS_OWN]
    copies: dict[str, str] = {}
    for finding in findings.values():
        its_own = _off(finding) <= _ITS_OWN
        donors = [] if its_own else [one.row for one in own if _same(one, finding)]
        if donors and is_open(finding) and _known_digits(finding) >= TELLING_DIGITS:
            alike = _alike(names[finding.row])
            copies[finding.row] = min(donors, key=lambda row: alike(names[row]))
    figures = {findings[row].claim.figure.value for row in copies}
    return {
        row: replace(one, copied_from=copies[row])
        if row in copies and (len(figures) > 1 or _is_no_chance(one, own))
        else one
        for row, one in findings.items()
    }


def _off(finding: FigureOrigin) -> Fraction:
    """How far a figure is from what comes nearest to it, as a share of that."""
    counted = Fraction(finding.raw, finding.divisor)
    return abs(Fraction(finding.claim.figure.value) / counted - 1)


def _same(donor: FigureOrigin, finding: FigureOrigin) -> bool:
    figure, other = finding.claim, donor.claim
    same = (figure.figure.value, finding.unit) == (other.figure.value, donor.unit)
    return same and finding.raw != donor.raw


def _known_digits(finding: FigureOrigin) -> int:
    """Without zeros at the end, which may have been added."""
    figure = finding.claim.figure
    added = len(figure.text) - len(figure.text.rstrip("0")) if figure.places else 0
    return digits(figure) - added


def _is_no_chance(finding: FigureOrigin, own: Sequence[FigureOrigin]) -> bool:
    different = len({one.claim.figure.value for one in own})
    return Fraction(different, 9 * 10 ** (_known_digits(finding) - 1)) <= BY_CHANCE


def _alike(name: str) -> Callable[[str], float]:
    """A key that sorts names, the most alike first."""
    return lambda other: -SequenceMatcher(None, plain(name), plain(other)).ratio()


def with_other_networks(
    row: Row,
    counted: Sequence[Counted],
    found: Sequence[FigureOrigin],
    library: Library,
    countable: Countable,
) -> list[FigureOrigin]:
    """Say of a row whose every count is another's that they are a network's of a like name.

    Args:
        counted: the row's claims about counts.
        found: what was found of each of them.
        library: of the row's source.
    """
    if len(found) < _LEAST_FIGURES or not all(map(is_open, found)):
        return list(found)
    for model, variant in _kin(row, counted[0].variant, library):
        if countable.count(variant, counted[0].size, TRUE) is None:
            continue
        others = [replace(one, variant=variant) for one in counted]
        theirs = [find([one], countable).get(one.row) for one in others]
        if all(one is not None and one.reproduced and not one.use.scale.odd for one in theirs):
            return [replace(one, other_network=model) for one in found]
    return list(found)


def _kin(row: Row, own: Variant, library: Library) -> Iterator[tuple[str, Variant]]:
    """Networks whose names are part of the documented one, or the other way round."""
    wanted, names = plain(row.name), library.names()
    parts = {
        names[name]
        for name in names
        for other in (plain(name),)
        if (other in wanted or wanted in other)
        and other != wanted
        and min(len(other), len(wanted)) >= _LEAST_NAME
    }
    alike = _alike(row.name)
    for name in sorted(parts, key=lambda one: (alike(one), one))[:_MOST_KIN]:
        for choice in library.choices(name)[:1]:
            if choice.model != own.model:
                yield choice.name, replace(own, model=choice.model, weights=choice.weights)
