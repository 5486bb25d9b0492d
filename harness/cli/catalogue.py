"""``list``: what is documented, row by row."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.pipeline.catalogue import EXPECTED, read_catalogue
from harness.records import Metric, Row


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "list", help="list the documented rows, with the variants pinned for them, or why not"
    )
    parser.add_argument("row", nargs="*", metavar="ROW", help="only these; patterns are allowed")
    parser.add_argument("--expected", type=Path, default=EXPECTED, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each row."""
    catalogue = read_catalogue(arguments.expected)
    chosen = catalogue.select(arguments.row) if arguments.row else catalogue.models
    for model in chosen:
        documented = model.documented
        if isinstance(documented, Row):
            claims = [documented.claim(metric) for metric in Metric]
            figures = "  ".join(
                f"{one.metric} {one.figure.text}{one.unit}" for one in claims if one
            )
        else:
            figures = f"documented to fail: {documented.format}"
        variant = model.variant
        line = f"{model.id:45} {variant.model or 'unresolved':38} {figures}"
        print(f"{line}  {variant.unresolved}" if variant.unresolved else line)
    return 0
