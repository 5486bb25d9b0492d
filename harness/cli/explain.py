"""``explain ROW``: everything known of a row, for people or as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.backends.registry import backend_names
from harness.cli.explaining import explain
from harness.pipeline.catalogue import EXPECTED, read_catalogue
from harness.resolving.generated import expected_for

RUNS = Path(".zoo") / "runs"
_WIDTH = 120  # characters, where the output is no terminal
_EXAMPLES = """examples:
  python -m harness explain resnext/timm/gluon_resnext50_32x4d
  python -m harness explain 'resnext50_32x4d' --json
  python -m harness explain mobilenetv2 --page zoo/mobilenet_v2.md
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "explain",
        help="tell everything that is known of a row",
        description="Claims with their lines, the upstream model, how each count comes about, the\n"
        "pipelines, tolerances, known issues, and what the last run said.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("row", nargs="+", metavar="ROW", help="an id, a name, or a pattern")
    parser.add_argument("--json", action="store_true", help="a JSON array, an object for each row")
    parser.add_argument(
        "--page",
        type=Path,
        action="append",
        metavar="PAGE.md",
        help="a page without expectations; repeatable",
    )
    parser.add_argument("--lenient", action="store_true", help="with --page, as for extract")
    parser.add_argument("--store", type=Path, metavar="DIR", help="where findings are kept")
    parser.add_argument("--runs", type=Path, default=RUNS, metavar="DIR", help="run logs")
    parser.add_argument("--expected", type=Path, default=EXPECTED, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what is known of each row that is named."""
    expected: Path = arguments.expected
    if arguments.page is not None:
        expected = expected_for(
            arguments.page, lenient=arguments.lenient, store=arguments.store, base=expected
        )
    chosen = read_catalogue(expected).select(arguments.row)
    today = datetime.now(UTC).date()
    known = [
        explain(one, expected, runs=arguments.runs, backends=backend_names(), today=today)
        for one in chosen
    ]
    if arguments.json:
        print(json.dumps(known, indent=2, ensure_ascii=False))
        return 0
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    for one in known:
        for part in shown(one):
            console.print(part)
    return 0


def shown(known: Mapping[str, Any]) -> Iterator[Text | Table]:
    """What is known of a row, as a title and a table for each kind of thing."""
    yield Text(f"{known['row']}  {known['place']}", style="bold")
    yield _pairs("documented", [(key, known[key]) for key in ("name", "source", "link")])
    yield _rows("claims", known["claims"], ("metric", "figure", "unit", "header", "place"))
    yield _pairs("upstream", known["upstream"].items())
    if counts := known["counts"]:
        keys = ("column", "documented", "prints", "rule", "divisor", "raw")
        yield _rows("counts", counts["columns"], keys)
        yield _pairs("true counts", counts["true"].items())
        yield _rows("documentation defects", counts["defects"], ("column", "documented", "cause"))
    yield _pairs("pipelines", (known["pipelines"] or {"": "none is known"}).items())
    yield _rows("tolerances (int8)", known["tolerances"], ("check", "bound", "reason"))
    yield _rows("float operators", known["float_operators"], ("backend", "name", "reason"))
    yield _rows("known issues", known["known_issues"], ("case", "error", "expires", "reason"))
    last = known["last_run"]
    title = f"last run, {last['started']}, {last['log']}" if last else "last run"
    results = last["results"] if last else []
    named = [{**one, "case": one["case"].partition("::")[2]} for one in results]
    yield _rows(title, named, ("case", "outcome", "said"))


def _pairs(title: str, pairs: Iterable[tuple[str, Any]]) -> Table:
    said = [{"": key, " ": value} for key, value in pairs if value not in ("", None)]
    return _rows(title, said, ("", " "))


def _rows(title: str, rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=True)
    for key in keys:
        table.add_column(key, overflow="fold")
    for row in rows:
        table.add_row(*(_text(row[key]) for key in keys))
    if not rows:
        table.add_row(*("none" if not position else "" for position in range(len(keys))))
    return table


def _text(value: object) -> Text:
    return Text(f"{value:_}" if isinstance(value, int) else str(value))
