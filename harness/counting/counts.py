"""What a counter returns, and when a printed figure reproduces it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from harness.errors import CountError
from harness.records import Figure, Metric

# Whole numbers are exact in a float64 up to here (IEEE 754 binary64, 53 bits of significand).
_EXACT_LIMIT = 2**53


@dataclass(frozen=True, slots=True)
class Counts:
    """Raw totals for one image, undivided. What one operation is depends on the rule."""

    operations: int
    params: int

    def of(self, metric: Metric) -> int:
        """What belongs in a column: parameters, or operations."""
        return self.params if metric is Metric.PARAMS else self.operations


def exact(total: float, *, what: str) -> int:
    """Turn a counter's float total into the whole number it stands for.

    Raises:
        CountError: the total is not a whole number, or too large for a float to hold exactly.
            NaN and infinity are neither.

    >>> exact(4288184320.0, what="operations")
    4288184320
    """
    if not 0 <= total < _EXACT_LIMIT or total != int(total):
        raise CountError(f"{what}: {total!r} is not an exact whole number, expected 0 … 2**53")
    return int(total)


class Printing(StrEnum):
    """How a quotient became the digits of a page."""

    ROUNDED = "rounded"
    CUT = "cut off"
    DOUBLED = "doubled after rounding"


def printed(
    figure: Figure, raw: int, divisor: int, printing: Printing = Printing.ROUNDED
) -> Decimal:
    """What ``raw / divisor`` prints with as many places as a figure has.

    Raises:
        ValueError: the divisor is not positive.

    >>> str(printed(Figure("8.268"), 4133742592, 500_000_000))
    '8.267'
    >>> str(printed(Figure("8.268"), 4133742592, 500_000_000, Printing.DOUBLED))
    '8.268'
    """
    if divisor <= 0:
        raise ValueError(f"divisor {divisor}: expected a positive number")
    match printing:
        case Printing.ROUNDED:
            return figure.round(Fraction(raw, divisor))
        case Printing.CUT:
            return Decimal(raw * 10**figure.places // divisor).scaleb(-figure.places)
        case Printing.DOUBLED:
            return 2 * figure.round(Fraction(raw, 2 * divisor))


def reproduces(
    figure: Figure, raw: int, divisor: int, printing: Printing = Printing.ROUNDED
) -> bool:
    """Whether ``raw / divisor``, printed with as many places, is the figure.

    Raises:
        ValueError: the divisor is not positive.

    >>> reproduces(Figure("4.765"), 4288184320, 900_000_000)
    True
    """
    return printed(figure, raw, divisor, printing) == figure.value
