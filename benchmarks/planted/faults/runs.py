"""Runs that answer something else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks.planted.faults.fault import (
    ACCEPTED,
    FLOAT,
    NO_SLOWER,
    PARITY,
    ROWS,
    RUN,
    SAME,
    Fault,
)

BRIEF: Final = ("--throughput", "--rounds=3", "--round-seconds=0.5")


def run_faults() -> Iterator[Fault]:
    """Faults of sessions, in int8 and in fp32."""
    row, into = ROWS["torchvision"], "onnxruntime"
    edits = (
        *("batch_reversed", "batch_mixed", "stale", "last_lost", "softmax", "one_not_a_number"),
        *("classes_shifted", "rounded"),
    )
    for edit in edits:
        yield Fault(
            f"{edit.replace('_', ' ')} in int8 runs",
            "run",
            row,
            (PARITY, ACCEPTED),
            plant="sessions.session",
            into=into,
            options=(edit, "int8"),
            rebuilt=RUN,
            quick=edit == "stale",
        )
        yield Fault(
            f"{edit.replace('_', ' ')} in fp32 runs",
            "run",
            row,
            (SAME, FLOAT),
            plant="sessions.session",
            into=into,
            failures=2,  # of two ONNX files
            options=(edit, "fp32"),
            rebuilt=RUN,
        )
    for source in ("timm", "mmcls", "ppcls"):
        yield Fault(
            f"classes shifted in int8 runs, {source}",
            "run",
            ROWS[source],
            (PARITY, ACCEPTED),
            plant="sessions.session",
            into=into,
            options=("classes_shifted", "int8"),
            rebuilt=RUN,
        )
    yield Fault(
        "waiting in int8 runs",
        "throughput",
        row,
        (NO_SLOWER,),
        plant="sessions.session",
        into=into,
        options=("waiting", "int8"),
        marks="throughput",
        given=BRIEF,
    )
