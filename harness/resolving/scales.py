"""From a raw count to a printed figure: by what it is divided, and what is wrong with that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from harness.counting.counts import Printing


@dataclass(frozen=True, slots=True)
class Scale:
    """A way to divide, as ``divisor = unit * part``, and to print.

    ``odd`` scales are mistakes that pages are known to make; ``kind`` and ``cause`` name it, and
    ``meant`` is the part that it stands for.
    """

    part: Fraction
    odd: bool = False
    kind: str = ""
    cause: str = ""
    meant: Fraction | None = None
    printing: Printing = Printing.ROUNDED

    def divisor(self, unit: int) -> int:
        """What a raw count is divided by, for a printed unit in counts; at least one."""
        return max(1, int(unit * self.part))

    @property
    def sound(self) -> Scale:
        """Divided and rounded without the mistake."""
        return Scale(self.meant) if self.meant is not None else self


PLAIN: Final = Scale(Fraction(1))
DOUBLED: Final = Scale(Fraction(1, 2))  # two FLOPs for each multiply-accumulate
HALVED: Final = Scale(Fraction(2))  # one multiply-accumulate for two FLOPs
TENTH: Final = Scale(
    Fraction(9, 10),
    odd=True,
    kind="ten-ninths-too-high",
    cause="The count was divided by 9e8 instead of 1e9, so the figure is 10/9 of what the same "
    "counter gives for the same network elsewhere in the table.",
    meant=PLAIN.part,
)
TENTH_DOUBLED: Final = Scale(
    TENTH.part / 2, odd=True, kind=TENTH.kind, cause=TENTH.cause, meant=DOUBLED.part
)
ROUNDED_FIRST: Final = Scale(
    DOUBLED.part,
    odd=True,
    kind="rounded-before-doubling",
    cause="The multiply-accumulates were rounded and then doubled, so the last digit is off.",
    meant=DOUBLED.part,
    printing=Printing.DOUBLED,
)
CUT_OFF: Final = Scale(
    PLAIN.part,
    odd=True,
    kind="cut-off",
    cause="The figure was cut off after its last digit, and not rounded.",
    meant=PLAIN.part,
    printing=Printing.CUT,
)
THOUSAND_LOW: Final = Scale(
    Fraction(1000),
    odd=True,
    kind="unit-a-thousand-too-large",
    cause="The figure is in the next larger unit than its column says.",
    meant=PLAIN.part,
)
THOUSAND_HIGH: Final = Scale(
    Fraction(1, 1000),
    odd=True,
    kind="unit-a-thousand-too-small",
    cause="The figure is in the next smaller unit than its column says.",
    meant=PLAIN.part,
)
THOUSAND_LOW_DOUBLED: Final = replace(THOUSAND_LOW, part=THOUSAND_LOW.part / 2, meant=DOUBLED.part)
THOUSAND_HIGH_DOUBLED: Final = replace(
    THOUSAND_HIGH, part=THOUSAND_HIGH.part / 2, meant=DOUBLED.part
)
BINARY_G: Final = Scale(
    Fraction(2**30, 10**9),
    odd=True,
    kind="binary-unit",
    cause="The count was divided by a power of 1024, where the unit is a power of 1000.",
    meant=PLAIN.part,
)
BINARY_M: Final = replace(BINARY_G, part=Fraction(2**20, 10**6))

OPERATIONS: Final = (
    *(PLAIN, DOUBLED, HALVED, TENTH, TENTH_DOUBLED, ROUNDED_FIRST, CUT_OFF),
    *(THOUSAND_LOW, THOUSAND_HIGH, THOUSAND_LOW_DOUBLED, THOUSAND_HIGH_DOUBLED),
)
"""For operations; a binary scale comes by :func:`scales_of`."""


def scales_of(unit: int, *, params: bool) -> tuple[Scale, ...]:
    """The scales to try for a column of this unit (in counts), the likeliest first."""
    binary = {10**9: (BINARY_G,), 10**6: (BINARY_M,)}.get(unit, ())
    if params:
        return (PLAIN, CUT_OFF, THOUSAND_LOW, THOUSAND_HIGH, *binary)
    return (*OPERATIONS, *binary)
