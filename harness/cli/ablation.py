"""``waterfall``: what lies between the pipeline of a claim and the one that ships, step by step."""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.backends.registry import EMBEDDED, backend
from harness.errors import HarnessError, NonConformance
from harness.expected.baselines import Baseline, read_baseline, write_baseline
from harness.images.ablation import accepted
from harness.images.ablation.answers import FlippedAnswers
from harness.images.ablation.figures import SetChange, set_changes
from harness.images.ablation.measuring import Measured, Reader, measure
from harness.images.ablation.pictures import ImageFile, embedded_files, files_below, read_file
from harness.images.ablation.quantizing import embedded_scale
from harness.images.ablation.routes import Route, routes
from harness.images.ablation.states import PreparedRoute, State, prepare
from harness.images.ablation.tables import answers_table, as_data, image_table, waterfall_table
from harness.pipeline.catalogue import EXPECTED, Catalogue, read_catalogue
from harness.runtime import atomic

EXAMPLES = """examples:
  python -m harness ablation
  python -m harness ablation --row resnext/timm/gluon_resnext50_32x4d --images photographs/
  python -m harness ablation --row 'resnext/mmcls/*' --images photographs/ --sample 100 \\
      --model resnext50_32x4d_224.onnx --int8 resnext50_32x4d_int8.onnx
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "ablation",
        aliases=["waterfall"],
        help="measure what lies between a claim's preprocessing and the one that ships",
        description="Medians over the images of each step's own change, and of the whole change "
        "up to it, in levels of 255; the embedded images without --images.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--row", action="append", default=[], metavar="ROW", help="only this row; repeatable"
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="a folder tree of images")
    parser.add_argument("--sample", type=_count, metavar="N", help="this many of them, by the seed")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    parser.add_argument("--model", type=Path, metavar="ONNX", help="ask this network as well")
    parser.add_argument("--int8", type=Path, metavar="ONNX", help="and its int8 form, at the end")
    parser.add_argument("--each", action="store_true", help="a line for each image too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    parser.add_argument(
        "--accept", action="store_true", help="make the embedded images' figures the accepted ones"
    )
    parser.add_argument("--expected", type=Path, default=EXPECTED, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; the exit status is 1 where a file could not be used.

    Raises:
        HarnessError: bad input, no file at all can be used, or an end is not its pipeline.
    """
    _require_sensible(arguments)
    catalogue = read_catalogue(arguments.expected)
    chosen = _chosen(catalogue, arguments)
    readers = _readers(arguments)
    answers = _answers(chosen, arguments)
    scale = embedded_scale(arguments.expected)

    def ask(one: PreparedRoute, states: Sequence[State]) -> None:
        if answers:
            answers[one.route.id].ask(states)

    try:
        prepared = [prepare(route, scale) for route in chosen]
        measured = measure(readers, prepared, watch=ask)
    except NonConformance as error:
        raise HarnessError(str(error)) from error
    if not any(measured.changes.values()):
        raise HarnessError("\n".join(["no file could be used:", *measured.bad]))
    over_set = {id: set_changes(images) for id, images in measured.changes.items()}
    _print(chosen, measured, over_set, answers, each=arguments.each)
    if arguments.json is not None:
        _write_json(arguments.json, chosen, measured, over_set, answers)
    if arguments.accept:
        _accept(arguments.expected, over_set, whole=not arguments.row)
    return 1 if measured.bad else 0


def _require_sensible(arguments: argparse.Namespace) -> None:
    if arguments.accept and arguments.images is not None:
        raise HarnessError("--accept is about the embedded images, so it goes without --images")
    if arguments.sample is not None and arguments.images is None:
        raise HarnessError("--sample chooses among --images DIR, which is not given")
    if arguments.int8 is not None and arguments.model is None:
        raise HarnessError("--int8 is held against --model ONNX, which is not given")


def _chosen(catalogue: Catalogue, arguments: argparse.Namespace) -> Mapping[Route, tuple[str, ...]]:
    models = catalogue.select(arguments.row) if arguments.row else catalogue.rows
    pipelines = [one.pipelines for one in models if one.pipelines]
    if not pipelines:
        raise HarnessError(f"{', '.join(arguments.row)}: the page documents no figures there")
    return routes(pipelines)


def _answers(
    chosen: Mapping[Route, object], arguments: argparse.Namespace
) -> dict[str, FlippedAnswers]:
    if arguments.model is None:
        return {}
    session = backend(EMBEDDED).session
    fp32 = session(arguments.model, precision="fp32").logits
    int8 = None
    if arguments.int8 is not None:
        int8 = session(arguments.int8, precision="int8").logits
    return {route.id: FlippedAnswers(fp32, int8) for route in chosen}


def _itself(file: ImageFile) -> ImageFile:
    return file


def _readers(arguments: argparse.Namespace) -> list[Reader]:
    if arguments.images is None:
        return [functools.partial(_itself, file) for file in embedded_files()]
    folder = arguments.images
    paths = files_below(folder, sample=arguments.sample, seed=arguments.seed)
    return [
        functools.partial(read_file, path, name=path.relative_to(folder).as_posix())
        for path in paths
    ]


def _print(
    chosen: Mapping[Route, tuple[str, ...]],
    measured: Measured,
    over_set: Mapping[str, Sequence[SetChange]],
    answers: Mapping[str, FlippedAnswers],
    *,
    each: bool,
) -> None:
    for route, rows in chosen.items():
        images = measured.changes[route.id]
        print(f"{route.claim} -> {route.ships.pipeline}, images: {len(images)}")
        print(f"  rows: {', '.join(rows)}")
        if route.base != route.claim:
            print(f"  measured from {route.base}: {route.claim} has another input size, to which")
            print("  no tensor of this one can be compared")
        print(waterfall_table(over_set[route.id]))
        if each:
            print(image_table(images))
        if route.id in answers:
            print(answers_table(answers[route.id].changes(), images=len(images)))
        print()
    if measured.bad:
        print(f"could not be used: {len(measured.bad)}")
        for problem in measured.bad:
            print(f"  {problem}")


def _write_json(
    path: Path,
    chosen: Mapping[Route, tuple[str, ...]],
    measured: Measured,
    over_set: Mapping[str, Sequence[SetChange]],
    answers: Mapping[str, FlippedAnswers],
) -> None:
    document = {
        "routes": {
            route.id: as_data(
                route,
                rows,
                measured.changes[route.id],
                over_set[route.id],
                answers[route.id].changes() if route.id in answers else (),
            )
            for route, rows in chosen.items()
        },
        "bad": measured.bad,
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    atomic.write_text(path, text + "\n")


def _accept(expected: Path, over_set: Mapping[str, Sequence[SetChange]], *, whole: bool) -> None:
    """Unless the ``whole`` page was measured, other routes keep what was accepted for them."""
    path = expected / "baselines" / "waterfall.toml"
    old_file = read_baseline(path) if path.exists() else Baseline()
    before = old_file.measurements
    measured = {id: accepted.measurements(changes) for id, changes in over_set.items()}
    conditions = accepted.conditions(embedded_files())
    if not whole and before and conditions != old_file.conditions:
        raise HarnessError(
            f"{path}: accepted with {dict(old_file.conditions)}, measured with {conditions}: "
            "accept all rows at once, without --row"
        )
    kept = {} if whole else before
    write_baseline(path, Baseline({**kept, **measured}, conditions))
    for id, figures in measured.items():
        for name, one in figures.items():
            old = before.get(id, {}).get(name)
            if old is None or old.value != one.value:
                was = "nothing" if old is None else f"{old.value:g}"
                print(f"{id}: {name} {was} -> {one.value:g} {one.unit}")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)
