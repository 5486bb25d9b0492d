"""Calibration and quantization with something wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.planted.faults.fault import (
    ACCEPTED,
    COMPILED,
    HEAVY,
    PARAMETERS,
    PARITY,
    ROWS,
    Fault,
)


def quantizer_faults() -> Iterator[Fault]:
    """Faults of calibration, of the quantizer and of what it writes."""
    row, into = ROWS["torchvision"], "onnxruntime.quantization"
    calibrations = ("one_image", "noise", "channels_swapped", "not_normalized", "half_the_size")
    for edit in calibrations:
        yield Fault(
            f"calibrated on {edit.replace('_', ' ')}",
            "calibration",
            row,
            (PARAMETERS, PARITY, ACCEPTED),
            plant="quantizers.calibration",
            into=into,
            options=(edit,),
            rebuilt=COMPILED,
            quick=edit == "channels_swapped",
        )
    called: Sequence[tuple[str, tuple[str, ...]]] = (
        ("per_tensor", (PARAMETERS, ACCEPTED)),
        ("reduced_range", (PARAMETERS, ACCEPTED)),
        ("percentile", (PARAMETERS, ACCEPTED)),
        ("signed_activations", (PARAMETERS, ACCEPTED)),
        ("one_layer_in_float", (HEAVY,)),
        ("all_in_float", (HEAVY,)),
    )
    for edit, caught_by in called:
        yield Fault(
            f"{edit.replace('_', ' ')} quantized",
            "quantization",
            row,
            caught_by,
            plant="quantizers.quantizer",
            into=into,
            options=(edit,),
            rebuilt=COMPILED,
        )
    files: Sequence[tuple[str, tuple[object, ...], str]] = (
        ("activation scale halved", ("activation", 0.5), "layer2"),
        ("activation scale by 0.9", ("activation", 0.9), "layer2"),
        ("activation scale by 0.97", ("activation", 0.97), "layer2"),
        ("weight scale halved", ("weights", 0.5), "layer2"),
        ("weight scale by 0.9", ("weights", 0.9), "layer2"),
        ("weight scale by 0.97", ("weights", 0.97), "layer2"),
        ("zero point off by 1", ("zero_point", 1), ""),
        ("zero point off by 4", ("zero_point", 4), ""),
        ("four bits in one layer", ("bits", 4), "layer2"),
        ("bias dropped", ("bias", 0), "layer2"),
        ("weights of another layer", ("moved", 0), "layer2"),
    )
    for name, options, place in files:
        yield Fault(
            name,
            "quantization",
            row,
            (PARAMETERS, ACCEPTED, PARITY),
            plant="quantizers.quantized_file",
            into=into,
            options=options,
            place=place,
            rebuilt=COMPILED,
            quick=name == "weight scale by 0.97",
        )
    for source in ("timm", "mmcls", "ppcls"):
        others: Sequence[tuple[str, str, str, tuple[object, ...]]] = (
            ("calibrated on channels swapped", "calibration", "calibration", ("channels_swapped",)),
            ("per tensor quantized", "quantization", "quantizer", ("per_tensor",)),
            ("weight scale by 0.97", "quantization", "quantized_file", ("weights", 0.97)),
        )
        for name, kind, plant, options in others:
            yield Fault(
                f"{name}, {source}",
                kind,
                ROWS[source],
                (PARAMETERS, ACCEPTED, PARITY),
                plant=f"quantizers.{plant}",
                into=into,
                options=options,
                rebuilt=COMPILED,
            )
