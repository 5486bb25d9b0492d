"""The ``diff`` command: the claims that two states of a page do not share."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.cli.extract import BAD_INPUT, DIFFERENT, OK
from harness.errors import HarnessError
from harness.expected.pages import read_expected
from harness.pages.changes import Change, changes
from harness.pages.reading import read_page
from harness.records import Page

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_EXAMPLES: Final = """examples:
  python -m harness diff old/resnext.md new/resnext.md
  python -m harness diff expected/pages/resnext.toml resnext.md
  git show HEAD~1:docs/vgg.md > /tmp/vgg.md && python -m harness diff /tmp/vgg.md docs/vgg.md
"""


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``diff`` to the command line; the parsed arguments carry ``run``."""
    parser = subparsers.add_parser(
        "diff",
        help="show which claims were added, removed or changed between two pages",
        description="Compare two states of a page by what they claim, wherever rows stand.\n"
        "Each state is a page (.md) or a file extracted from one (.toml).\n"
        "Exit code 0: the same claims; 1: changes; 2: bad input.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("old", type=Path, metavar="OLD")
    parser.add_argument("new", type=Path, metavar="NEW")
    parser.add_argument(
        "--lenient",
        action="store_true",
        help="compare what can be understood of pages that are not understood completely",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print each change, and how many there are.

    Returns:
        0 the same claims, 1 changes, 2 bad input.
    """
    try:
        old, new = (_read(path, lenient=args.lenient) for path in (args.old, args.new))
    except HarnessError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    found = changes(old, new)
    for one in found:
        print(one.describe(old=args.old.as_posix(), new=args.new.as_posix()))
    counts = Counter(one.change for one in found)
    print(", ".join(f"{counts[change]} {change}" for change in Change))
    return DIFFERENT if found else OK


def _read(path: Path, *, lenient: bool) -> Page:
    if path.suffix == ".toml":
        return read_expected(path)
    return read_page(path, lenient=lenient)
