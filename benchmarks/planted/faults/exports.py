"""Exported models that are not the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.planted.faults.fault import COMPLETE, REPEATS, ROWS, SAME, WRITTEN, Fault

FORMS: Final = 2
"""In which a network is exported to ONNX, by the same exporter."""


def export_faults() -> Iterator[Fault]:
    """Faults of exporters and of the files they write."""
    edits: Sequence[tuple[str, tuple[str, ...], str, tuple[str, ...]]] = (
        ("initializers_swapped", (SAME,), "layer3", ("torchvision", "ppcls")),
        ("channel_zero", (SAME,), "layer3", ("torchvision", "timm", "mmcls", "ppcls")),
        ("classifier_transposed", (SAME,), "fc", ("torchvision", "ppcls")),
        ("float16_in_disguise", (SAME,), "", ("torchvision", "ppcls")),
        ("bias_negated", (SAME,), "layer3", ("torchvision", "mmcls")),
        ("activation_left_out", (SAME,), "layer", ("torchvision", "timm")),
        ("convolution_dilated", (SAME, COMPLETE), "layer3", ("torchvision",)),
        ("input_renamed", (COMPLETE, SAME), "", ("torchvision", "ppcls")),
        ("one_weight_off", (SAME,), "layer3", ("torchvision",)),
        ("empty_file", (COMPLETE,), "", ("torchvision", "ppcls")),
        ("half_a_file", (COMPLETE,), "", ("torchvision",)),
        ("classes_shifted", (SAME,), "fc", ("torchvision",)),
        ("float_batch", (SAME, COMPLETE), "", ("torchvision",)),
    )
    for edit, caught_by, place, sources in edits:
        for source in sources:
            paddle = source == "ppcls"
            yield Fault(
                f"{edit.replace('_', ' ')} in the export, {source}",
                "export",
                ROWS[source],
                caught_by,
                plant="exports.written_onnx",
                into="paddle2onnx" if paddle else "torch.onnx",
                options=(edit,),
                failures=FORMS,
                place="" if paddle else place,
                rebuilt=WRITTEN,
                quick=(edit, source) == ("channel_zero", "torchvision"),
            )
    exporters: Sequence[tuple[str, tuple[str, ...]]] = (
        ("training_mode", (COMPLETE, SAME)),
        ("batch_frozen", (COMPLETE, SAME)),
        ("opset_ignored", (COMPLETE,)),
        ("bias_drawn", (REPEATS,)),
        ("batch_mixed", (SAME,)),
    )
    for edit, caught_by in exporters:
        yield Fault(
            f"{edit.replace('_', ' ')} by the exporter",
            "export",
            ROWS["torchvision"],
            caught_by,
            plant="exports.exporter",
            into="torch.onnx",
            failures=FORMS + (edit == "bias_drawn"),
            options=(edit,),
            rebuilt=WRITTEN,
        )
    scripts: Sequence[tuple[str, tuple[str, ...], str]] = (
        ("weights_swapped", (SAME,), "layer3"),
        ("channel_zero", (SAME,), "layer3"),
        ("half_a_file", (COMPLETE,), ""),
    )
    for edit, caught_by, place in scripts:
        yield Fault(
            f"{edit.replace('_', ' ')} in TorchScript",
            "export",
            ROWS["torchvision"],
            caught_by,
            plant="exports.written_torchscript",
            into="torch.jit",
            options=(edit,),
            place=place,
            rebuilt=WRITTEN,
        )
