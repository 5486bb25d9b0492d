"""The ``compare-zoos`` command: what several zoos promise of the networks that they share."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from harness.cli.survey import linted
from harness.errors import HarnessError
from harness.lint.known import together
from harness.lint.promises import Promise, SharedNetwork, as_json, shared_networks
from harness.lint.zoo import Zoo
from harness.records import Metric
from harness.reporting.outline import counted
from harness.runtime.foreign import real_path

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_COLUMNS: Final = (
    ("input", (Metric.INPUT_SIZE,)),
    ("top1", (Metric.TOP1,)),
    ("int8", (Metric.INT8_TOP1,)),
    ("params", (Metric.PARAMS,)),
    ("MACs", (Metric.MACS,)),
    ("FLOPs", (Metric.FLOPS,)),
)
_WIDTH: Final = 160  # columns, where the terminal has less or there is none
_EXAMPLES: Final = """examples:
  python -m harness compare-zoos vendor-a/docs vendor-b/models
  python -m harness compare-zoos a b --network 'resnet*' --json
"""


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``compare-zoos`` to the command line; the parsed arguments carry ``run``."""
    parser = subparsers.add_parser(
        "compare-zoos",
        help="show what several zoos promise of the networks that they share",
        description="Read the pages of several folders, and list by network what each promises: "
        "accuracy in float and in int8, parameters, operations, input size; and which counts "
        "cannot both be right. Nothing is measured. Exit code 0: done; 2: bad input.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="two zoos or more")
    parser.add_argument("--network", metavar="TEXT", help="only networks whose name has this in it")
    parser.add_argument("--json", action="store_true", help="as data")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what is shared.

    Raises:
        HarnessError: fewer than two zoos, or one that has no page.
    """
    folders = list(dict.fromkeys(real_path(folder) for folder in arguments.folders))
    if len(folders) < 2:
        raise HarnessError("one zoo is compared with nothing: give two folders or more")
    zoos = dict(zip(_names(folders), map(linted, folders), strict=True))
    pages = {page.file: page for zoo in zoos.values() for page in zoo.pages}
    if len(pages) < sum(len(zoo.pages) for zoo in zoos.values()):
        raise HarnessError("a page belongs to two of these zoos: give folders beside each other")
    whole = Zoo(tuple(pages.values()), together(zoo.knowledge for zoo in zoos.values()))
    found = shared_networks(zoos, whole)
    if arguments.network:
        found = [one for one in found if arguments.network.casefold() in one.name]
    if arguments.json:
        print(json.dumps(as_json(found), indent=1, ensure_ascii=False))
        return 0
    console = Console(soft_wrap=True, width=max(_WIDTH, Console().width))
    for one in found:
        console.print(_table(one))
        for line in one.contradictions:
            console.print(f"  {line}", markup=False, highlight=False)
    rows = {name: sum(len(page.rows) for page in zoo.pages) for name, zoo in zoos.items()}
    told = ", ".join(f"{name} ({counted(count, 'row')})" for name, count in rows.items())
    contradicting = sum(bool(one.contradictions) for one in found)
    console.print(
        f"{counted(len(found), 'network')} in more than one of {told}; of {contradicting} two "
        "counts cannot both be right",
        highlight=False,
    )
    return 0


def _names(folders: Iterable[Path]) -> list[str]:
    """What zoos are called: as much of the ends of their paths as tells them apart."""
    paths, parts = list(folders), 1
    while len({path.parts[-parts:] for path in paths}) < len(paths):
        parts += 1
    return ["/".join(path.parts[-parts:]) for path in paths]


def _table(network: SharedNetwork) -> Table:
    table = Table(title=network.name, title_justify="left", box=None, pad_edge=False)
    table.add_column("zoo")
    for header, _ in _COLUMNS:
        table.add_column(header, justify="right")
    table.add_column("int8 loss", justify="right")
    table.add_column("row")
    table.add_column("place")
    for one in network.promises:
        loss = "" if one.loss is None else str(one.loss)
        cells = (_cell(one, metrics) for _, metrics in _COLUMNS)
        table.add_row(one.zoo, *cells, loss, one.row, one.place)
    return table


def _cell(promise: Promise, metrics: tuple[Metric, ...]) -> str:
    return next((promise.figures[one] for one in metrics if one in promise.figures), "")
