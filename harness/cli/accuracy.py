"""``accuracy``: what a row's models get right, against its claims and against each other."""

from __future__ import annotations

import argparse
import os
from decimal import Decimal
from pathlib import Path
from typing import Final

from harness.pipeline.catalogue import EXPECTED
from harness.runtime.option_types import count, points

OUT: Final = Path(".zoo") / "accuracy"

EXAMPLES = """examples:
  python -m harness accuracy resnext/timm/resnext50_32x4d --imagenet imagenet/ --weights weights/
  python -m harness accuracy 'resnext/timm/*' --imagenet imagenet/ --weights hub --until-decided
  python -m harness accuracy resnext50_32x4d --imagenet imagenet/ --weights hub --shard 3/16
  python -m harness accuracy merge .zoo/accuracy/*/
  python -m harness accuracy resnext50_32x4d --from-results device.txt --reference fp32.txt
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "accuracy",
        help="measure top-1 and top-5, and what int8 costs",
        description="Evaluate rows on labelled images, in fp32 and int8, and judge them against "
        "the page and against each other. What was evaluated is kept, and gone on with. Exit "
        "status: 0 conforms, 1 does not, 2 bad input, 3 inconclusive or not measured.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "row", nargs="+", metavar="ROW", help="ids, names or patterns; or: merge FOLDER..."
    )
    images = parser.add_argument_group("images")
    images.add_argument("--imagenet", type=Path, metavar="DIR", help="in either layout")
    images.add_argument("--labels", type=Path, metavar="FILE", help="a label list elsewhere")
    images.add_argument("--synsets", type=Path, metavar="FILE", help="in class order")
    images.add_argument("--pipeline", metavar="ID|YAML", help="in place of the row's own")
    images.add_argument("--images", type=count, metavar="N", help="only so many, by class")
    images.add_argument(
        "--until-decided", action="store_true", help="only until int8 against fp32 is decided"
    )
    images.add_argument("--seed", type=int, default=0, help="of the order; default: %(default)s")
    images.add_argument("--shard", default="1/1", metavar="K/N", help="only this part; then merge")
    models = parser.add_argument_group("models")
    models.add_argument("--weights", metavar="DIR|hub", help="published weights")
    models.add_argument(
        "--precision", action="append", choices=("fp32", "int8"), help="repeatable; default: both"
    )
    models.add_argument(
        "--calibration",
        nargs=2,
        type=Path,
        metavar=("MANIFEST", "DIR"),
        help="photographs to calibrate on, and their data set; default: embedded scenes",
    )
    models.add_argument("--build-config", type=Path, metavar="YAML", help="how to quantize")
    verdicts = parser.add_argument_group("verdicts")
    verdicts.add_argument(
        "--margin", type=points, help="points int8 may lose; default: 1 %% of the documented"
    )
    verdicts.add_argument(
        "--acceptable", type=points, default=Decimal(0), help="points that must not be flagged"
    )
    verdicts.add_argument(
        "--from-results", type=Path, metavar="FILE", help="judge a device's result file"
    )
    verdicts.add_argument("--reference", type=Path, metavar="FILE", help="fp32's, to pair it with")
    verdicts.add_argument(
        "--write-results", action="store_true", help="also as the vendor's result files"
    )
    verdicts.add_argument("--class-names", type=Path, metavar="FILE", help="for result files")
    cores = len(os.sched_getaffinity(0))
    means = parser.add_argument_group("means")
    means.add_argument("--workers", type=count, default=cores, metavar="N", help="%(default)s")
    means.add_argument("--threads", type=count, default=cores, metavar="N", help="%(default)s")
    means.add_argument("--store", type=Path, metavar="DIR", help="where everything built is kept")
    means.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="default: %(default)s")
    means.add_argument("--no-cache", action="store_true", help="keep no tensors")
    means.add_argument("--expected", type=Path, default=EXPECTED, help=argparse.SUPPRESS)
    parser.set_defaults(run=run, options=parser._actions, labels_only=False)


def run(arguments: argparse.Namespace) -> int:
    """Measure and judge row after row.

    Returns:
        The worst of the rows: 1 does not conform, or a step failed; 3 is undecided or not
        measured; 0 conforms. A shard is not judged: 0.
    """
    from harness.accuracy.plans import answer

    return answer(arguments)
