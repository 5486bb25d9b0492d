"""Whether the counts of a row go together at all: operations for each parameter."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from harness.records import Claim, Metric, Row

FEWEST_PER_PARAMETER: Final = 2
MOST_PER_PARAMETER: Final = 10_000
"""Multiply-accumulates for each parameter, of networks that classify images.

From 6 (LeNet on 28 px) and 12 (AlexNet) over 160 (ResNet-50) to 1,100 (MaxViT at 512 px). A unit
that is off by a thousand leads out of these bounds from anywhere within.
"""

_USUAL: Final = {Metric.PARAMS: (4 * 10**5, 10**10), Metric.MACS: (10**7, 10**13)}
"""From SqueezeNet's halves to the largest ViT: outside, a figure is not wrong but suspect."""


def unit_of(claim: Claim) -> Fraction:
    """The number that a claim's unit stands for."""
    return Fraction(claim.value) / Fraction(claim.figure.value)


def per_parameter(row: Row) -> Fraction | None:
    """Documented multiply-accumulates for each documented parameter; None without both."""
    operations, params = row.operations, row.claim(Metric.PARAMS)
    if operations is None or params is None or not operations.value or not params.value:
        return None
    factor = 2 if operations.metric is Metric.FLOPS else 1
    return Fraction(operations.value) / factor / Fraction(params.value)


def is_plausible(row: Row) -> bool:
    """Whether the counts may go together; a row without both says nothing against it."""
    ratio = per_parameter(row)
    return ratio is None or FEWEST_PER_PARAMETER <= ratio <= MOST_PER_PARAMETER


def suspect(row: Row) -> Claim:
    """Which of two counts that do not go together is likely the wrong one.

    The one that is far from what networks have; where that tells nothing, the operations.

    Raises:
        ValueError: the row does not have both.
    """
    operations, params = row.operations, row.claim(Metric.PARAMS)
    if operations is None or params is None:
        raise ValueError(f"{row.id} does not document both operations and parameters")
    unusual = [claim for claim in (operations, params) if not _is_usual(claim)]
    return unusual[0] if len(unusual) == 1 else operations


def _is_usual(claim: Claim) -> bool:
    least, most = _USUAL[Metric.PARAMS if claim.metric is Metric.PARAMS else Metric.MACS]
    return least <= claim.value <= most
