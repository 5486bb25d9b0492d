"""How far the outputs of a right backend may be from what is right, and from each other.

All in *spacings*: the distance between two neighbouring numbers of the precision, at the largest
logit. So one figure serves every network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SPACING: Mapping[str, float] = {
    "fp32": 2.0**-23,  # IEEE 754-2019, binary32 and binary16
    "fp16": 2.0**-10,
    "bf16": 2.0**-7,
    "int8": 2.0 / 255,  # of a range that is symmetric about zero
}
"""Of numbers of a precision, relative to their size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a backend may be off, in spacings.

    Attributes:
        exact: the largest difference from float64.
        finest: the smallest difference from float64: what is closer was computed in a finer
            precision. 0 where there is none.
        batch: between an image alone and the same in a batch, at any place.
        repeat: between two runs of the same on the same machine; 0 is equality bit for bit.
    """

    exact: float
    finest: float
    batch: float
    repeat: float = 0.0


BOUNDS: Mapping[str, Bounds] = {
    "fp32": Bounds(exact=16.0, finest=0.0, batch=16.0),
    "fp16": Bounds(exact=8.0, finest=0.125, batch=4.0),
    "bf16": Bounds(exact=8.0, finest=0.125, batch=4.0),
    "int8": Bounds(exact=16.0, finest=0.125, batch=2.0),
}
"""The suite's own.

``exact``: a handful of layers, each of one rounding, give a few spacings. ``finest``: rounding the
logits alone gives a quarter and more. ``batch``: another summation order for another number of
images may round otherwise; a statistic over the batch would be far beyond. An int8 value that lies
between two levels may fall to the other side, which a later layer turns into one level of the
output.
"""


def spacings(difference: npt.ArrayLike, *, precision: str, largest: float) -> float:
    """The largest absolute value of a difference, in spacings at the largest logit.

    NaN anywhere gives NaN, which is within no bound.
    """
    most = float(np.abs(np.asarray(difference, dtype=np.float64)).max(initial=0.0))
    return most / (SPACING[precision] * largest)
