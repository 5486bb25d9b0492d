"""The ``report`` command: a run log as text, as Markdown, or as a page."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from harness.errors import HarnessError
from harness.images.thumbnails import thumbnail
from harness.reporting.html import no_picture, write_html
from harness.reporting.markdown import write_markdown
from harness.reporting.runlog import read
from harness.reporting.summary import summarize
from harness.runtime import atomic

if TYPE_CHECKING:
    from argparse import _SubParsersAction

OK: Final = 0
INCOMPLETE: Final = 1
BAD_INPUT: Final = 2


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``report`` to the command line; the parsed arguments carry ``run``."""
    parser = subparsers.add_parser(
        "report",
        help="tell what came of a run",
        description="Tell what came of a run from its log. Exit code 0: the log is whole, "
        "whatever the run found; 1: it is not, and what is there is told; 2: bad input.",
    )
    parser.add_argument("runlog", type=Path, metavar="RUNLOG")
    parser.add_argument("--format", choices=("text", "md", "html"), default="text")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write there and not to the terminal"
    )
    parser.add_argument(
        "--no-images", action="store_true", help="leave photographs out of the page"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, lay out, print or write.

    Returns:
        0 whole log, 1 incomplete or altered log, 2 bad input: then nothing was written.
    """
    try:
        found = read(args.runlog, allow_incomplete=True)
        if args.format == "md":
            text = write_markdown(found)
        elif args.format == "html":
            text = write_html(found, thumbnail=no_picture if args.no_images else thumbnail)
        else:
            width = shutil.get_terminal_size().columns
            text = "\n".join(summarize(found, width=width)) + "\n"
        if args.out is None:
            _print(text, sys.stdout)
        else:
            atomic.write_bytes(args.out, text.encode("utf-8", "backslashreplace"))
    except HarnessError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    return OK if found.complete else INCOMPLETE


def _print(text: str, stream: TextIO) -> None:
    """Print on any terminal: what its encoding does not have is told in escapes."""
    encoding = stream.encoding or "ascii"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
