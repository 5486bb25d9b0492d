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
    """One layer's scales, and its weights."""
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
    yield Continuous(
        Fault(
            "weights of one layer in the export",
            "export",
            row,
            (SAME,),
            plant="exports.written_onnx",
            into="torch.onnx",
            options=("layer_scaled", 1.0),
            rebuilt=WRITTEN,
        )
    )
