"""``bench sensitivity``: show for each row that int8 parity notices known faults."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.sensitivity import (
    LEAST_DB,
    Figures,
    Injected,
    Sensitivity,
    distinct_models,
    measure,
)
from harness.pipeline.building import Settings
from harness.pipeline.catalogue import EXPECTED, read_catalogue
from harness.pipeline.pipeline import Pipeline
from harness.runtime import atomic

if TYPE_CHECKING:
    from argparse import _SubParsersAction

NOTICED: Final = 0
NOT_NOTICED: Final = 1

HEAD: Final = (
    f"{'fault':<25}{'SQNR dB':>9}{'change':>9}{'worst dB':>10}{'top-1':>8}  where; parameters"
)


def add_action(actions: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``sensitivity`` to the actions of ``bench``; the parsed arguments carry ``run``."""
    parser = actions.add_parser(
        "sensitivity",
        help="what known faults do to the int8 parity of each row",
        description="Inject known faults into a copy of each compiled int8 model (rows that are "
        "compiled to the same model are measured once) and compare with the float model. "
        "Exit code: 0; 1: a required fault takes less than --least from a model's centred SQNR, "
        "or a fault of the model does not show in its scales, zero points and codes; "
        "2: bad input.",
    )
    parser.add_argument(
        "--row",
        action="append",
        default=[],
        metavar="PATTERN",
        help="only these rows: an id, a documented name, or a pattern; repeatable",
    )
    parser.add_argument("--store", type=Path, metavar="DIR", help="where everything built is kept")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument(
        "--least", type=decibels, default=LEAST_DB, metavar="DB", help="default: %(default)s"
    )
    parser.add_argument("--expected", type=Path, default=EXPECTED, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure model after model and print each as it is known; the exit status.

    Raises:
        HarnessError: a pattern names no row, or a model cannot be built or run.
    """
    catalogue = read_catalogue(args.expected)
    selected = catalogue.select(args.row) if args.row else catalogue.rows
    rows = tuple(one for one in selected if one in catalogue.rows)  # failures have no int8
    config = args.expected / "build" / "embedded.yaml"
    pipeline = Pipeline(Settings(build_config=config, store=args.store))
    results: list[Sensitivity] = []
    try:
        models = distinct_models(pipeline, rows)
        print(f"rows: {len(rows)}, distinct int8 models: {len(models)}", flush=True)
        for model, rows in models.items():
            results.append(measure(pipeline, model, rows))
            print(f"\n{table(results[-1])}", flush=True)
    finally:
        pipeline.worker.close()
    print(f"\n{summary(results)}", flush=True)
    if args.json is not None:
        atomic.write_text(args.json, json.dumps(figures(results), indent=2) + "\n")
    shortcomings = [
        sentence for result in results for sentence in result.shortcomings(least_db=args.least)
    ]
    for sentence in shortcomings:
        print(f"not noticed: {sentence}", file=sys.stderr)
    return NOT_NOTICED if shortcomings else NOTICED


def decibels(text: str) -> float:
    """A positive, finite number of dB from the command line."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of dB")
    return value


def table(result: Sensitivity) -> str:
    """One model's figures, clean and with each fault; what is in brackets is not required."""
    lines = [*result.rows, HEAD, _line("none", result.clean)]
    for one in result.injected:
        name = _name(one)
        if one.figures is None:
            lines.append(f"{name:<25}{'-':>9}  {one.problem}")
        else:
            change = f"{result.change_db(one.figures):+.2f}"
            shown = {None: "", "": "; silent"}.get(one.parameters, "; wrong")
            lines.append(_line(name, one.figures, change, (one.where or "all layers") + shown))
    return "\n".join(lines)


def summary(results: Sequence[Sensitivity]) -> str:
    """For each fault, the model that it moves least, and that it moves most."""
    changes: dict[str, list[tuple[float, str]]] = {}
    for result in results:
        for one in result.injected:
            if one.figures is not None:
                change = (result.change_db(one.figures), result.rows[0])
                changes.setdefault(_name(one), []).append(change)
    return "\n".join(["change of the centred SQNR, dB", *_extremes(changes.items())])


def figures(results: Sequence[Sensitivity]) -> list[dict[str, object]]:
    """Everything measured, as it is written to JSON."""
    return [dataclasses.asdict(result) for result in results]


def _extremes(changes: Iterable[tuple[str, list[tuple[float, str]]]]) -> Iterator[str]:
    for name, found in changes:
        least, most = max(found), min(found)
        yield f"{name:<25}least {least[0]:+.2f} ({least[1]}), most {most[0]:+.2f} ({most[1]})"


def _name(one: Injected) -> str:
    return one.fault.name if one.fault.required else f"({one.fault.name})"


def _line(name: str, found: Figures, change: str = "", where: str = "") -> str:
    return (
        f"{name:<25}{found.centred_sqnr_db:>9.2f}{change:>9}{found.worst_image_sqnr_db:>10.2f}"
        f"{found.top1_agreement:>8.3f}  {where}"
    ).rstrip()
