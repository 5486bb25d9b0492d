"""The ``extract`` command: pages to expected files, or a check that they still agree."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.errors import ExpectationError, HarnessError
from harness.expected.pages import read_expected, render, write_expected
from harness.pages.differences import compare
from harness.pages.reading import read_page
from harness.records import Page

if TYPE_CHECKING:
    from argparse import _SubParsersAction

OK: Final = 0
DIFFERENT: Final = 1
BAD_INPUT: Final = 2

_EXAMPLES: Final = """examples:
  python -m harness extract docs/resnext.md            write expected/pages/resnext.toml
  python -m harness extract zoo/*/README.md --check    say what has changed since, write nothing
  python -m harness extract zoo/vgg/README.md --lenient --out /tmp
"""


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``extract`` to the command line; the parsed arguments carry ``run``."""
    parser = subparsers.add_parser(
        "extract",
        help="read documented pages into expected files",
        description="Read the model tables of Markdown pages into expected files.\n"
        "Exit code 0: done, or no difference; 1: --check found differences; 2: bad input.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pages", nargs="+", type=Path, metavar="PAGE.md")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("expected/pages"),
        metavar="DIR",
        help="default: %(default)s",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing, print every difference"
    )
    parser.add_argument(
        "--lenient",
        action="store_true",
        help="leave out and list what cannot be understood instead of refusing the page",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Extract or check; every page is read before the first file is written.

    Returns:
        0 done, 1 differences (``--check`` only), 2 bad input: then nothing was written.
    """
    pages: list[tuple[Path, Page]] = []
    problems: list[str] = []
    for path in args.pages:
        try:
            pages.append((path, read_page(path, lenient=args.lenient)))
        except HarnessError as error:
            problems.append(str(error))
    for name, times in Counter(page.name for _, page in pages).items():
        if times > 1:
            problems.append(f"{times} pages are named {name}; each needs its own expected file")
    if problems:
        print(*problems, sep="\n", file=sys.stderr)
        return BAD_INPUT
    for path, page in pages:
        print_omissions(page, path.as_posix())
    return _check(pages, args) if args.check else _write(pages, args.out)


def print_omissions(page: Page, file: str) -> None:
    """Print what of a page is not among its claims, a line each."""
    for omission in page.omissions:
        print(f"{file}:{omission.line}: {omission.title}: {omission.reason}")


def _write(pages: list[tuple[Path, Page]], out: Path) -> int:
    for path, page in pages:
        if write_page(path, page, out) != OK:
            return BAD_INPUT
    return OK


def write_page(path: Path, page: Page, out: Path) -> int:
    """Write the expected file of one page, and print what became of it; the exit status."""
    target = out / f"{page.name}.toml"
    try:
        changed = write_expected(page, target)
    except HarnessError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    state = "written" if changed else "unchanged"
    print(f"{path.as_posix()}: {_summary(page)}; {target.as_posix()} {state}")
    return OK


def _check(pages: list[tuple[Path, Page]], args: argparse.Namespace) -> int:
    options = ["--out", str(args.out)] + ["--lenient"] * args.lenient
    return max(
        check_page(path, page, args.out, accept=["extract", str(path), *options])
        for path, page in pages
    )


def check_page(path: Path, page: Page, out: Path, *, accept: Sequence[str]) -> int:
    """Print how one page differs from its expected file; the exit status. Nothing is written.

    ``accept``: the command that writes the file, after ``python -m harness``.
    """
    target = out / f"{page.name}.toml"
    try:
        lines = _differences(path, page, target)
    except ExpectationError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    if not lines:
        print(f"{path.as_posix()}: {_summary(page)}; as {target.as_posix()} says")
        return OK
    print(*lines, sep="\n")
    print("accept:", shlex.join(["python", "-m", "harness", *accept]))
    return DIFFERENT


def _differences(path: Path, page: Page, target: Path) -> list[str]:
    """The differences of one page as printed lines.

    Raises:
        ExpectationError: the expected file exists and cannot be read.
    """
    if not target.exists():
        return [f"{path.as_posix()}:1: never extracted, {target.as_posix()} does not exist"]
    found = [
        difference.describe(page=path.as_posix(), expected=target.as_posix())
        for difference in compare(page, read_expected(target))
    ]
    if not found and target.read_bytes() != render(page):
        found = [f"{target.as_posix()}:1: says the same in other bytes; was it edited by hand?"]
    return found


def _summary(page: Page) -> str:
    claims = sum(len(row.claims) for row in page.rows)
    parts = [f"{len(page.rows)} rows", f"{claims} claims", f"{len(page.failures)} failures"]
    left_out = sum(omission.on_request for omission in page.omissions)
    if left_out:
        parts.append(f"{left_out} left out")
    if len(page.omissions) > left_out:
        parts.append(f"{len(page.omissions) - left_out} listed")
    return ", ".join(parts)
