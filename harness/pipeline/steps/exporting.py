"""Exporting a network, looking at what was written, and exporting it again."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import ExportError, NoOpset
from harness.pipeline.steps.networks import NetworkSpec, make_room, network, saved_paddle
from harness.sources import source
from harness.sources.forms import Form, compiled_form


def export_torchscript(folder: Path, spec: NetworkSpec) -> Mapping[str, Any]:
    """Trace and save the network, twice: ``model.pt``."""
    from harness.exporting import torch_exports
    from harness.exporting.torchscript_canonical import canonical_digest
    from harness.exporting.torchscript_inspection import inspect_torchscript

    built = network(spec)
    path = folder / "model.pt"
    torch_exports.export_torchscript(built.module, path, input_shape=built.input_shape)
    facts = dict(inspect_torchscript(path))
    if not facts["complete"]:
        return facts
    with tempfile.TemporaryDirectory(dir=folder) as again:
        second = Path(again) / "model.pt"
        torch_exports.export_torchscript(built.module, second, input_shape=built.input_shape)
        digest = canonical_digest(path)
        repeats = digest == canonical_digest(second)
        return facts | {"canonical_digest": digest, "repeats": repeats}


def export_onnx(folder: Path, spec: NetworkSpec, form: Form, repeat: bool) -> Mapping[str, Any]:
    """Export the network to ``model.onnx``, look at what was written, and export it again."""
    from harness.exporting.inspection import inspect_onnx

    path = folder / "model.onnx"
    _write_onnx(path, spec, form)
    facts = dict(inspect_onnx(path))
    if repeat and facts["complete"]:
        digest = facts.get("canonical_digest")
        again = _repeated_digest(folder, spec, form)
        facts["repeats"] = digest is not None and again == digest
    return facts


def _repeated_digest(folder: Path, spec: NetworkSpec, form: Form) -> str:
    """The canonical digest of another export; one that is made in memory is not written."""
    from harness.exporting import canonical

    with tempfile.TemporaryDirectory(dir=folder) as again:
        path = Path(again) / "model.onnx"
        if form.route == "external":
            from harness.exporting import paddle_exports

            saved = Path(saved_paddle(spec).name)
            module = network(spec).module
            model = paddle_exports.external_model(module, saved, path, opset=form.opset)
            return canonical.digest_of(model, path)
        _write_onnx(path, spec, form)
        return canonical.canonical_digest(path)


def _write_onnx(path: Path, spec: NetworkSpec, form: Form) -> None:
    if source(spec.variant.source).framework == "torch":
        from harness.exporting import torch_exports

        built = network(spec)
        try:
            torch_exports.export_onnx(
                built.module, path, opset=form.opset, input_shape=built.input_shape
            )
        except NoOpset as reason:
            name = spec.variant.source
            if form == compiled_form(name) or source(name).names_opset:
                raise ExportError(str(reason)) from reason
            raise NoOpset(f"{reason}, which pages do not name for {name}") from reason
        return
    from harness.exporting import paddle_exports

    saved = Path(saved_paddle(spec).name)
    if form.route == "documented":
        make_room()  # the converter needs several times the model's size
        paddle_exports.export_documented(saved, path, opset=form.opset)
    else:
        module = network(spec).module
        paddle_exports.export_external(module, saved, path, opset=form.opset)
