"""Runs that answer something else."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.planted.faults.fault import ACCEPTED, FLOAT, PARITY, ROWS, RUN, SAME, Fault


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
            options=(edit, "fp32"),
            rebuilt=RUN,
        )
