"""A float export against its source framework: how far two correct float32 runs may differ.

The bound comes from arithmetic: the same network runs in float64 too, so the source framework's own
float32 error is *measured*, and the export may be a small multiple of that off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from harness.errors import MeasureError
from harness.judging.logits import paired
from harness.judging.parity import FLOAT32_EPS
from harness.judging.verdicts import Limit, Side, conforms
from harness.records import Measurement, Outcome, Verdict

FRAMEWORKS_AGREE = Decimal("3e-5")
"""Largest difference between frameworks over the largest logit. They differ by 1.9e-6 to 7.2e-6
on published weights, and by 3.3e-7 to 1.1e-5 (Swin) on seeded ones of 28 networks; with another
epsilon of the norms (1e-3) by 3e-2, with another padding of the first convolution by 0.13."""

FACTOR = 8.0
"""Times the source's own float32 error. Two correct runs that round differently lie up to twice
that error apart; another summation order, folded batch norms or a Winograd convolution cost up
to two bits more (measured between the frameworks here: 1.9e-6 to 7.2e-6 on logits of order 1)."""


COMPANY: Final = Decimal("1e-3")
"""Largest difference between answers to one image in several batches, over the logits' standard
deviation. float32 kernels that sum in another order for another batch leave 5e-6; int8 of ONNX
Runtime leaves nothing."""


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


def float_verdict(agreement: Agreement, tolerance: FloatTolerance) -> Verdict:
    """Whether an export computes the same as its source framework."""
    measured = Measurement("float_difference", agreement.max_abs, "logits")
    limit = Limit(Side.AT_MOST, Decimal(repr(tolerance.absolute)), tolerance.reason)
    cause = (
        f"largest at image {agreement.image}, class {agreement.class_index}. A difference on the "
        "first image alone points to batch statistics (training mode); one on all others, which "
        "run as a batch, to a batch size that tracing has fixed; one on all images to weights, "
        "layout or an operator"
    )
    return conforms(measured, limit, cause=cause)


def company_verdict(outputs: ArrayLike, batches: Sequence[Sequence[int]]) -> Verdict:
    """Whether images that ran in several batches were answered the same in each.

    Args:
        outputs: logits of shape (images of all batches, classes).
        batches: the images of each batch, by their positions.

    Raises:
        MeasureError: see :func:`agree`.
    """
    answers = np.asarray(outputs)
    first: dict[int, int] = {}
    repeated: list[tuple[int, int]] = []
    for place, image in enumerate(image for batch in batches for image in batch):
        if first.setdefault(image, place) != place:
            repeated.append((first[image], place))
    if not repeated:
        return Verdict(Outcome.CONFORMS, "no image ran in two batches")
    one, other = (list(places) for places in zip(*repeated, strict=True))
    return conforms(
        Measurement("difference_between_batches", agree(answers[one], answers[other]).relative),
        Limit(Side.AT_MOST, COMPANY, "of one image's logits, over their standard deviation"),
        cause="answers depend on the other images of a batch",
    )


def framework_verdict(theirs: ArrayLike, own: ArrayLike, other: str) -> Verdict:
    """Whether two frameworks give the same for the same network and weights.

    Args:
        theirs, own: logits of shape (images, classes).
        other: what ``theirs`` is of, for the reason.

    Raises:
        MeasureError: the two cannot be compared.
    """
    agreement = agree(theirs, own)
    relative = agreement.max_abs / float(np.abs(theirs).max())
    return conforms(
        Measurement("relative_difference", relative),
        Limit(Side.AT_MOST, FRAMEWORKS_AGREE, f"between float32 frameworks, against {other}"),
        cause="a layer, its padding, its order or its weights differ between the sources",
    )
