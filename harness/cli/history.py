"""``history``: runs of the past, and how rows and figures went over them."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from harness.backends.registry import backend_names
from harness.expected.baselines import parity_file, read_baseline
from harness.judging.int8 import PARITY_BAND_DB
from harness.pipeline.catalogue import EXPECTED
from harness.reporting.history import VARIABLE, Course, History, Series
from harness.reporting.history_site import INDEX, write_site

FOLDER: Final = Path(".zoo/history")

EXAMPLES = """examples:
  python -m harness history add .zoo/runs/20300101T120000.000000Z.jsonl
  python -m harness history show resnext/timm/resnext50_32x4d --last 30
  python -m harness history show centred_sqnr
  python -m harness history site --out history/
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "history",
        help="how rows and figures went over past runs",
        description="Keep runs as Parquet files below one folder, and tell how rows and figures "
        f"went over them. pytest --history=DIR, or {VARIABLE}, adds every whole run by itself.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="add whole run logs")
    add.add_argument("logs", metavar="RUN", nargs="+", type=Path, help="a run log")
    add.set_defaults(run=run_add)
    show = actions.add_parser("show", help="a row's figures and cases, or a figure of all rows")
    show.add_argument("what", metavar="ROW|FIGURE", help="a row id, a figure's name, or a pattern")
    show.add_argument("--last", type=_count, metavar="N", help="only over the last N runs")
    show.set_defaults(run=run_show)
    site = actions.add_parser("site", help="a site that opens offline: an index, and a page a row")
    site.add_argument("--out", required=True, type=Path, metavar="DIR", help="a folder of its own")
    site.add_argument("--last", type=_count, metavar="N", help="only over the last N runs")
    site.set_defaults(run=run_site)
    site.add_argument("--expected", type=Path, default=EXPECTED, help=argparse.SUPPRESS)
    for action in (add, show, site):
        action.add_argument(
            "--history",
            type=Path,
            metavar="DIR",
            default=Path(os.environ.get(VARIABLE) or FOLDER),
            help=f"where runs are kept; default: {VARIABLE}, else {FOLDER}",
        )


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number of at least 1")
    return int(text)


def run_add(arguments: argparse.Namespace) -> int:
    """Add the logs.

    Raises:
        HarnessError: one cannot be added; those before it are.
    """
    history = History(arguments.history)
    for log in arguments.logs:
        told = "added" if history.add(log) else "is there already"
        print(f"{log}: {told}")
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """Print the figures, and the cases that came to something else.

    Raises:
        HarnessError: there is nothing of that name.
    """
    history = History(arguments.history)
    series = history.figures(arguments.what, last=arguments.last)
    for line in _table([_figures_of(one) for one in series], HEADER):
        print(line)
    courses = history.courses(arguments.what, last=arguments.last)
    for text in _unsteady(courses):
        print(text)
    return 0


def run_site(arguments: argparse.Namespace) -> int:
    """Write the site.

    Raises:
        HarnessError: there is no run, or the folder cannot be written.
    """
    history, accepted = History(arguments.history), _accepted(arguments.expected)
    rows = write_site(history, arguments.out, last=arguments.last, accepted=accepted)
    print(f"{arguments.out / INDEX}: {rows} rows")
    return 0


def _accepted(expected: Path) -> Callable[[Series], tuple[float, float] | None]:
    """Within which parity has been accepted."""
    files = {name: parity_file(expected, backend=name) for name in backend_names()}
    baselines = {name: read_baseline(path) for name, path in files.items() if path.exists()}
    reach = float(PARITY_BAND_DB)

    def band(series: Series) -> tuple[float, float] | None:
        on = series.conditions
        if (on.get("precision"), on.get("weights")) != ("int8", "seeded"):
            return None
        baseline = baselines.get(on.get("backend", ""))
        found = baseline.accepted(series.row, series.name) if baseline else None
        return (found.value - reach, found.value + reach) if found else None

    return band


HEADER = ("row", "figure", "on", "runs", "least", "median", "most", "last", "moved")


def _figures_of(one: Series) -> tuple[str, ...]:
    values = [value for _, value in one.points]
    sound = [value for value in values if math.isfinite(value)] or [math.nan]
    shown = (min(sound), median(sound), max(sound), values[-1])
    moved = f"{one.steps[-1]:%Y-%m-%d}" if one.steps else "never"
    name = f"{one.name} [{one.unit}]" if one.unit else one.name
    figures = (f"{value:.5g}" for value in shown)
    return (one.row or "no row", name, one.on, str(len(values)), *figures, moved)


def _table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...]) -> Iterator[str]:
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _unsteady(courses: Sequence[Course]) -> Iterator[str]:
    if not courses:
        return
    changed = [one for one in courses if one.changes]
    yield ""
    yield f"{len(courses)} cases, of which {len(changed)} came to something else from run to run"
    for one in sorted(changed, key=lambda one: -one.changes):
        when, outcome = one.outcomes[-1]
        yield f"  {one.changes} × {one.case}: last {outcome}, {when:%Y-%m-%d %H:%M}"
