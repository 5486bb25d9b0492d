"""``compare OLD NEW``: what changed from one run to another."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from harness.reporting.comparing import LAST, LAST_GREEN, Comparison, compare_runs, named_run
from harness.reporting.html import filled
from harness.reporting.markdown import plain_text
from harness.reporting.runlog import read
from harness.runtime import atomic

WORSE: Final = 1
MOST: Final = 40
"""Lines of a section that are printed; with ``--all``, every one."""
EVERY: Final = 10**9

EXAMPLES = """examples:
  python -m harness compare last-green last
  python -m harness compare accepted.jsonl .zoo/runs/20300101T120000.000000Z.jsonl --format md
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "compare",
        help="what changed from one run to another",
        description="Tell what fails now and did not, what is not judged any more, what was "
        "mended, which figures moved beyond their noise, which claims changed, and what differs in "
        "versions, options and machine. Only rows that both runs were asked for are compared. "
        "Exit code 0: nothing got worse; 1: something did; 2: bad input, such as a log that is not "
        "whole.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = f"a run log, or {LAST!r} or {LAST_GREEN!r}"
    parser.add_argument("old", metavar="OLD", help=kinds)
    parser.add_argument("new", metavar="NEW", help=kinds)
    parser.add_argument(
        "--runs", type=Path, default=Path(".zoo/runs"), help="where names are sought"
    )
    parser.add_argument("--format", choices=("text", "md", "html"), default="text")
    parser.add_argument("--all", action="store_true", help=f"more than {MOST} lines of a kind")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write there, and not to the terminal"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare and tell.

    Raises:
        HarnessError: a log cannot be read, or is not whole.
    """
    new = named_run(arguments.new, arguments.runs)
    old = named_run(arguments.old, arguments.runs, other_than=new)
    found = compare_runs(read(old), read(new))
    most = None if arguments.all else MOST
    if arguments.format == "html":
        told = {"old": str(old), "new": str(new), "verdict": _verdict(found), "most": most or EVERY}
        text = filled("compare.html", sections=[*found.sections()], **told)
    else:
        lay_out = _markdown if arguments.format == "md" else _text
        text = "\n".join((f"{old} → {new}", *lay_out(found, most=most))) + "\n"
    if arguments.out is None:
        print(text, end="")
    else:
        atomic.write_text(arguments.out, text)
    return WORSE if found.is_worse else 0


def _text(found: Comparison, *, most: int | None) -> Iterator[str]:
    for title, changes in found.sections():
        if changes:
            yield ""
            yield f"{title} ({len(changes)})"
            yield from (f"  {one}" for one in _cut(changes, most))
    yield ""
    yield _verdict(found)


def _markdown(found: Comparison, *, most: int | None) -> Iterator[str]:
    yield ""
    yield f"**{_verdict(found)}**"
    for title, changes in found.sections():
        if changes:
            yield ""
            yield f"<details><summary>{title} ({len(changes)})</summary>"
            yield ""
            yield from (f"- {plain_text(str(one))}" for one in _cut(changes, most))
            yield ""
            yield "</details>"


def _cut(changes: Sequence[object], most: int | None) -> list[object]:
    rest = len(changes) - (most or len(changes))
    return [*changes[:most], *([f"and {rest} more"] if rest > 0 else [])]


def _verdict(found: Comparison) -> str:
    if not found.is_worse:
        return "nothing got worse"
    return (
        f"{len(found.failing)} newly failing, {len(found.blocked)} newly blocked, "
        f"{len(found.unmeasured)} not judged any more"
    )
