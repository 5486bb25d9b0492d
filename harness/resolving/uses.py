"""Ways in which a figure may come about, and how likely some of them give it by chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

from harness.counting.claims import UNITS, ZEROS_ADDED
from harness.counting.counts import Printing, printed
from harness.counting.rules import rule_named
from harness.records import Claim, Figure, Metric
from harness.resolving.counted import usual_rules
from harness.resolving.scales import DOUBLED, HALVED, PLAIN, Scale, scales_of

TELLING_DIGITS: Final = 3
"""Significant digits of a figure that bears a way out; two are met by chance too often."""

_ZEROS: Final = (
    "The figure has been printed with more places than were known, and zeros in them: what is "
    "counted prints other digits there."
)
_PRINTED: Final = {"B": "G"}  # units that are another's name
_LEAST_KNOWN: Final = 2  # significant digits before zeros that were added; one proves nothing


@dataclass(frozen=True, slots=True)
class Use:
    """A counting rule and a scale; ``zeros``: and places that were not known, printed as zeros."""

    rule: str
    scale: Scale
    zeros: bool = False

    @property
    def mistake(self) -> tuple[str, str] | None:
        """The kind and the cause of what is wrong with it, or None."""
        if not self.zeros:
            return (self.scale.kind, self.scale.cause) if self.scale.odd else None
        if not self.scale.odd:
            return ZEROS_ADDED, _ZEROS
        return f"{self.scale.kind}-and-{ZEROS_ADDED}", f"{self.scale.cause} {_ZEROS}"


def unit_of(claim: Claim) -> int:
    """One printed unit of a claim, in counts.

    Raises:
        KeyError: the claim is no count.
    """
    return UNITS[_PRINTED.get(claim.unit, claim.unit)]


def digits(figure: Figure) -> int:
    """Significant digits that are printed.

    >>> digits(Figure("0.300")), digits(Figure("34.180"))
    (3, 5)
    """
    return len(figure.text.replace(".", "").lstrip("0"))


def named(use: Use, unit: int) -> str:
    """A use in a word, as ``thop/9e+08``; ``unit``: one printed unit, in counts."""
    zeros = " with zeros added" * use.zeros
    return f"{use.rule}/{use.scale.divisor(unit):.6g}{odd(use.scale.printing)}{zeros}"


def odd(printing: str) -> str:
    """What is said of a way of printing, where it is not rounding."""
    return "" if printing == Printing.ROUNDED else f" {printing}"


def share(part: float) -> str:
    """A share of figures as people read it.

    >>> share(0.0444), share(0.000217)
    ('4.4 %', '0.022 %')
    """
    return f"{100 * part:.2g} %"


def is_usual(use: Use, claim: Claim, *, of: str) -> bool:
    """Whether tables of a source are known to have such figures, rightly or with FLOPs for MACs.

    ``of``: the source, whose rules are usual, and true counts with them.
    """
    if use.zeros or use.scale.odd or use.rule not in usual_rules(of):
        return False
    if claim.metric is Metric.PARAMS:
        return use.scale == PLAIN
    other = HALVED if rule_named(use.rule).counts == "flops" else DOUBLED
    return use.scale in (PLAIN, other)


def uses(rule: str, claim: Claim) -> Iterator[Use]:
    """The uses of a rule that a figure has digits enough for, the likeliest first."""
    scales = scales_of(unit_of(claim), params=claim.metric is Metric.PARAMS)
    telling = digits(claim.figure) >= TELLING_DIGITS
    for zeros in (False, True) if telling and claim.figure.places else (False,):
        for scale in scales:
            if (telling or not scale.odd) and (not zeros or scale.printing is Printing.ROUNDED):
                yield Use(rule, scale, zeros)


def gives(use: Use, claim: Claim, raw: int) -> bool:
    """Whether a raw count gives a figure in that way."""
    figure = claim.figure
    if use.zeros and not figure.text.endswith("0"):
        return False
    return figure.value.scaleb(figure.places) in _shown(use, *_shape(claim), raw)


def chance(claim: Claim, raws: Mapping[str, int]) -> Fraction:
    """The share of all figures with as many digits and places that some use gives.

    ``raws``: what each rule that was tried counts.
    """
    least = 10 ** (digits(claim.figure) - 1)
    shown: set[int] = set()
    for rule, raw in raws.items():
        shown.update(*(_shown(use, *_shape(claim), raw) for use in uses(rule, claim)))
    return Fraction(sum(least <= one < 10 * least for one in shown), 9 * least)


def _shape(claim: Claim) -> tuple[int, int, int]:
    """Digits and places of a figure, and its unit in counts."""
    return digits(claim.figure), claim.figure.places, unit_of(claim)


@lru_cache(maxsize=2**16)
def _shown(use: Use, digits: int, places: int, unit: int, raw: int) -> frozenset[int]:
    """What is printed, in the last place; several, where zeros may stand for some digits."""
    divisor = use.scale.divisor(unit)

    def with_places(places: int) -> int:
        figure = Figure(f"0.{'0' * places}" if places else "0")
        return int(printed(figure, raw, divisor, use.scale.printing).scaleb(places))

    if use.zeros:
        most = min(places, digits - _LEAST_KNOWN)
        return frozenset(10**cut * with_places(places - cut) for cut in range(1, most + 1))
    return frozenset((with_places(places),))
