"""Photographs under wrong labels."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.mobilenet_zoo import TORCHVISION
from benchmarks.planted.faults.fault import ACCURACY, LOSS, Fault


def label_faults() -> Iterator[Fault]:
    """Faults of a data set's list of labels."""
    edits = (
        *("shifted_by_one", "shifted_from_the_middle", "sorted_as_text", "sorted_by_name"),
        "of_other_images",
    )
    for edit in edits:
        yield Fault(
            f"labels {edit.replace('_', ' ')}",
            "labels",
            TORCHVISION,
            (ACCURACY, LOSS),
            labels=edit,
            marks="accuracy",
        )
