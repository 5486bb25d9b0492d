"""int8 against fp32 on a number of images chosen beforehand: passes, fails, or cannot tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from harness.judging.accuracy.pairs import (
    CONFIDENCE,
    PairedCounts,
    loss_interval,
    mcnemar_p,
    score,
)
from harness.judging.accuracy.risks import Margin
from harness.judging.accuracy.wording import NAME, Observation, outcome_of, worded
from harness.records import Verdict

Bools = NDArray[np.bool_]

_ENDLESS = 2**40


def judge_fixed(
    counts: PairedCounts,
    margin: Margin,
    *,
    population: int | None,
    name: str = NAME,
    cause: str = "",
) -> Verdict:
    """Hold what int8 loses against the margin, on images whose number was chosen beforehand.

    Args:
        counts: of all images that were evaluated.
        margin: what may be lost, and the risks.
        population: see :func:`decide`. A set that is no part of another one has None.
        name: of the measurement.
        cause: the likely cause, told where it does not conform.

    Raises:
        MeasureError: there is no image.
    """
    low, high = loss_interval(counts, population=population)
    losses, gains, images = counts.losses, counts.gains, counts.images
    passes, fails = decide(losses, gains, images, margin=margin, population=population)
    exact = images == population
    evidence = f"McNemar p = {mcnemar_p(losses, gains):.3g}"
    if not exact:
        evidence += f", {CONFIDENCE:.0%} interval {low:.2f} to {high:.2f} points"
    needed = images_needed(
        loss=(losses - gains) / images,
        discordance=(losses + gains) / images,
        margin=margin,
        population=population,
    )
    more = max(needed - images, 1)
    finding = Observation(losses, gains, images, evidence, more=more, exact=exact)
    outcome = outcome_of(passes=bool(passes), fails=bool(fails))
    return worded(outcome, finding, margin, name=name, cause=cause)


def decide(
    losses: ArrayLike, gains: ArrayLike, images: int, *, margin: Margin, population: int | None
) -> tuple[Bools, Bools]:
    """Where the margin is not lost, and where more than is acceptable is; at most one of them.

    With all images of the population the answer is exact: the margin is lost or not. On a part, a
    loss below the margin passes even where it is surely above what is acceptable.

    Args:
        losses, gains: images that only one half gets right, arrays of one shape.
        images: how many were evaluated.
        population: of how many they were drawn without replacement; None is an endless number.

    Raises:
        ValueError: ``images`` is not within 1 to ``population``.
    """
    if images == population:
        passes = np.asarray(np.subtract(losses, gains) < margin.caught_from(images))
        return passes, ~passes
    lost = score(losses, gains, images, loss=margin.share, population=population)
    kept = score(losses, gains, images, loss=margin.acceptable_share, population=population)
    passes = np.asarray(lost <= -norm.isf(margin.risks.beta))
    return passes, ~passes & (kept >= norm.isf(margin.risks.alpha))


def images_needed(
    *, loss: float, discordance: float, margin: Margin, population: int | None
) -> int:
    """The smallest number of images that decides, if loss and discordance are these shares."""
    lost, won = (discordance + loss) / 2.0, (discordance - loss) / 2.0
    enough, short = population or _ENDLESS, 0
    while enough - short > 1:
        images = (enough + short) // 2
        passes, fails = decide(
            lost * images, won * images, images, margin=margin, population=population
        )
        enough, short = (images, short) if passes | fails else (enough, images)
    return enough
