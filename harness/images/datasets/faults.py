"""What can be wrong with a data set: many things at once, so they are collected, not raised."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """Kinds of faults, in the words of a report."""

    MALFORMED = "malformed"
    OUT_OF_RANGE = "class id out of range"
    OUT_OF_ORDER = "out of order"
    LISTED_TWICE = "listed twice"
    MISSING = "missing"
    EXTRA = "extra"
    UNREADABLE = "unreadable"
    DUPLICATED = "duplicated"
    TWO_CLASSES = "one picture in two classes"
    MISLABELLED = "another class than ImageNet's official one"
    EMPTY = "a class without images"
    TURNED = "EXIF turns it"
    CONFLICT = "already there with other content"
    INCOMPLETE = "not the validation set"


@dataclass(frozen=True, slots=True)
class DatasetFault:
    """One thing that is wrong: its kind, where (a path, or ``file:line``), and what was found."""

    kind: FaultKind
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.kind}: {self.text}"


def listed(faults: Iterable[DatasetFault]) -> str:
    """All faults, one a line, indented: the tail of an error."""
    return "".join(f"\n  {fault}" for fault in faults)
