"""How far a measured accuracy may lie from the documented one: print, sampling, precision."""

from __future__ import annotations

import math
from decimal import ROUND_UP, Decimal

from harness.judging.verdicts import EXACT
from harness.records import Claim, Tolerance

FULL_SET = 50_000
"""Images in the ILSVRC 2012 validation set, which the documented accuracies are measured on."""

DEVIATIONS = 3.0
"""Standard deviations of the sampling error to allow: 0.27 % of honest runs lie further off."""


def claim_tolerance(
    claim: Claim,
    allowed: Tolerance = EXACT,
    *,
    images: int,
    full_set: int = FULL_SET,
    deviations: float = DEVIATIONS,
) -> Tolerance:
    """Rounding of the print, plus sampling from ``images`` of the full set, plus what is allowed.

    Args:
        claim: an accuracy in percent.
        allowed: what precision and pipeline may cost, in points, with its reason.
        images: how many images were evaluated, drawn from the full set at random.
        full_set: how many images the claim was measured on.
        deviations: see :data:`DEVIATIONS`.

    Raises:
        ValueError: ``images`` is not between 1 and ``full_set``, or the claim is no percentage.
    """
    parts = [("print", claim.figure.half_unit)]
    if sampling := sampling_error(
        float(claim.figure.value), images=images, full_set=full_set, deviations=deviations
    ):
        parts.append(("sampling", sampling))
    return Tolerance((*parts, *allowed.parts), allowed.reason)


def sampling_error(
    percent: float, *, images: int, full_set: int = FULL_SET, deviations: float = DEVIATIONS
) -> Decimal:
    """The sampling error of a share in points, rounded up to two digits; 0 on the full set.

    ``deviations`` times the standard error of a share drawn without replacement (Cochran,
    Sampling Techniques, 3rd ed., eq. 3.8). A claim of 0 or 100 % is taken as one image away from
    it: a set of ``images`` cannot show less.

    Raises:
        ValueError: ``images`` is not between 1 and ``full_set``, or ``percent`` not in 0..100.
    """
    if not 1 <= images <= full_set:
        raise ValueError(f"images = {images}, expected between 1 and {full_set}")
    if not 0.0 <= percent <= 100.0:
        raise ValueError(f"a share of {percent} %, expected between 0 and 100")
    if images == full_set:
        return Decimal(0)
    share = min(max(percent / 100.0, 1.0 / (images + 1)), 1.0 - 1.0 / (images + 1))
    correction = (full_set - images) / (full_set - 1)
    points = 100.0 * deviations * math.sqrt(share * (1.0 - share) / images * correction)
    exact = Decimal(points)
    return exact.quantize(Decimal(1).scaleb(exact.adjusted() - 1), rounding=ROUND_UP)
