"""What is known of a row from elsewhere: its counts and its published accuracies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from harness.counting.claims import Defect
from harness.judging.published import Published


@dataclass(frozen=True, slots=True)
class Amount:
    """A count that lies between two bounds, which are equal where it is exact, and who says so."""

    low: Fraction
    high: Fraction
    told: str

    @classmethod
    def exactly(cls, count: int, told: str) -> Amount:
        """A count that is known to the last digit."""
        return cls(Fraction(count), Fraction(count), told)

    @property
    def middle(self) -> Fraction:
        """The number to compare by."""
        return (self.low + self.high) / 2

    def meets(self, other: Amount) -> bool:
        """Whether both may be the same number."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one row.

    Attributes:
        network: the architecture's name, or "".
        params: learned parameters.
        macs: multiply-accumulates at ``size``, of what holds weights and of attention.
        size: height and width of the input, in pixels, or None.
        defects: documented counts that are known to be wrong.
        results: what is published of the row's own variant, or of all that bear its name.
        noise: how far published accuracies move when they are measured again, in points.
    """

    network: str = ""
    params: Amount | None = None
    macs: Amount | None = None
    size: int | None = None
    defects: tuple[Defect, ...] = ()
    results: tuple[Published, ...] = ()
    noise: Fraction = Fraction(0)

    def filled(self, other: Known) -> Known:
        """This, and from ``other`` what is not known here."""
        macs_from = self if self.macs else other
        return Known(
            self.network or other.network,
            self.params or other.params,
            macs_from.macs,
            macs_from.size if macs_from.macs else self.size or other.size,
            self.defects or other.defects,
            self.results or other.results,
            self.noise if self.results else other.noise,
        )


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known of rows, by row id."""

    rows: Mapping[str, Known] = field(default_factory=dict)

    def of(self, row: str) -> Known:
        """What is known of a row: nothing, perhaps."""
        return self.rows.get(row, Known())

    def filled(self, other: Knowledge) -> Knowledge:
        """This, and from ``other`` what is not known here."""
        return Knowledge(
            {row: self.of(row).filled(other.of(row)) for row in (*self.rows, *other.rows)}
        )


def together(parts: Iterable[Knowledge]) -> Knowledge:
    """What all parts know; where two differ, the first."""
    whole = Knowledge()
    for part in parts:
        whole = whole.filled(part)
    return whole
