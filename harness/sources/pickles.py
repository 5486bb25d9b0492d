"""What a pickle would have its reader do, counted before anybody does it."""

from __future__ import annotations

import pickletools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

MOST_OPERATIONS: Final = 1_000_000
"""Of one pickle; a network of a thousand tensors takes about 30,000, and its optimizer as many
twice. An operation of one byte can make an object of 60."""


class PickledBytes(Protocol):
    """What a pickle is read from: a file, or a mapping, which reads no more than is there."""

    def read(self, n: int = ..., /) -> bytes: ...
    def readline(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class PickleOutline:
    """What a pickle calls, and the last text before each call for the first time: its name."""

    calls: Mapping[str, str]


def outline(source: PickledBytes) -> PickleOutline:
    """Go through one pickle, up to its end; the source stands behind it then.

    Raises:
        ValueError: it is none, it is cut off, or has more operations than any checkpoint.
    """
    calls: dict[str, str] = {}
    last = ""
    for count, (operation, argument, _) in enumerate(pickletools.genops(source), 1):  # type: ignore[arg-type]
        if count > MOST_OPERATIONS:
            raise ValueError(f"more than {MOST_OPERATIONS:,} operations in a pickle")
        if operation.name == "GLOBAL":
            calls.setdefault(str(argument).replace(" ", "."), last)
        elif isinstance(argument, str):
            last = argument
    return PickleOutline(calls)
