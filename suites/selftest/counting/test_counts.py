"""What a raw count prints, and when that reproduces a figure."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from harness.counting.counts import exact, reproduces
from harness.errors import CountError
from harness.records import Figure

THOP_RESNEXT50 = 4_288_184_320


def test_a_figure_is_reproduced_by_its_count_and_divisor() -> None:
    assert reproduces(Figure("4.288"), THOP_RESNEXT50, 10**9)
    assert reproduces(Figure("4.765"), THOP_RESNEXT50, 9 * 10**8)


@pytest.mark.shows(
    "a figure is compared rounded generously",
    by="the claim keeps its printed digits; counts are integers",
)
@pytest.mark.parametrize("text", ["4.287", "4.289", "4.388", "5.288", "4.2880"])
def test_a_changed_digit_is_not_reproduced(text: str) -> None:
    assert not reproduces(Figure(text), THOP_RESNEXT50, 10**9)


def test_another_divisor_does_not_reproduce() -> None:
    assert not reproduces(Figure("4.288"), THOP_RESNEXT50, 9 * 10**8)


def test_a_divisor_must_be_positive() -> None:
    with pytest.raises(ValueError, match="divisor 0"):
        reproduces(Figure("4.288"), THOP_RESNEXT50, 0)


def test_no_pinned_count_depends_on_how_ties_are_rounded(pinned) -> None:
    places = 3  # no figure of the page prints more
    counts = [each for row in pinned.values() for each in (row.operations, row.params)]
    assert all(
        Fraction(each.raw * 10**digits, each.divisor) % 1 != Fraction(1, 2)
        for each in counts
        for digits in range(places + 1)
    )


@pytest.mark.parametrize("total", [0.5, -1.0, float(2**53), math.nan, math.inf])
def test_a_total_that_a_float_cannot_hold_exactly_is_refused(total: float) -> None:
    with pytest.raises(CountError, match="not an exact whole number"):
        exact(total, what="operations")
