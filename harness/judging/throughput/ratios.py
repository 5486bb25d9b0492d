"""How many times as fast one subject is as another, and how sure that is.

Subjects are tested in turns, round by round. Of the logarithms of their ratios a fifth is cut off
at either end: a neighbour's burst of work that hits the one and not the other is no property of a
model. The rest has a mean and a spread. For the difference of two such means there is Yuen's
interval (Biometrika 61 (1974) 165-170), which without cutting is Welch's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.stats import t as student

from harness.errors import MeasureError
from harness.judging.accuracy.risks import ALPHA

TRIMMED = 0.2  # share of the rounds, at either end; the usual one with Yuen's interval
LEAST_ROUNDS = 3  # fewer have no spread to speak of


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as fast one subject is as another, from rounds in which both were tested.

    Attributes:
        value: exponential of the trimmed mean logarithm.
        spread: of the logarithm between rounds: the standard deviation that ``rounds`` rounds
            without any cut off would need for a mean as uncertain.
        rounds: their number, those cut off included.
    """

    value: float
    spread: float
    rounds: int

    @property
    def variance(self) -> float:
        """Of the mean logarithm."""
        return self.spread**2 / self.rounds

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the variance."""
        return _kept(self.rounds) - 1

    def noise(self) -> float:
        """Half the width of the interval of the logarithm, with probability 1 - ALPHA."""
        return _half(self.variance, self.freedom)


def paired_ratio(subject: Sequence[float], other: Sequence[float], *, case: str = "") -> Ratio:
    """The ratio of two subjects' speeds, round by round.

    Raises:
        MeasureError: there are too few rounds, not as many of both, or a speed is not above 0.
    """
    if len(subject) != len(other) or len(subject) < LEAST_ROUNDS:
        raise MeasureError(
            f"{len(subject)} and {len(other)} rounds, expected as many of both and at least "
            f"{LEAST_ROUNDS}",
            case=case,
        )
    if not all(0 < speed < math.inf for speed in (*subject, *other)):
        raise MeasureError(f"speeds {list(subject)}, {list(other)}: not all above 0", case=case)
    logarithms = sorted(math.log(one / two) for one, two in zip(subject, other, strict=True))
    rounds = len(logarithms)
    kept = _kept(rounds)
    cut = (rounds - kept) // 2
    inner = logarithms[cut : cut + kept]
    winsorized = [inner[0]] * cut + inner + [inner[-1]] * cut
    scale = math.sqrt(rounds * (rounds - 1) / (kept * (kept - 1)))
    return Ratio(math.exp(fmean(inner)), stdev(winsorized) * scale, rounds)


def difference_noise(now: Ratio, before: Ratio) -> float:
    """Half the width of Yuen's interval for the difference of the trimmed mean logarithms."""
    variance = now.variance + before.variance
    parts = sum(one.variance**2 / one.freedom for one in (now, before))
    return _half(variance, variance**2 / parts if parts else math.inf)


def _kept(rounds: int) -> int:
    return rounds - 2 * int(TRIMMED * rounds)


def _half(variance: float, freedom: float) -> float:
    return float(student.ppf(1 - ALPHA / 2, freedom)) * math.sqrt(variance)
