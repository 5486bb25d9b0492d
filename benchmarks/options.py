"""The options of benchmarks that simulate."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_simulation_options(parser: argparse.ArgumentParser, *, many: str, default: int) -> None:
    """Add ``--seed``, ``--json`` and how many of what are simulated, as ``--models``."""
    parser.add_argument(
        many, type=_positive, default=default, metavar="N", help="a line; default: %(default)s"
    )
    parser.add_argument("--seed", type=_whole, default=0, help="default: %(default)s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")


def _positive(text: str) -> int:
    return _whole(text, least=1)


def _whole(text: str, *, least: int = 0) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return int(text)
