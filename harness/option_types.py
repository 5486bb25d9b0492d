"""What options of the command line and of pytest are read as."""

from __future__ import annotations

import argparse
from decimal import Decimal, InvalidOperation


def count(text: str) -> int:
    """A whole number from 1, in ASCII digits.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


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
