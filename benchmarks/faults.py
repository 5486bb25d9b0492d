"""Known faults of int8 builds, which parity is to notice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class QuantizerFault:
    """One way in which a quantizer, or who feeds its model, goes wrong.

    Attributes:
        name: under which it is injected and reported.
        what: what goes wrong, in words.
        required: whether every model's parity must show it.
    """

    name: str
    what: str
    required: bool = True


SWAPPED_CHANNELS: Final = QuantizerFault("swapped channels", "the image comes as BGR")
"""The one that is in the image and not in the model."""

FAULTS: Final = (
    QuantizerFault("per-tensor weights", "all channels of a layer's weights have one scale"),
    QuantizerFault("zero point 0", "the image is stored as if it had no negative values"),
    QuantizerFault(
        "read with zero point 0", "the image is stored right and its zero point is forgotten"
    ),
    QuantizerFault("read with zero point 128", "the image is stored right and read as symmetric"),
    SWAPPED_CHANNELS,
    QuantizerFault("halved scale, late", "what the last layer reads clips at half its range"),
    QuantizerFault(
        "zero point 128", "the image is stored as if its range were symmetric", required=False
    ),
    QuantizerFault("halved scale, early", "what the second layer reads clips", required=False),
    QuantizerFault("halved scale, middle", "what the middle layer reads clips", required=False),
    QuantizerFault(
        "four bits, middle", "the middle convolution's weights have 15 levels", required=False
    ),
)
"""The last four are measured and not required, as they may rightly be small:

- The image's right zero point is 114: at 128 only the uppermost 14 of its 255 levels clip.
- One layer among 50 to 150 adds its noise to that of all others: at 17 dB, a fault that alone would
  stand at 36 dB takes 0.05 dB from the sum.
- Hardly a value lies in the upper half of a range that is the maximum over all calibration images.
"""
