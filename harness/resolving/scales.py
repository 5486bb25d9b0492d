"""From a raw count to a printed figure: by what it is divided, and what is wrong with that."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from harness.records import Figure

_DIGITS_OF_ODD_SCALES: Final = 3
"""Significant digits below which a figure fits some odd divisor by chance."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A way to divide, as ``divisor = unit * part``.

    ``odd`` scales are mistakes that pages are known to make; ``kind`` and ``cause`` name it.
    """

    part: Fraction
    odd: bool = False
    kind: str = ""
    cause: str = ""

    def divisor(self, unit: int) -> int:
        """What a raw count is divided by, for a printed unit in counts; at least one."""
        return max(1, int(unit * self.part))

    def may_print(self, figure: Figure) -> bool:
        """Whether a figure has digits enough to tell this scale from chance."""
        digits = figure.text.replace(".", "").lstrip("0")
        return not self.odd or len(digits) >= _DIGITS_OF_ODD_SCALES


PLAIN: Final = Scale(Fraction(1))
DOUBLED: Final = Scale(Fraction(1, 2))  # two FLOPs for each multiply-accumulate
HALVED: Final = Scale(Fraction(2))  # one multiply-accumulate for two FLOPs
TENTH: Final = Scale(
    Fraction(9, 10),
    odd=True,
    kind="ten-ninths-too-high",
    cause="The count was divided by 9e8 instead of 1e9, so the figure is 10/9 of what the same "
    "counter gives for the same network elsewhere in the table.",
)
THOUSAND_LOW: Final = Scale(
    Fraction(1000),
    odd=True,
    kind="unit-a-thousand-too-large",
    cause="The figure is in the next larger unit than its column says.",
)
THOUSAND_HIGH: Final = Scale(
    Fraction(1, 1000),
    odd=True,
    kind="unit-a-thousand-too-small",
    cause="The figure is in the next smaller unit than its column says.",
)
BINARY_G: Final = Scale(
    Fraction(2**30, 10**9),
    odd=True,
    kind="binary-unit",
    cause="The count was divided by a power of 1024, where the unit is a power of 1000.",
)
BINARY_M: Final = Scale(Fraction(2**20, 10**6), odd=True, kind=BINARY_G.kind, cause=BINARY_G.cause)

OPERATIONS: Final = (PLAIN, DOUBLED, HALVED, TENTH, THOUSAND_LOW, THOUSAND_HIGH)
"""For operations; a binary scale comes by :func:`scales_of`."""


def scales_of(unit: int, *, params: bool) -> tuple[Scale, ...]:
    """The scales to try for a column of this unit (in counts), the likeliest first."""
    binary = {10**9: (BINARY_G,), 10**6: (BINARY_M,)}.get(unit, ())
    if params:
        return (PLAIN, THOUSAND_LOW, THOUSAND_HIGH, *binary)
    return (*OPERATIONS, *binary)
