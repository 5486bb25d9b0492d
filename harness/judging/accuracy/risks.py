"""What a verdict may cost: a loss that must be caught, one that must not be flagged, how surely."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

ALPHA = 0.01
"""Probability that a good model is flagged. A page of 29 rows is judged at once, so the usual 5 %
would flag one or two of them every night."""

BETA = 0.05
"""Probability that a model which loses the whole margin passes."""

MLPERF_SHARE = Decimal("0.01")
"""Share of fp32's accuracy that may be lost: MLPerf Inference, the 99 % rule."""


@dataclass(frozen=True, slots=True)
class Risks:
    """The two ways to be wrong.

    Attributes:
        alpha: probability of a false alarm.
        beta: probability of a missed loss.

    Raises:
        ValueError: one of them is not between 0 and 0.5.
    """

    alpha: float = ALPHA
    beta: float = BETA

    def __post_init__(self) -> None:
        for name, risk in (("alpha", self.alpha), ("beta", self.beta)):
            if not 0.0 < risk < 0.5:
                raise ValueError(f"{name} = {risk}, expected between 0 and 0.5")


@dataclass(frozen=True, slots=True)
class Margin:
    """How much int8 may lose against fp32, in points (percent of the images).

    Between ``acceptable`` and ``points`` either verdict is right. The wider that zone, the fewer
    images a verdict takes. In acceptance sampling the two are the acceptable and the rejectable
    quality level (ISO 2859-1, 3.1.26 and ISO 28591).

    Attributes:
        points: a model that loses this much must be caught, but for ``risks.beta``.
        acceptable: one that loses no more than this must not be flagged, but for ``risks.alpha``.
        rule: where the margin comes from, for the verdict; "" where it was simply chosen.

    Raises:
        ValueError: not 0 ≤ ``acceptable`` < ``points`` ≤ 100.
    """

    points: Decimal
    acceptable: Decimal = Decimal(0)
    risks: Risks = Risks()
    rule: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.acceptable < self.points <= 100:
            raise ValueError(
                f"acceptable = {self.acceptable}, points = {self.points}, "
                "expected 0 <= acceptable < points <= 100"
            )

    def __str__(self) -> str:
        return f"{self.points.normalize():f} points" + (f" ({self.rule})" if self.rule else "")

    @property
    def share(self) -> float:
        """``points`` as a share of the images."""
        return float(self.points / 100)

    @property
    def acceptable_share(self) -> float:
        """``acceptable`` as a share of the images."""
        return float(self.acceptable / 100)

    def caught_from(self, population: int) -> int:
        """The smallest net loss, in images, that must be caught when all images are known."""
        return math.ceil(Fraction(self.points) * population / 100)


def relative_margin(
    fp32_percent: Decimal, *, share: Decimal = MLPERF_SHARE, risks: Risks | None = None
) -> Margin:
    """A margin that is a share of fp32's published accuracy.

    >>> relative_margin(Decimal("79.00")).points
    Decimal('0.7900')
    """
    rule = f"{(100 * share).normalize():f} % of fp32's {fp32_percent} %"
    return Margin(fp32_percent * share, risks=risks or Risks(), rule=rule)
