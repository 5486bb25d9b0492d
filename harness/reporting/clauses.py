"""The sentence of a verdict in its parts: what was measured, and what it was held against.

The run log holds sentences. Those that judging writes in one form are taken apart here, so that a
table can show their parts; any other sentence stays whole.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

LONGEST = 2000
"""Characters of a sentence that is taken apart."""

_PLACE = re.compile(r"^(?P<sentence>.*?) ?\[(?P<about>[^\[\]]+)\](?: (?P<place>\S+:\d+))?$", re.S)
_CLAUSE = re.compile(
    r"^(?P<name>[^=;]{1,80}?) = (?P<measured>.{1,80}?), "
    r"(?P<kind>documented|at least|at most|accepted|pinned|margin) (?P<standard>[^±;()]{1,80}?)"
    r"(?: ± (?P<tolerance>[^;(), ]{1,80})(?: \((?P<parts>[^()]*)\))?)?"
    r"(?: under (?P<rule>.+))?$"
)
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_PART = re.compile(r"(?P<name>[^,()]+?) (?P<amount>\d[\d.]*)(?:, |$)")


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison of a verdict, as it is printed.

    Attributes:
        name: of the figure.
        measured: with its unit.
        kind: what it was held against: "documented", "at least", "at most", "accepted", "pinned" or
            "margin".
        standard: that figure, with its unit where it has one.
        tolerance: how far apart the two may be, or "".
        parts: what the tolerance consists of, as printed, or "".
        rule: the counting rule behind it, or "".
    """

    name: str
    measured: str
    kind: str
    standard: str
    tolerance: str = ""
    parts: str = ""
    rule: str = ""

    @property
    def amounts(self) -> dict[str, float]:
        """The parts of the tolerance that have an amount, by their names."""
        found = _PART.finditer(self.parts)
        return {one["name"].strip(): float(one["amount"]) for one in found if _is(one["amount"])}


def place_of(headline: str) -> tuple[str, str]:
    """A headline without its place, and the page's ``file:line``, or "" where it names none.

    >>> place_of("macs = 4 G, documented 4 ± 0.5 (print) [resnext/timm/a] resnext.md:49")
    ('macs = 4 G, documented 4 ± 0.5 (print)', 'resnext.md:49')
    """
    found = _PLACE.match(headline) if len(headline) <= LONGEST else None
    if found is None:
        return headline, ""
    return found["sentence"], found["place"] or ""


def clauses(headline: str) -> tuple[Clause, ...]:
    """The comparisons of a headline, in their order; none where it is no such sentence.

    >>> [one.standard for one in clauses("a = 1 dB, at least 2 dB; b = 3, accepted 4 ± 0.3")]
    ['2 dB', '4']
    """
    if len(headline) > LONGEST:
        return ()
    sentence, _ = place_of(headline)
    found = [_CLAUSE.match(part) for part in sentence.split("; ")]
    if not all(found):
        return ()
    return tuple(
        Clause(**{name: text or "" for name, text in one.groupdict().items()})
        for one in found
        if one is not None
    )


def number(text: str) -> float | None:
    """The number that a printed figure begins with, or None.

    >>> number("15.6 dB"), number("224x224 px"), number("NaN")
    (15.6, 224.0, None)
    """
    found = _NUMBER.match(text.strip())
    value = float(found[0]) if found else math.inf
    return value if math.isfinite(value) else None


def _is(amount: str) -> bool:
    return amount.count(".") <= 1
