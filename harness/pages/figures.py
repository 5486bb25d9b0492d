"""A claim cell to a number in its printed form, or a reason why it is none."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from harness.errors import quoted
from harness.pages.cells import invisible
from harness.pages.dialects import UNITS, known_units
from harness.records import Figure, Metric

_PERCENT_MAX: Final = Decimal(100)
# An accuracy at or below 1 is taken for a fraction: chance level aside, no page documents 0.78 %.
_FRACTION_MAX: Final = Decimal(1)

# Thousands are parted only where that cannot be a decimal comma: 1,217 may be 1.217, 1,217.25 not.
_WHOLE: Final = r"(?:0|[1-9][0-9]{0,14})"
_PARTED: Final = r"[1-9][0-9]{0,2}(?:,[0-9]{3})"
_DECIMAL: Final = re.compile(
    rf"(?P<number>{_WHOLE}(?:\.[0-9]{{1,9}})?|{_PARTED}{{1,4}}\.[0-9]{{1,9}}|{_PARTED}{{2,4}})"
    r"\s*(?P<unit>%|[a-zA-Z\u4e00-\u9fff]+)?"
)
_TIMES: Final = re.compile(r"\s*[xX×*,]\s*")
_BRACKETS: Final = {"(": ")", "[": "]"}
_SIZE: Final = re.compile(r"(?P<sides>[0-9xX×*,\s]*[0-9])\s*(?P<unit>[a-zA-Z\u4e00-\u9fff]*)")
_SAME: Final = {"G", "B"}  # a giga is a billion
_CHANNELS: Final = (1, 3)
_MAX_SIDE: Final = 100_000  # pixels; no image in a data set is larger


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
    >>> read_figure("(3, 224, 224)", metric=Metric.INPUT_SIZE, unit="px")
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
        raise ValueError(f"{quoted(text)} is not a plain decimal number{invisible(text)}")
    return match["number"].replace(",", ""), match["unit"] or ""


def _size(text: str) -> tuple[str, str]:
    """The side of a square input, printed alone or with channels and batch, in either order."""
    inner = text
    if text[0] in _BRACKETS and text[-1] == _BRACKETS[text[0]]:
        inner = text[1:-1].strip()
    match = _SIZE.fullmatch(inner)
    sides = _TIMES.split(match["sides"]) if match else []
    if not match or not all(re.fullmatch("[1-9][0-9]{0,5}", side) for side in sides):
        raise ValueError(
            f"{quoted(text)} is not an input size; expected 224, 224x224, (224, 224) or 3x224x224"
            f"{invisible(text)}"
        )
    height, width = _height_and_width(text, [int(side) for side in sides])
    if height != width:
        raise ValueError(f"{quoted(text)} is not square, and only square inputs are understood")
    if height > _MAX_SIDE:
        raise ValueError(f"{quoted(text)} is more than {_MAX_SIDE} pixels")
    return str(height), match["unit"]


def _height_and_width(text: str, sides: list[int]) -> tuple[int, int]:
    shape = sides[1:] if len(sides) == 4 else sides  # the batch comes first
    if len(shape) == 1:
        return shape[0], shape[0]
    if len(shape) == 3 and shape[0] in _CHANNELS:
        shape = shape[1:]
    elif len(shape) == 3 and shape[-1] in _CHANNELS:
        shape = shape[:-1]
    if len(shape) != 2:
        raise ValueError(f"{quoted(text)} is not the shape of one image of 1 or 3 channels")
    return shape[0], shape[1]


def _check_range(figure: Figure, metric: Metric) -> None:
    if metric.in_float in (Metric.TOP1, Metric.TOP5):
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
        raise ValueError(
            f"unknown unit {quoted(printed)} of {metric}; known: {known_units(metric)}"
        )
    if of_column and unit != of_column and {unit, of_column} != _SAME:
        raise ValueError(f"the cell says {unit}, the header {of_column}")
    return unit
