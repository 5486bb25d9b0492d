"""Known faults of int8 builds, which parity has to notice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a quantizer, or who feeds its model, goes wrong.

    Attributes:
        name: under which it is injected and reported.
        required: whether each model's figures must show it.
        reason: what goes wrong; where it is not required, also why not.
    """

    name: str
    required: bool
    reason: str


FAULTS: Final = (
    Fault("per-tensor weights", True, "one scale for all channels of a layer's weights"),
    Fault("halved scale, early", True, "the first layer's output clips at half its range"),
    Fault("halved scale, middle", True, "the same in the middle"),
    Fault("halved scale, late", True, "the same at the last layer"),
    Fault("zero point 0", True, "the image is stored as if it had no negative values"),
    Fault("zero point 128", True, "the image is stored as if its range were symmetric"),
    Fault("read with zero point 0", True, "the image is stored right and read without offset"),
    Fault("read with zero point 128", True, "the image is stored right and read as symmetric"),
    Fault("four bits, middle", True, "one layer's weights have 16 levels"),
    Fault("swapped channels", True, "the image comes as BGR"),
)
