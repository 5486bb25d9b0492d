"""``export ROW``: one row to one file, in place of the zoo's three export scripts."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HarnessError
from harness.exporting.external_data import DATA_SUFFIX, refer_to
from harness.pipeline.building import Settings
from harness.pipeline.catalogue import EXPECTED, DocumentedModel, read_catalogue
from harness.pipeline.pipeline import Pipeline
from harness.runtime.atomic import sync
from harness.runtime.store import LazyArtifact
from harness.sources.forms import Form, compiled_form, forms, require_as_promised

EXAMPLES = """examples:
  python -m harness export resnext/timm/resnext50_32x4d --format onnx --out output/
  python -m harness export resnext/mmcls/resnext50_32x4d --format torchscript --out output/
  python -m harness export resnext/ppcls/resnext50_32x4d --format onnx --opset 10 --out output/ \\
      --weights weights/
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "export",
        help="export one row to ONNX or TorchScript",
        description="Export one row, check the file, and write it as <name>_<size>.<onnx|pt>.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("row", metavar="ROW", help="a row id, or a documented name if it is unique")
    parser.add_argument("--format", choices=("onnx", "torchscript"), default="onnx")
    parser.add_argument(
        "--opset", type=int, help="ONNX opset; by default the one that is compiled (current)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument(
        "--weights", metavar="DIR|hub", help="published weights; seeded ones otherwise"
    )
    parser.add_argument("--store", type=Path, metavar="DIR", help="where everything built is kept")
    parser.add_argument("--expected", type=Path, default=EXPECTED, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Export, check, write; the exit status is 0 or an error is raised."""
    model = read_catalogue(arguments.expected).one(arguments.row)
    form = _form(model, arguments.format, arguments.opset)
    settings = Settings(
        build_config=arguments.expected / "build" / "embedded.yaml",
        store=arguments.store,
        weights=arguments.weights,
    )
    pipeline = Pipeline(settings)
    try:
        exported = LazyArtifact(
            lambda: pipeline.exported(model.variant, model.size, form), form.file
        )
        entry, path = exported.opened()
        require_as_promised(entry.facts, form, model.variant, size=model.size)
        suffix = "pt" if form.format == "torchscript" else "onnx"
        target = arguments.out / f"{model.documented.name}_{model.size}.{suffix}"
        arguments.out.mkdir(parents=True, exist_ok=True)
        data = f"{form.file}{DATA_SUFFIX}"
        if data in entry.files:
            beside = target.with_name(target.name + DATA_SUFFIX)
            with _complete(beside) as partial:
                shutil.copyfile(entry.file(data), partial)
            with _complete(target) as partial:
                refer_to(path, beside.name, partial)
        else:
            with _complete(target) as partial:
                shutil.copyfile(path, partial)
    except OSError as error:
        raise HarnessError(f"cannot write to {arguments.out}: {error.strerror}") from error
    finally:
        pipeline.worker.close()
    print(f"{target}  {form.id}, {pipeline.weights_kind} weights, {target.stat().st_size} bytes")
    return 0


def _form(model: DocumentedModel, format_name: str, opset: int | None) -> Form:
    """The form of a row that is asked for.

    Raises:
        HarnessError: the source has no such form.
    """
    known = [form for form in forms(model.variant.source) if form.format == format_name]
    if not known:
        raise HarnessError(
            f"{model.id}: rows of {model.variant.source} are not exported to {format_name}"
        )
    if format_name == "torchscript":
        return known[0]
    compiled = compiled_form(model.variant.source)
    named = [form for form in known if form.opset == opset]
    if opset is None or named:
        return named[0] if named else compiled
    return Form("onnx", opset, compiled.route)


@contextmanager
def _complete(target: Path) -> Iterator[Path]:
    """A name beside the target to write to, so that no half file is ever seen under its name."""
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield partial
        sync(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
