"""The ``survey`` command: what can be said of a whole zoo without weights, images and much time."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.errors import HarnessError, quoted
from harness.lint.expected import expected_knowledge
from harness.lint.known import Knowledge, together
from harness.lint.people import as_text, summary
from harness.lint.rules import RULES
from harness.lint.running import lint
from harness.lint.zoo import LintedPage, Zoo, read_zoo
from harness.pipeline.catalogue import EXPECTED
from harness.resolving.zoofile import read_zoo as read_folder
from harness.runtime import atomic
from harness.runtime.foreign import real_path

if TYPE_CHECKING:
    from argparse import _SubParsersAction

OUT: Final = Path(".zoo") / "survey"

_EXAMPLES: Final = """examples:
  python -m harness survey zoo/
  python -m harness survey zoo/ --pytest="--row 'resnet/*' -n 4"
"""


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``survey`` to the command line; the parsed arguments carry ``run``."""
    parser = subparsers.add_parser(
        "survey",
        help="say what can be said of a whole zoo without weights, in half an hour",
        description="Lint all pages of a folder, then gate them with --survey: their figures, and\n"
        "the exports of small networks. Killed and started again, it goes on where it was.\n"
        "Exit code: pytest's, whatever lint finds; 2: bad input.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder with pages")
    parser.add_argument(
        "--out",
        type=Path,
        default=OUT,
        metavar="DIR",
        help="where findings, run log and report are written; default: %(default)s",
    )
    parser.add_argument(
        "--pytest", default="", metavar="OPTIONS", help="further options of pytest, as in a shell"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write what lint finds, and become the run of pytest.

    Raises:
        HarnessError: there is no such folder or no page in it, or the suites are not here.
    """
    suites = EXPECTED.parent / "suites"
    if not suites.is_dir():
        raise HarnessError(f"{suites}: the suites are not here; survey from a checkout of them")
    try:
        further = shlex.split(arguments.pytest)
    except ValueError as error:
        raise HarnessError(f"--pytest={quoted(arguments.pytest)}: {error}") from None
    folder, out = real_path(arguments.folder), real_path(arguments.out)
    zoo = linted(folder)
    findings = lint(zoo, RULES)
    out.mkdir(parents=True, exist_ok=True)
    atomic.write_text(out / "lint.txt", as_text(findings, zoo).plain)
    print(f"lint: {summary(findings, zoo)}; {out / 'lint.txt'}", flush=True)
    words = ["-m", "pytest", f"--zoo={folder}", "--survey", "-n", "auto"]
    words += [f"--run-log={out / 'survey.jsonl'}", *further]
    os.chdir(EXPECTED.parent)
    os.execv(sys.executable, [sys.executable, *words])


def linted(folder: Path) -> Zoo:
    """The pages of a zoo's folder, as its ``zoo.toml`` says, with what the expectations have.

    Raises:
        HarnessError: there is no such folder or no page in it.
    """
    files = {path.as_posix() for path in read_folder(folder)[0].files()}
    zoo = read_zoo([folder], know=_knowledge)
    return replace(zoo, pages=tuple(page for page in zoo.pages if page.file in files))


def _knowledge(pages: Sequence[LintedPage]) -> Knowledge:
    """What the expectations have of the rows."""
    names = dict.fromkeys(page.page.name for page in pages if page.page)
    return together(expected_knowledge(EXPECTED, name) for name in names)
