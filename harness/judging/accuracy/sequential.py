"""int8 against fp32, image after image in random order, until the verdict stands.

Two bets run side by side. One is against "the margin is lost" (the loss is at least ``points``),
the other against "nothing is wrong" (it is at most ``acceptable``). A bet starts with 1 and, in a
look at k further images, is multiplied for each of them by

    1 + stake · (mean - d)      d = 1: lost, -1: gained, 0: no difference

``mean`` is what the images not yet seen have on average if the hypothesis just holds: all that is
missing to its total over all that is missing. It and the stake are fixed before the look. If the
hypothesis is true, the look multiplies the bet by at most 1 on average:

* k images drawn at random, without replacement, from those not yet seen: the factors are a random
  k-subset of non-negative numbers whose average is at most 1, and by Maclaurin's inequality the
  expected product is at most 1 to the k;
* one image of every class, each class as large as any other (a round of :func:`draws.draw`): a
  product of expectations whose average is at most 1, so at most 1 by the inequality of means.

So each bet is a non-negative supermartingale, and by Ville's inequality it ever reaches 1/risk
with at most that probability. This holds after any number of looks, however the run was stopped,
and for every share of images that differ: nothing about it is assumed. Waudby-Smith and Ramdas,
"Estimating means of bounded random variables by betting" (JRSS B 86, 2024), section 5.

The stake (:mod:`betting`) decides only how soon. It is the one that makes the bet grow fastest if
the other hypothesis just holds, and as many images differ as did so far.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import MeasureError
from harness.judging.accuracy.betting import growth
from harness.judging.accuracy.pairs import Floats
from harness.judging.accuracy.risks import Margin
from harness.judging.accuracy.wording import NAME, Observation, outcome_of, worded
from harness.records import Verdict

LOOK = 50
"""Images between two looks. Fewer save half a look on average, and cost time in simulations."""

PRIOR_IMAGES, PRIOR_DIFFERENT = 200.0, 6.0
"""The share of images that differ, before any was seen: 3 % (2.5 % on MobileNetV2, 1300 images),
as if found in 200 images. It may be wrong by any factor; that costs images and no risk."""

_FORECAST_LOOKS = 400


@dataclass(frozen=True, slots=True, eq=False)
class SequentialEvidence:
    """Where one run stands, or many of them side by side; arrays of one shape, () for one run.

    Attributes:
        images: how many were seen.
        losses, gains: images that fp32, or int8, alone gets right.
        against_lost: logarithm of the bet against "the margin is lost".
        against_good: logarithm of the bet against "no more than acceptable is lost".
        passes, fails: what was decided; at most one, and it stays, until all images are known.
        decided_at: after how many images; 0 while undecided.
    """

    images: int
    losses: Floats
    gains: Floats
    against_lost: Floats
    against_good: Floats
    passes: NDArray[np.bool_]
    fails: NDArray[np.bool_]
    decided_at: NDArray[np.int64]

    @property
    def undecided(self) -> NDArray[np.bool_]:
        """Which runs go on."""
        return ~(self.passes | self.fails)

    def only(self, runs: NDArray[np.bool_]) -> SequentialEvidence:
        """Some of the runs."""
        return SequentialEvidence(
            self.images,
            self.losses[runs],
            self.gains[runs],
            self.against_lost[runs],
            self.against_good[runs],
            self.passes[runs],
            self.fails[runs],
            self.decided_at[runs],
        )


def start(shape: tuple[int, ...] = ()) -> SequentialEvidence:
    """No image seen yet."""
    zeros, no = np.zeros(shape), np.zeros(shape, bool)
    return SequentialEvidence(0, zeros, zeros, zeros, zeros, no, no, np.zeros(shape, np.int64))


def look(
    evidence: SequentialEvidence,
    losses: ArrayLike,
    gains: ArrayLike,
    *,
    images: int,
    margin: Margin,
    population: int,
) -> SequentialEvidence:
    """Take in the next images and decide where the verdict stands now.

    Args:
        evidence: of the images before.
        losses, gains: among the further images, in the shape of the evidence. Fractions are taken
            too (:func:`images_to_go` walks an average path).
        images: how many further images. They are the next ones of an order chosen at random,
            or else whole rounds of a stratified one; see above.
        margin: the same for all looks of a run.
        population: how many images there are in all. With the last of them the answer is exact.

    Raises:
        MeasureError: more images than there are, or more of them differ than there are.
    """
    lost, won = np.asarray(losses, np.float64), np.asarray(gains, np.float64)
    seen = evidence.images + images
    if images < 1 or seen > population:
        raise MeasureError(
            f"{images} images after {evidence.images} of {population}, "
            f"expected from 1 to {population - evidence.images}"
        )
    if not ((lost >= 0) & (won >= 0) & (lost + won <= images)).all():
        raise MeasureError(f"more images are lost or gained than the {images} that were seen")
    differ = evidence.losses + evidence.gains
    rate = (differ + PRIOR_DIFFERENT) / (evidence.images + PRIOR_IMAGES)
    unseen, net = population - evidence.images, evidence.losses - evidence.gains
    if_lost = (population * margin.share - net) / unseen
    if_good = (population * margin.acceptable_share - net) / unseen
    same = images - lost - won
    against_lost = evidence.against_lost + growth(if_lost, if_good, rate, (lost, won, same))
    against_good = evidence.against_good + growth(-if_good, -if_lost, rate, (won, lost, same))
    total_lost, total_won = evidence.losses + lost, evidence.gains + won
    if seen == population:
        passes = np.asarray(total_lost - total_won < margin.caught_from(population))
        fails = ~passes
    else:
        passes = evidence.passes | (~evidence.fails & (against_lost >= -np.log(margin.risks.beta)))
        fails = evidence.fails | (~passes & (against_good >= -np.log(margin.risks.alpha)))
    decided_at = np.where(evidence.undecided & (passes | fails), seen, evidence.decided_at)
    return SequentialEvidence(
        seen, total_lost, total_won, against_lost, against_good, passes, fails, decided_at
    )


def follow(
    differences: ArrayLike, *, margin: Margin, population: int, every: int = LOOK
) -> SequentialEvidence:
    """Look at images one after the other, up to the one that decides or to their end.

    The same images in the same order give the same evidence, however the run was interrupted.

    Args:
        differences: fp32's hit minus int8's of each image: 1 lost, -1 gained, 0 neither; in the
            order of evaluation, which must be random (:func:`draws.shuffled`).
        margin: what may be lost, and the risks.
        population: how many images there are in all.
        every: images between two looks.

    Raises:
        MeasureError: a difference is none of the three, or there are more than ``population``.
    """
    steps = np.asarray(differences)
    if steps.ndim != 1 or steps.dtype.kind not in "iu" or not np.isin(steps, (-1, 0, 1)).all():
        raise MeasureError(
            f"the differences are {steps.dtype} of shape {steps.shape}, "
            "expected -1, 0 or 1 in one dimension"
        )
    evidence = start()
    for first in range(0, steps.size, every):
        part = steps[first : first + every]
        evidence = look(
            evidence,
            (part == 1).sum(),
            (part == -1).sum(),
            images=part.size,
            margin=margin,
            population=population,
        )
        if not evidence.undecided:
            break
    return evidence


def images_to_go(evidence: SequentialEvidence, *, margin: Margin, population: int) -> int:
    """How many more images one undecided run takes if losses and gains go on as they came.

    At most all that are left; from the prior and no loss where no image was seen yet.
    """
    prior = 0.0 if evidence.images else PRIOR_DIFFERENT / PRIOR_IMAGES / 2.0
    seen = max(evidence.images, 1)
    lost, won = evidence.losses / seen + prior, evidence.gains / seen + prior
    ahead, step = evidence, max(1, population // _FORECAST_LOOKS)
    while ahead.undecided and ahead.images < population:
        k = min(step, population - ahead.images)
        ahead = look(ahead, lost * k, won * k, images=k, margin=margin, population=population)
    return ahead.images - evidence.images


def judge_sequential(
    evidence: SequentialEvidence,
    margin: Margin,
    *,
    population: int,
    name: str = NAME,
    cause: str = "",
) -> Verdict:
    """Where one run stands, as a verdict; undecided is inconclusive.

    Args:
        evidence: of :func:`follow` or :func:`look`, with ``margin`` and ``population``.
        name: of the measurement.
        cause: the likely cause, told where it does not conform.
    """
    seen = f"after {evidence.images} of {population}"
    odds = (
        f"{_odds(evidence.against_lost)} to 1 against a loss of the margin, "
        f"{_odds(evidence.against_good)} to 1 against an acceptable one"
    )
    exact = evidence.images == population
    finding = Observation(
        int(evidence.losses),
        int(evidence.gains),
        evidence.images,
        f"all of {population}" if exact else f"{seen}, {odds}",
        more=images_to_go(evidence, margin=margin, population=population),
        exact=exact,
    )
    outcome = outcome_of(passes=bool(evidence.passes), fails=bool(evidence.fails))
    return worded(outcome, finding, margin, name=name, cause=cause)


def _odds(logarithm: Floats) -> str:
    return f"{float(np.exp(np.minimum(logarithm, 20.0))):.2g}"
