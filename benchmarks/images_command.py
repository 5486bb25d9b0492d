"""``bench images``: how fast images become tensors, against bare library calls."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.images import ONE_PROCESS, Way, find_images, measure, write_scenes
from benchmarks.tables import machine_line
from harness.errors import HarnessError
from harness.reporting.machine import describe
from harness.runtime import atomic

if TYPE_CHECKING:
    from argparse import _SubParsersAction

OK: Final = 0
SLOW: Final = 1
BAD_INPUT: Final = 2
PIPELINES: Final = ("page", "timm-a1h_in1k", "vendor-build", "vendor-run-time")
"""Those that are written down in bare calls too (:mod:`benchmarks.images_bare`)."""

HEAD: Final = f"{'way':<18}{'images/s':>10}{'per core':>10}{'of bare':>9}{'speed-up':>10}"


def add_images_action(actions: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``images`` to the actions of ``bench``; the parsed arguments carry ``run``."""
    parser = actions.add_parser(
        "images",
        help="how fast images become tensors, against bare library calls",
        description="Decode and preprocess the same images by bare library calls, by the suite in "
        "one process and in several, and read them from a cache, in turns; medians of the rounds. "
        "Exit code: 0; 1: a way with fewer images per core than --least asks for; 2: bad input.",
    )
    parser.add_argument(
        "--images", type=Path, metavar="DIR", help="photographs; default: synthetic scenes"
    )
    parser.add_argument(
        "--pipeline",
        action="append",
        default=[],
        choices=PIPELINES,
        help="repeatable; default: all of these",
    )
    parser.add_argument(
        "--workers",
        action="append",
        default=[],
        type=positive,
        metavar="N",
        help="processes; repeatable; default: 1 and one for each core",
    )
    parser.add_argument(
        "--count", type=positive, default=256, metavar="N", help="images: %(default)s"
    )
    parser.add_argument(
        "--rounds", type=positive, default=5, metavar="N", help="default: %(default)s"
    )
    parser.add_argument(
        "--least",
        type=float,
        default=0.0,
        metavar="RATIO",
        help="of the bare calls' images per core, as in 0.8; default: none is asked for",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure pipeline after pipeline, print each table as it is known, write the JSON file.

    Returns:
        0, 1 where a way is slower than asked for, or 2 for bad input.
    """
    try:
        return _run(args)
    except HarnessError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT


def _run(args: argparse.Namespace) -> int:
    cores = len(os.sched_getaffinity(0))
    workers = sorted(set(args.workers)) or sorted({1, cores})
    machine = describe()
    print(machine_line(machine), flush=True)
    measured: dict[str, list[Way]] = {}
    with _images(args.images, args.count) as paths:
        for pipeline in args.pipeline or PIPELINES:
            measured[pipeline] = measure(pipeline, paths, workers=workers, rounds=args.rounds)
            print(f"\n{table(pipeline, measured[pipeline])}", flush=True)
    if args.json is not None:
        document = {"machine": dataclasses.asdict(machine), "pipelines": figures(measured)}
        atomic.write_text(args.json, json.dumps(document, indent=2) + "\n")
    slow = list(shortcomings(measured, least=args.least))
    for sentence in slow:
        print(sentence, file=sys.stderr)
    return SLOW if slow else OK


def table(pipeline: str, ways: Sequence[Way]) -> str:
    """Rates of one pipeline.

    ``of bare`` is per core, against bare calls in as many processes; ``speed-up`` is in wall time,
    against the suite in one process.
    """
    one = _named(ways, ONE_PROCESS)
    title = f"{pipeline}: {one.images} images, median of {len(one.costs)} rounds"
    lines = [
        f"{way.name:<18}{way.rate:>10.0f}{way.core_rate:>10.0f}{_ratio(way, ways):>9.2f}"
        f"{way.speed_up(one):>10.2f}"
        for way in ways
    ]
    return "\n".join([title, HEAD, *lines])


def shortcomings(measured: Mapping[str, Sequence[Way]], *, least: float) -> Iterator[str]:
    """A sentence for each way that makes fewer images per core than asked for."""
    for pipeline, ways in measured.items():
        for way in ways:
            if not (ratio := _ratio(way, ways)) >= least:
                yield f"{pipeline}, {way.name}: {ratio:.2f} of the bare calls, asked for {least:g}"


def figures(measured: Mapping[str, Sequence[Way]]) -> dict[str, Any]:
    """Everything measured, for a file."""
    return {
        pipeline: {
            way.name: {
                "images": way.images,
                "images_per_s": way.rate,
                "images_per_core_s": way.core_rate,
                "of_bare": _ratio(way, ways),
                "rounds": [dataclasses.asdict(cost) for cost in way.costs],
            }
            for way in ways
        }
        for pipeline, ways in measured.items()
    }


def positive(text: str) -> int:
    """A whole number from 1 from the command line."""
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


@contextmanager
def _images(folder: Path | None, count: int) -> Iterator[list[Path]]:
    if folder is not None:
        yield find_images(folder, count)
        return
    with tempfile.TemporaryDirectory(prefix="zoo-bench-scenes-") as made:
        yield write_scenes(Path(made), count)


def _ratio(way: Way, ways: Sequence[Way]) -> float:
    """Images per core, of those of the bare calls in as many processes."""
    return way.core_ratio(_named(ways, way.bare))


def _named(ways: Sequence[Way], name: str) -> Way:
    return next(way for way in ways if way.name == name)
