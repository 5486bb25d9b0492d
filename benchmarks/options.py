"""What the command line takes for a number of simulations, and for a seed."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """A whole number of at least one."""
    return _whole(text, least=1)


def whole(text: str) -> int:
    """A whole number of at least zero."""
    return _whole(text, least=0)


def _whole(text: str, *, least: int) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return int(text)
