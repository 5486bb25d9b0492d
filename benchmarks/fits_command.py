"""``fits``: how often a random figure is said to be reproduced."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Final

from benchmarks.options import add_simulation_options
from harness.runtime import atomic

if TYPE_CHECKING:
    from argparse import _SubParsersAction

KEPT: Final = 0
EXCEEDED: Final = 1

_COLUMNS: Final = {
    "source": "<13",
    "column": "<8",
    "random": "<17",
    "digits": ">6",
    "false": ">9",
    "candidate": ">11",
    "told": ">9",
}
HEAD: Final = "".join(f"{name:{width}}" for name, width in _COLUMNS.items())
NOTE: Final = (
    "false: said to be reproduced, or to be counted at another input size. candidate: something\n"
    "gives the figure and nothing bears it out. told: the chance that stands beside a figure."
)


def add_fits_action(actions: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``fits`` to the actions; the parsed arguments carry ``run``."""
    parser = actions.add_parser(
        "fits",
        help="how often a figure that nobody counted is said to be reproduced",
        description="Draw figures of three and four digits at random, alone, among true ones and "
        "in columns, and look for what they come from as `update` does. Exit code: 0; 1: more "
        "than 1 % are said to be reproduced; 2: bad input.",
    )
    add_simulation_options(parser, many="--figures", default=400)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw, print line after line, write the JSON file; the exit status.

    Raises:
        HarnessError: a source is not installed, or the JSON file cannot be written.
    """
    from benchmarks.fits import DIGITS, SETTINGS, Cell, exceeding, mean, simulate

    print(HEAD, flush=True)
    cells: list[Cell] = []
    for one in simulate(figures=args.figures, seed=args.seed):
        cells.append(one)
        print(
            f"{one.source:<13}{one.metric:<8}{one.setting:<17}{one.digits:>6}{one.false:>9.2%}"
            f"{one.candidates:>11.2%}{one.told:>9.2%}",
            flush=True,
        )
    for setting in SETTINGS:
        for digits in DIGITS:
            found = mean(cells, setting, digits)
            print(f"{'all':<13}{'':<8}{setting:<17}{digits:>6}{found:>9.2%}")
    print(f"\n{NOTE}")
    if args.json is not None:
        figures = {"seed": args.seed, "cells": [dataclasses.asdict(cell) for cell in cells]}
        atomic.write_text(args.json, json.dumps(figures, indent=2) + "\n")
    exceeded = exceeding(cells)
    for sentence in exceeded:
        print(f"exceeded: {sentence}", file=sys.stderr)
    return EXCEEDED if exceeded else KEPT
