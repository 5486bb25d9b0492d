"""A float export against its source framework: how far two correct float32 runs may differ.

The bound comes from arithmetic. Where the source framework can also run in float64, its own
float32 error is *measured* and the export may be a small multiple of that off. Where it cannot,
the bound is *printed*: one rounding a layer, each of the size of the largest logit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from harness.errors import MeasureError
from harness.judging.logits import paired
from harness.judging.parity import FLOAT32_EPS
from harness.records import Measurement

FACTOR = 8.0
"""Times the source's own float32 error. Two correct runs that round differently lie up to twice
that error apart; another summation order, folded batch norms or a Winograd convolution cost up
to two bits more (measured between the frameworks here: 1.9e-6 to 7.2e-6 on logits of order 1)."""


@dataclass(frozen=True, slots=True)
class FloatTolerance:
    """The largest permitted absolute difference, in logits, and how it came about."""

    absolute: float
    reason: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a float candidate is from its reference.

    Attributes:
        max_abs: largest absolute difference, in logits.
        relative: the same over the standard deviation of the reference's logits.
        image: where the largest difference stands.
        class_index: and in which class.
    """

    max_abs: float
    relative: float
    image: int
    class_index: int

    def measurements(self, **conditions: str) -> tuple[Measurement, ...]:
        """The two figures under the names that tolerances use."""
        return (
            Measurement("float_difference", self.max_abs, "logits", conditions),
            Measurement("relative_float_difference", self.relative, "", conditions),
        )


def float_tolerance(
    reference32: ArrayLike, reference64: ArrayLike, *, factor: float = FACTOR, case: str = ""
) -> FloatTolerance:
    """The bound from the source framework's own float32 error on these very inputs.

    ``factor * max|reference32 - reference64|``, but no less than one rounding of the largest
    logit, ``eps * max|reference64|``: a float32 output cannot be held to less.

    Args:
        reference32: logits of the source framework in float32, shape (images, classes).
        reference64: logits of the same network and inputs in float64.
        factor: see :data:`FACTOR`.
        case: named in the error.

    Raises:
        MeasureError: see :func:`harness.judging.logits.paired`.
        ValueError: ``factor`` is below 1.
    """
    if not factor >= 1.0:
        raise ValueError(f"factor = {factor}, expected at least 1")
    single, double = paired(reference32, reference64, case=case)
    deviation = float(np.abs(single - double).max())
    floor = FLOAT32_EPS * float(np.abs(double).max())
    absolute = max(factor * deviation, floor)
    return FloatTolerance(
        absolute,
        f"{factor:g} times the source's own float32 error {deviation:.2g}, at least {floor:.2g}",
    )


def printed_tolerance(reference: ArrayLike, *, layers: int, case: str = "") -> FloatTolerance:
    """The bound where no float64 run is to be had: ``layers * eps * max|reference|``.

    The first-order error bound of a chain of ``layers`` roundings (Higham, Accuracy and Stability
    of Numerical Algorithms, 2nd ed., section 3.1, with u = eps), scaled by the largest logit. The
    inner products' own roundings, which mostly cancel, are left out.

    Args:
        reference: logits of shape (images, classes).
        layers: layers with weights on the longest path.
        case: named in the error.

    Raises:
        MeasureError: see :func:`harness.judging.logits.paired`.
        ValueError: ``layers`` is not positive.
    """
    if layers < 1:
        raise ValueError(f"layers = {layers}, expected a positive number")
    logits, _ = paired(reference, reference, case=case)
    scale = float(np.abs(logits).max())
    return FloatTolerance(
        layers * FLOAT32_EPS * scale,
        f"{layers} layers, each float32's eps {FLOAT32_EPS:.3g} of the largest logit {scale:.3g}",
    )


def agree(reference: ArrayLike, candidate: ArrayLike, *, case: str = "") -> Agreement:
    """The largest difference between two float halves of shape (images, classes).

    Raises:
        MeasureError: see :func:`harness.judging.logits.paired`; or all of the reference's logits
            are one number, so that agreement with it says nothing.
    """
    reference, candidate = paired(reference, candidate, case=case)
    spread = float(reference.std())
    if spread <= FLOAT32_EPS * float(np.abs(reference).max()):
        raise MeasureError("all of the reference's logits are one and the same number", case=case)
    difference = np.abs(candidate - reference)
    image, class_index = np.unravel_index(int(difference.argmax()), difference.shape)
    largest = float(difference.max())
    return Agreement(largest, largest / spread, int(image), int(class_index))
