"""What options of the command line and of pytest are read as, and how they are written again."""

from __future__ import annotations

import argparse
import math
from decimal import Decimal, InvalidOperation

from harness.errors import quoted

_DIGITS = 9  # of a whole number; nothing that options count is larger


def count(text: str) -> int:
    """A whole number from 1, in ASCII digits.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    whole = text.isascii() and text.isdecimal() and len(text) <= _DIGITS
    if not whole or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not a whole number from 1")
    return int(text)


def seconds(text: str) -> float:
    """A time above 0, finite.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not a number of seconds above 0")
    return value


def points(text: str) -> Decimal:
    """Percentage points, 0 to 100, exactly as written.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        value = Decimal(text)
        if 0 <= value <= 100:
            return value
    except InvalidOperation:  # NaN compares to nothing
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of points within 0 and 100")


def numbers(text: str) -> tuple[int, ...]:
    """Different whole numbers from 0, between commas.

    Raises:
        argparse.ArgumentTypeError: they are none.
    """
    parts = [part.strip() for part in text.split(",")]
    if all(part.isascii() and part.isdecimal() and len(part) <= _DIGITS for part in parts):
        found = tuple(int(part) for part in parts)
        if len(set(found)) == len(found):
            return found
    raise argparse.ArgumentTypeError(f"{text!r} are no different whole numbers, such as 0,1")


def words(
    option: str, value: object, *, default: object = None, together: bool = False
) -> list[str]:
    """The words that give an option this value: none where it is the default.

    Args:
        option: its name, with its dashes.
        value: as it was parsed: True for a flag, a list for one that is given repeatedly, a tuple
            for numbers between commas.
        together: whether a list was given at once, behind one name.
    """
    if value is None or value is False or value == default:
        return []
    if value is True:
        return [option]
    if isinstance(value, list) and together:
        return [option, *map(str, value)]
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return [f"{option}={one}" for one in (value if isinstance(value, list) else [value])]
