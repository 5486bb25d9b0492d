"""``layers ROW``: one row layer by layer, in int8 or against its source library."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from harness.backends.registry import EMBEDDED, backend_names
from harness.judging.layers import LayerAgreement, worst
from harness.pipeline.building import Settings
from harness.pipeline.catalogue import EXPECTED, read_catalogue
from harness.pipeline.layers import compiled_layers, export_layers
from harness.pipeline.pipeline import Pipeline

EXAMPLES = """examples:
  python -m harness layers resnext/timm/resnext50_32x4d
  python -m harness layers resnext/timm/resnext50_32x4d --export --weights weights/
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "layers",
        help="SQNR of one row, layer by layer",
        description="Run a row's int8 model and the export that it was made of on two images, and "
        "tell of each layer the SQNR of what it is given and of what it gives. Layers that lose "
        "most are marked: keep those in a higher precision first.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("row", metavar="ROW", help="a row id, or a documented name if it is unique")
    parser.add_argument("--backend", choices=backend_names(), default=EMBEDDED)
    parser.add_argument(
        "--export",
        action="store_true",
        help="the float export against the source library, in place of int8 against the export",
    )
    parser.add_argument(
        "--weights", metavar="DIR|hub", help="published weights; seeded ones otherwise"
    )
    parser.add_argument("--store", type=Path, metavar="DIR", help="where everything built is kept")
    parser.add_argument("--expected", type=Path, default=EXPECTED, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table; the exit status is 0 or an error is raised."""
    model = read_catalogue(arguments.expected).one(arguments.row)
    settings = Settings(
        build_config=arguments.expected / "build" / "embedded.yaml",
        store=arguments.store,
        weights=arguments.weights,
    )
    pipeline = Pipeline(settings)
    try:
        if arguments.export:
            form = pipeline.form_for(model, arguments.backend)
            layers = export_layers(pipeline, model, form)
        else:
            layers = compiled_layers(pipeline, model, arguments.backend)
    finally:
        pipeline.worker.close()
    print(f"{model.id}: {len(layers)} layers, {pipeline.weights_kind} weights")
    for line in _table(layers):
        print(line)
    return 0


def _table(layers: Sequence[LayerAgreement]) -> list[str]:
    marked = {id(one) for one in worst(layers)}
    width = max((len(one.name) for one in layers), default=0)
    lines = [f"  {'layer':{width}}  before, dB  after, dB  loss, dB"]
    for one in layers:
        figures = (_figure(value) for value in (one.before_db, one.after_db, one.loss_db))
        before, after, loss = figures
        mark = "*" if id(one) in marked else " "
        line = f"{mark} {one.name:{width}}  {before:>10}  {after:>9}  {loss:>8}  {one.note}"
        lines.append(line.rstrip())
    return lines


def _figure(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else ("inf" if value > 0 else "none")
