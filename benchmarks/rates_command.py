"""``bench rates``: how often paired verdicts are wrong, and how many images they take."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from itertools import groupby
from typing import TYPE_CHECKING, Final

from benchmarks.options import add_simulation_options
from harness.runtime import atomic

if TYPE_CHECKING:
    from argparse import _SubParsersAction

KEPT: Final = 0
EXCEEDED: Final = 1


def add_rates_action(actions: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``rates`` to the actions of ``bench``; the parsed arguments carry ``run``."""
    parser = actions.add_parser(
        "rates",
        help="how often int8 verdicts are wrong, and how many images they take",
        description="Simulate models that lose a known number of points, and judge each on the "
        "full set, on a fixed subset and sequentially. Printed: percent of the models that pass, "
        "fail and stay open; the images that the sequential verdict takes; and about the least "
        "average that any test with its rates can take. Exit code: 0; 1: a stated risk is "
        "exceeded; 2: bad input.",
    )
    add_simulation_options(parser, many="--models", default=10_000)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Simulate, print margin after margin, write the JSON file; the exit status.

    Raises:
        HarnessError: the JSON file cannot be written.
    """
    # scipy.stats takes half a second to import, which no other command has to wait for.
    from benchmarks.rates import ScenarioRates, broken_risks, simulate
    from benchmarks.rates_table import NOTE, table

    cells: list[ScenarioRates] = []
    for _, block in groupby(
        simulate(models=args.models, seed=args.seed),
        key=lambda cell: (cell.scenario.margin, cell.scenario.discordance),
    ):
        found = list(block)
        cells += found
        print(f"{table(found)}\n", flush=True)
    print(NOTE)
    if args.json is not None:
        figures = {
            "models": args.models,
            "seed": args.seed,
            "cells": [dataclasses.asdict(cell) for cell in cells],
        }
        atomic.write_text(args.json, json.dumps(figures, indent=2, default=str) + "\n")
    broken = broken_risks(cells, models=args.models)
    for sentence in broken:
        print(f"risk exceeded: {sentence}", file=sys.stderr)
    return EXCEEDED if broken else KEPT
