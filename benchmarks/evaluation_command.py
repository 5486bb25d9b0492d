"""``bench evaluation``: how busy an evaluation keeps the backend."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.errors import HarnessError
from harness.runtime import atomic

if TYPE_CHECKING:
    from argparse import _SubParsersAction

OK: Final = 0
SLOW: Final = 1
BAD_INPUT: Final = 2


def add_evaluation_action(actions: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``evaluation`` to the actions of ``bench``; the parsed arguments carry ``run``."""
    parser = actions.add_parser(
        "evaluation",
        help="how busy an evaluation keeps the backend",
        description="Evaluate a model on the same images with the bare session on tensors in "
        "memory, and by the suite with tensors from the cache and answers on the disk, in turns. "
        "Exit code: 0; 1: fewer images a second than --least asks for; 2: bad input.",
    )
    parser.add_argument("--model", type=Path, required=True, metavar="ONNX", help="fp32 or int8")
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="photographs")
    parser.add_argument("--pipeline", default="page", metavar="ID", help="default: %(default)s")
    for name, value in (("count", 400), ("rounds", 5), ("threads", 1)):
        parser.add_argument(
            f"--{name}", type=int, default=value, metavar="N", help="default: %(default)s"
        )
    parser.add_argument("--least", type=float, default=0.0, metavar="RATIO", help="as in 0.95")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, print, write the JSON file; 0, 1 where it is slower than asked for, 2."""
    from benchmarks.evaluation import RoundRates, measure_rates  # pyarrow, ONNX Runtime
    from benchmarks.images import find_images

    try:
        if min(args.count, args.rounds, args.threads) < 1:
            raise HarnessError("--count, --rounds and --threads are whole numbers from 1")
        paths = find_images(args.images, args.count)
        rates = measure_rates(
            args.model, paths, args.pipeline, threads=args.threads, rounds=args.rounds
        )
    except HarnessError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    print(f"{rates.images} images, {args.pipeline}, median of {args.rounds} rounds")
    for name, costs in (("bare session", rates.bare), ("evaluation", rates.suite)):
        print(f"{name:<14}{RoundRates.rate(rates.images, costs):>8.1f} images/s")
    print(f"{'ratio':<14}{rates.ratio:>8.3f}")
    print(f"{'per core':<14}{rates.core_ratio:>8.3f}")
    if args.json is not None:
        document = {
            "ratio": rates.ratio,
            "core_ratio": rates.core_ratio,
            **dataclasses.asdict(rates),
        }
        atomic.write_text(args.json, json.dumps(document, indent=2) + "\n")
    return SLOW if rates.ratio < args.least else OK
