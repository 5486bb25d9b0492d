"""A published number into a percentage."""

from __future__ import annotations

from decimal import Decimal

from harness.errors import MeasureError


def percentage(value: object, *, what: str) -> Decimal:
    """The number in its shortest exact form. NaN is kept: it conforms to nothing.

    Raises:
        MeasureError: it is no number, or not between 0 and 100.

    >>> percentage(77.618, what="top1")
    Decimal('77.618')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MeasureError(f"{what} is published as {value!r}, expected a percentage")
    number = Decimal(repr(value))
    if not number.is_nan() and not 0 <= number <= 100:
        raise MeasureError(f"{what} is published as {value!r}, expected a percentage, 0 to 100")
    return number
