"""Faults of any size."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.planted.faults.fault import (
    ACCEPTED,
    COMPILED,
    HEAVY,
    PARAMETERS,
    PARITY,
    ROWS,
    SAME,
    WRITTEN,
    Continuous,
    Fault,
)


def continuous() -> Iterator[Continuous]:
    """Scales and weights of one layer."""
    row = ROWS["torchvision"]
    for what in ("weights", "activation"):
        yield Continuous(
            Fault(
                f"scale of the {what} of one layer",
                "quantization",
                row,
                (PARAMETERS, ACCEPTED, PARITY, HEAVY),
                plant="quantizers.quantized_file",
                into="onnxruntime.quantization",
                options=(what, 1.0),
                rebuilt=COMPILED,
            )
        )
    changes = {
        "weights of one layer in the export": "layer_scaled",
        "noise in the weights of one layer in the export, of their deviation": "layer_noised",
    }
    for name, edit in changes.items():
        yield Continuous(
            Fault(
                name,
                "export",
                row,
                (SAME,),
                plant="exports.written_onnx",
                into="torch.onnx",
                options=(edit, 1.0),
                rebuilt=WRITTEN,
            )
        )
