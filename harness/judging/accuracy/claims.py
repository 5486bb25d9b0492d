"""A measured accuracy against the documented one: print, sampling, and what precision may cost.

A documented accuracy is a share of the full validation set. On the full set the measurement has to
lie within rounding and what is allowed. On a subset drawn from it at random there is a sampling
error as well, and three answers:

* does not conform: no full-set accuracy within rounding and allowance explains the hits;
* conforms: it explains them, and an accuracy further off by ``resolution`` would not;
* inconclusive: both would explain them.

Sampling is exact, without an approximation by the normal distribution: hypergeometric for images
drawn uniformly, binomial for images drawn by class. The latter is wider than need be: the hits of
a round of the classes are sums of independent draws with unequal chances, whose tails the binomial
bounds (Hoeffding, Annals of Mathematical Statistics 27, 1956).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from fractions import Fraction

from scipy.stats import beta, binom, hypergeom

from harness.judging.accuracy.risks import Risks
from harness.judging.verdicts import EXACT, conforms
from harness.records import Claim, Measurement, Outcome, Tolerance, Verdict

FULL_SET = 50_000
"""Images in the ILSVRC 2012 validation set, which the documented accuracies are measured on."""

RESOLUTION = Decimal(1)
"""Points beyond the tolerance that a subset must be able to see before it may confirm a claim. What
a wrong resize or normalization costs; about a tenth of the full set sees it."""

ABOVE = (
    "measured on an easier set than the claim's, on images seen in training or calibration, or "
    "with other weights than documented"
)
"""What usually makes a measurement exceed its claim."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How many of a set's images were evaluated, and how many of those were hits.

    Attributes:
        hits: images with the right answer.
        images: images evaluated, drawn at random.
        population: images of the set that the claim is about; equal to ``images``: all of them.
        stratified: drawn by class (:func:`draws.draw`), not uniformly (:func:`draws.shuffled`).

    Raises:
        ValueError: not 0 ≤ ``hits`` ≤ ``images``, 1 ≤ ``images`` ≤ ``population``.
    """

    hits: int
    images: int
    population: int = FULL_SET
    stratified: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.hits <= self.images and 1 <= self.images <= self.population):
            raise ValueError(
                f"hits = {self.hits}, images = {self.images}, population = {self.population}, "
                "expected 0 <= hits <= images, 1 <= images <= population"
            )

    @property
    def is_full(self) -> bool:
        """Whether nothing was left to chance."""
        return self.images == self.population

    @property
    def percent(self) -> float:
        """The accuracy on these images."""
        return float(100.0 * self.hits / self.images)  # counts may be NumPy's


def judge_claim(
    claim: Claim,
    sample: Sample,
    allowed: Tolerance = EXACT,
    *,
    risks: Risks | None = None,
    resolution: Decimal = RESOLUTION,
    cause: str = "",
) -> Verdict:
    """Hold an accuracy against its claim, in both directions.

    Args:
        claim: an accuracy in percent.
        sample: what was measured on the set that the claim is about, or a random part of it. It is
            for the caller to know that it is that set
            (:func:`harness.images.datasets.imagenet.validation_gap`).
        allowed: what precision and pipeline may cost, in points, with its reason.
        risks: ``alpha``, two-sided: an accuracy within rounding and allowance fails; ``beta``: one
            that is off by ``resolution`` more passes.
        resolution: see :data:`RESOLUTION`, in points; above 0.
        cause: the likely cause of too low an accuracy; too high a one has its own.

    Raises:
        ValueError: the claim is no percentage, or ``resolution`` is not positive.
    """
    risks = risks or Risks()
    if resolution <= 0:
        raise ValueError(f"resolution = {resolution}, expected more than 0 points")
    verdict = conforms(
        Measurement(claim.metric.value, sample.percent, claim.unit),
        claim,
        claim_tolerance(claim, sample, allowed, alpha=risks.alpha),
        cause=ABOVE if sample.percent > claim.figure.value else cause,
    )
    count = f"{sample.hits} of {sample.images} images"
    if sample.is_full:
        return Verdict(verdict.outcome, verdict.headline, (count, *verdict.details))
    count += f" drawn of {sample.population}, alpha {risks.alpha:g}"
    if verdict.outcome is not Outcome.CONFORMS:
        return Verdict(verdict.outcome, verdict.headline, (count, *verdict.details))
    low, high = _band(claim, allowed, beyond=resolution)
    if _excludes_outside(sample, low, high, risk=risks.beta):
        return Verdict(Outcome.CONFORMS, verdict.headline, (f"{count}, beta {risks.beta:g}",))
    more = _images_to_exclude(sample, low, high, risk=risks.beta) - sample.images
    return Verdict(
        Outcome.INCONCLUSIVE,
        verdict.headline,
        (
            count,
            f"an accuracy {resolution} points beyond rounding and allowance would not be noticed: "
            f"about {more} more images",
        ),
    )


def claim_tolerance(
    claim: Claim, sample: Sample, allowed: Tolerance = EXACT, *, alpha: float
) -> Tolerance:
    """Rounding of the print, plus what is allowed, plus sampling on the side of the measurement.

    Sampling reaches from the edge of the first two to the last count of hits that an accuracy at
    that edge explains, but for ``alpha`` / 2; rounded up to two digits. None on the full set.

    Raises:
        ValueError: the claim is no percentage.
    """
    parts = [("print", claim.figure.half_unit)]
    low, high = _band(claim, allowed)
    if not sample.is_full:
        below = sample.percent < claim.figure.value
        edge = low if below else high
        most = _most_hits(edge, sample, risk=alpha / 2.0, below=below)
        distance = edge - Fraction(most, sample.images)
        parts.append(("sampling", _points(max(distance if below else -distance, Fraction(0)))))
    return Tolerance((*parts, *allowed.parts), allowed.reason)


def accuracy_bounds(sample: Sample, *, risk: float) -> tuple[float, float]:
    """The least and the greatest full-set accuracy, in percent, that explain the hits.

    Each bound is one-sided: the accuracy lies beyond it with a probability of at most ``risk``.
    Clopper-Pearson for a stratified sample, its hypergeometric counterpart for a uniform one.
    """
    hits, images = sample.hits, sample.images
    if sample.is_full:
        return sample.percent, sample.percent
    if sample.stratified:
        low = float(beta.ppf(risk, hits, images - hits + 1)) if hits else 0.0
        high = float(beta.isf(risk, hits + 1, images - hits)) if hits < images else 1.0
        return 100.0 * low, 100.0 * high
    misses = Sample(images - hits, images, sample.population)
    fewest = _fewest_in_population(sample, risk=risk)
    most = sample.population - _fewest_in_population(misses, risk=risk)
    return 100.0 * fewest / sample.population, 100.0 * most / sample.population


def _band(
    claim: Claim, allowed: Tolerance, *, beyond: Decimal = Decimal(0)
) -> tuple[Fraction, ...]:
    """The accuracies, as shares, that rounding and allowance admit; within 0 to 1."""
    documented = claim.figure.value
    if documented > 100:
        raise ValueError(f"a claim of {documented} %, expected between 0 and 100")
    reach = claim.figure.half_unit + allowed.total + beyond
    low, high = (Fraction(documented + sign * reach) / 100 for sign in (-1, 1))
    return max(low, Fraction(0)), min(high, Fraction(1))


def _most_hits(edge: Fraction, sample: Sample, *, risk: float, below: bool) -> int:
    """The last count of hits, on one side, that an accuracy of ``edge`` explains."""
    if sample.stratified:
        chance = binom(sample.images, float(edge))
    else:
        exact = edge * sample.population
        right = math.floor(exact) if below else math.ceil(exact)
        chance = hypergeom(sample.population, right, sample.images)
    return int(chance.ppf(risk) if below else chance.isf(risk))


def _fewest_in_population(sample: Sample, *, risk: float) -> int:
    """The smallest number of hits in the population that explains as many hits as were found."""
    if not sample.hits:
        return 0
    low, high = sample.hits, sample.population - (sample.images - sample.hits)
    while low < high:
        middle = (low + high) // 2
        chance = hypergeom.sf(sample.hits - 1, sample.population, middle, sample.images)
        low, high = (low, middle) if chance > risk else (middle + 1, high)
    return low


def _excludes_outside(sample: Sample, low: Fraction, high: Fraction, *, risk: float) -> bool:
    """Whether no accuracy of ``low`` or less, or of ``high`` or more, explains the hits.

    An edge at 0 or 100 % has nothing outside.
    """
    least, greatest = accuracy_bounds(sample, risk=risk)
    return (least > 100 * low or low <= 0) and (greatest < 100 * high or high >= 1)


def _images_to_exclude(sample: Sample, low: Fraction, high: Fraction, *, risk: float) -> int:
    """The smallest number of images that would, if the share of hits stays; all, if no part."""
    enough, short = sample.population, sample.images
    while enough - short > 1:
        images = (enough + short) // 2
        hits = round(images * Fraction(sample.hits, sample.images))
        larger = Sample(hits, images, sample.population, sample.stratified)
        if _excludes_outside(larger, low, high, risk=risk):
            enough = images
        else:
            short = images
    return enough


def _points(share: Fraction) -> Decimal:
    """A share in points, rounded up to two digits, so that the bound it ends at is inside."""
    points = Decimal((100 * share).numerator) / Decimal((100 * share).denominator)
    if not points:
        return Decimal(0)
    return points.quantize(Decimal(1).scaleb(points.adjusted() - 1), rounding=ROUND_UP)
