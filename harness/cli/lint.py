"""The ``lint`` command: what is wrong with pages, told for people, scripts and pull requests."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from harness.errors import MissingSource
from harness.lint.expected import expected_knowledge
from harness.lint.findings import Finding, LintRule, Severity
from harness.lint.known import Knowledge, together
from harness.lint.listing import as_json
from harness.lint.people import as_text, summary
from harness.lint.results_table import read_results_table, table_knowledge
from harness.lint.rules import RULES
from harness.lint.running import lint, reaches, without
from harness.lint.sarif import as_sarif
from harness.lint.zoo import LintedPage, Zoo, read_zoo
from harness.pipeline.catalogue import EXPECTED
from harness.runtime import atomic

if TYPE_CHECKING:
    from argparse import _SubParsersAction

OK: Final = 0
FOUND: Final = 1

_SEVERITIES: Final = {str(severity): severity for severity in Severity}

_EXAMPLES: Final = """examples:
  python -m harness lint zoo/resnext.md
  python -m harness lint zoo/ --count --severity warning
  python -m harness lint zoo/ --published results-imagenet.csv
  python -m harness lint zoo/ --format sarif --out lint.sarif    for a pull request

rules:
"""


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``lint`` to the command line; the parsed arguments carry ``run``."""
    width = max(len(rule.id) for rule in RULES)
    rules = "\n".join(f"  {rule.id:{width}}  {rule.title}" for rule in RULES)
    parser = subparsers.add_parser(
        "lint",
        help="find what is wrong with pages and the files beside them, without weights",
        description="Find contradictions in pages, between pages, with the files beside them, and\n"
        "with what is known of their models. Pages are read leniently.\n"
        "Exit code 0: nothing as grave as --severity; 1: something; 2: bad input.",
        epilog=_EXAMPLES + rules,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "pages", nargs="+", type=Path, metavar="PAGE", help="a page, or a folder with pages"
    )
    parser.add_argument(
        "--format", choices=("text", "sarif", "json"), default="text", help="default: %(default)s"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the findings here")
    parser.add_argument(
        "--severity",
        choices=tuple(_SEVERITIES),
        default="error",
        help="the least that makes the exit code 1; default: %(default)s",
    )
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="RULE", help="do not ask it; repeatable"
    )
    parser.add_argument(
        "--count",
        action="store_true",
        help="ask the installed libraries: count networks, without weights, and compare published "
        "accuracies; takes some seconds",
    )
    parser.add_argument(
        "--published",
        type=Path,
        metavar="CSV",
        help="timm's results table, for accuracies by input size and for parameters",
    )
    parser.add_argument(
        "--expected",
        type=Path,
        default=EXPECTED,
        metavar="DIR",
        help="what is known of pages; default: the suite's own expected/",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Lint and tell; with ``--out`` the summary alone is printed.

    Returns:
        0 where no finding is as grave as ``--severity``, else 1.

    Raises:
        HarnessError: bad input, or the file cannot be written; nothing was written then.
    """
    rules = without(RULES, args.ignore)
    zoo = read_zoo(args.pages, know=lambda pages: _knowledge(pages, args))
    findings = lint(zoo, rules)
    if args.out:
        atomic.write_text(args.out, _rendered(args.format, findings, rules, zoo))
        print(f"{summary(findings, zoo)}; {args.out.as_posix()} written")
    elif args.format == "text":
        Console(soft_wrap=True, highlight=False).print(as_text(findings, zoo), end="")
    else:
        sys.stdout.write(_rendered(args.format, findings, rules, zoo))
    return FOUND if reaches(findings, _SEVERITIES[args.severity]) else OK


def _rendered(form: str, findings: Sequence[Finding], rules: Sequence[LintRule], zoo: Zoo) -> str:
    if form == "sarif":
        return as_sarif(findings, rules, here=Path.cwd())
    return as_json(findings) if form == "json" else as_text(findings, zoo).plain


def _knowledge(pages: Sequence[LintedPage], args: argparse.Namespace) -> Knowledge:
    """What is known of the rows, the surest first."""
    return together(_parts(pages, args))


def _parts(pages: Sequence[LintedPage], args: argparse.Namespace) -> Iterator[Knowledge]:
    rows = [row for page in pages for row in page.rows]
    names = list(dict.fromkeys(page.page.name for page in pages if page.page))
    for name in names:
        yield expected_knowledge(args.expected, name)
    if args.count:
        try:
            counting = importlib.import_module("harness.lint.counting")
        except ImportError as error:
            raise MissingSource(f"--count needs torchvision and timm: {error}") from error
        yield counting.count_rows(rows)
        yield from (counting.published_rows(args.expected, name) for name in names)
    if args.published:
        yield table_knowledge(read_results_table(args.published), rows)
