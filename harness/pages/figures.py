"""A claim cell to a number in its printed form, or a reason why it is none."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from harness.pages.columns import UNITS
from harness.records import Figure, Metric

_PERCENT_MAX: Final = Decimal(100)
# An accuracy at or below 1 is taken for a fraction: chance level aside, no page documents 0.78 %.
_FRACTION_MAX: Final = Decimal(1)

_DECIMAL: Final = re.compile(r"(?P<number>(?:0|[1-9][0-9]*)(?:\.[0-9]+)?)\s*(?P<unit>[a-zA-Z%]*)")
_SIDE: Final = r"[1-9][0-9]*"
_SIZE: Final = re.compile(
    rf"(?P<open>\()?\s*(?P<height>{_SIDE})(?:\s*[xX×*,]\s*(?P<width>{_SIDE}))?"
    r"\s*(?(open)\))\s*(?P<unit>[a-zA-Z]*)"
)


def read_figure(text: str, *, metric: Metric, unit: str) -> tuple[Figure, str]:
    """The figure in a claim cell and its unit.

    Args:
        text: plain, folded cell text.
        metric: what the column claims.
        unit: the column's unit, "" where the cell itself must print one.

    Raises:
        ValueError: the cell is empty, not a plain positive decimal number, outside what the
            metric can be, or of another or of no unit.

    >>> read_figure("25M", metric=Metric.PARAMS, unit="")
    (Figure(text='25'), 'M')
    >>> read_figure("(224, 224)", metric=Metric.INPUT_SIZE, unit="px")
    (Figure(text='224'), 'px')
    """
    if not text:
        raise ValueError("the cell is empty, a number was expected")
    if metric is Metric.INPUT_SIZE:
        number, printed = _size(text)
    else:
        number, printed = _decimal(text)
    figure = Figure(number)
    _check_range(figure, metric)
    return figure, _one_unit(printed, unit, metric)


def _decimal(text: str) -> tuple[str, str]:
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a plain decimal number")
    return match["number"], match["unit"]


def _size(text: str) -> tuple[str, str]:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an input size; expected 224, 224x224 or (224, 224)")
    if match["width"] not in (None, match["height"]):
        raise ValueError(f"{text!r} is not square, and only square inputs are understood")
    return match["height"], match["unit"]


def _check_range(figure: Figure, metric: Metric) -> None:
    if metric in (Metric.TOP1, Metric.TOP5):
        if figure.value > _PERCENT_MAX:
            raise ValueError(f"{figure.text} is more than 100 %")
        if figure.value <= _FRACTION_MAX:
            raise ValueError(f"{figure.text} looks like a fraction, percent was expected")
    elif figure.value == 0:
        raise ValueError(f"{figure.text} is zero, a positive number was expected")


def _one_unit(printed: str, of_column: str, metric: Metric) -> str:
    if not printed:
        if not of_column:
            raise ValueError("no unit, neither in the header nor in the cell")
        return of_column
    unit = UNITS[metric].get(printed.casefold())
    if unit is None:
        known = ", ".join(dict.fromkeys(UNITS[metric].values()))
        raise ValueError(f"unknown unit {printed!r} of {metric}; known: {known}")
    if of_column and unit != of_column:
        raise ValueError(f"the cell says {unit}, the header {of_column}")
    return unit
