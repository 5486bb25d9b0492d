"""``architectures``: every network that the source libraries offer, counted or with the reason."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.errors import HarnessError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

OK: Final = 0
_EVERY: Final = 10  # networks between two times that the table is written


def add_architectures_action(actions: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``architectures`` to the actions; the parsed arguments carry ``run``."""
    parser = actions.add_parser(
        "architectures",
        help="every network that the source libraries offer for ImageNet-1k, counted",
        description="Build and count every network of the source libraries that has a head for "
        "ImageNet-1k, each once, and write down why where that fails. Takes some seconds for each "
        "of 1,500 networks. What the table has already is not counted again; delete it after an "
        "update of a library. Exit code 0; 2: bad input.",
    )
    parser.add_argument(
        "--source", action="append", default=[], help="only this library; repeatable"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="default: benchmarks/architectures.csv"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Count, write the table every few networks, and print how many count.

    Raises:
        HarnessError: there is no such source, or the table is none or cannot be written.
        StageError: a library cannot list its models.
    """
    from benchmarks.architectures import TABLE, Architecture, read, sweep, with_models, write

    path = args.out or TABLE
    wanted = args.source or with_models()
    if unknown := sorted(set(wanted) - set(with_models())):
        known = ", ".join(with_models())
        raise HarnessError(f"--source: no library {', '.join(unknown)}, expected one of {known}")
    before = read(path)
    others = [one for one in before if one.source not in wanted]
    found: list[Architecture] = []
    for one in sweep(wanted, before):
        found.append(one)
        told = one.reason or f"{one.params / 1e6:.3f} M, {one.macs / 1e9:.3f} GMACs"
        print(f"{one.source} {one.name} at {one.size} px: {told}", file=sys.stderr, flush=True)
        if len(found) % _EVERY == 0:
            done = {(kept.source, kept.name, kept.model, kept.size) for kept in found}
            rest = [x for x in before if (x.source, x.name, x.model, x.size) not in done]
            write(path, [*found, *rest])
    write(path, [*others, *found])
    for source in wanted:
        own = [one for one in found if one.source == source]
        counted = sum(not one.reason for one in own)
        print(f"{source}: {counted} of {len(own)} networks count")
        reasons = Counter(one.reason for one in own if one.reason)
        for reason, times in reasons.most_common():
            print(f"  {times}: {reason}")
    return OK
