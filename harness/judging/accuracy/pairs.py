"""int8 against fp32, image by image: only those count that one half gets right and the other not.

Loss is always fp32 minus int8: positive where int8 is worse. A paired test sees half a point with
a fraction of the images of an unpaired one, because the halves agree on all but a few percent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.stats import binomtest, norm

from harness.errors import MeasureError

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
"""Of the two-sided interval that is shown with a loss."""


@dataclass(frozen=True, slots=True)
class PairedCounts:
    """How often which half was right.

    Attributes:
        both, neither: images on which the halves agree.
        losses: images that fp32 alone gets right.
        gains: images that int8 alone gets right.
    """

    both: int
    losses: int
    gains: int
    neither: int

    @property
    def images(self) -> int:
        """All images."""
        return self.both + self.losses + self.gains + self.neither

    @property
    def loss_points(self) -> float:
        """fp32 minus int8, in points; NaN where there was no image."""
        return 100.0 * (self.losses - self.gains) / self.images if self.images else math.nan


def count_pairs(fp32: ArrayLike, int8: ArrayLike, *, case: str = "") -> PairedCounts:
    """Count from the hits of both halves on the same images in the same order.

    Args:
        fp32: whether the answer was right, shape (images,), bool.
        int8: likewise.
        case: named in the error.

    Raises:
        MeasureError: a half is not bool (a NaN has no place here), or the shapes differ, or there
            is no image.
    """
    ours, theirs = np.asarray(fp32), np.asarray(int8)
    for name, half in (("fp32", ours), ("int8", theirs)):
        if half.dtype.kind != "b" or half.ndim != 1 or not half.size:
            raise MeasureError(
                f"the hits of {name} are {half.dtype} of shape {half.shape}, "
                "expected bool in one dimension, at least one",
                case=case,
            )
    if ours.size != theirs.size:
        raise MeasureError(f"{ours.size} images in fp32, {theirs.size} in int8", case=case)
    both, losses = int((ours & theirs).sum()), int((ours & ~theirs).sum())
    gains = int((~ours & theirs).sum())
    return PairedCounts(both, losses, gains, ours.size - both - losses - gains)


def mcnemar_p(losses: int, gains: int) -> float:
    """The exact two-sided p-value of "neither half is better" (McNemar 1947, binomial form).

    1 where the halves never differ.
    """
    discordant = losses + gains
    return float(binomtest(losses, discordant).pvalue) if discordant else 1.0


def score(
    losses: ArrayLike,
    gains: ArrayLike,
    images: int,
    *,
    loss: float,
    population: int | None = None,
    corrected: bool = True,
) -> Floats:
    """How many standard errors the observed loss lies above ``loss`` (a share): Tango's score.

    The variance is that of the most likely discordance given ``loss``, so it does not vanish where
    no image differs. Tango, Statistics in Medicine 17 (1998) 891-908. scipy has nothing for paired
    shares, and statsmodels only McNemar's test. Images drawn without replacement from
    ``population`` vary less, see :func:`finite_share`; None is an endless one.

    Args:
        corrected: for continuity, half a step of losses - gains towards 0 given their sum: as in
            McNemar's test, and for the same reason: the stated risk is then hardly ever exceeded.

    Returns:
        The shape of ``losses``. 0 where nothing differs and nothing was expected to.

    Raises:
        ValueError: ``loss`` is not strictly between -1 and 1, or ``images`` not within 1 to
            ``population``.
    """
    if not -1.0 < loss < 1.0:
        raise ValueError(f"a loss of {loss}, expected a share between -1 and 1")
    finite = finite_share(images, population)
    lost, won = np.asarray(losses, np.float64), np.asarray(gains, np.float64)
    beyond = lost - won - images * loss
    if corrected:
        beyond = np.sign(beyond) * np.maximum(np.abs(beyond) - 1.0, 0.0)
    linear = (2.0 * images - lost + won) * loss - lost - won
    root = np.sqrt(np.square(linear) + 8.0 * images * won * loss * (1.0 - loss))
    gain_rate = (root - linear) / (4.0 * images)
    variance = finite * images * np.maximum(2.0 * gain_rate + loss * (1.0 - loss), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = beyond / np.sqrt(variance)
    return np.where(beyond == 0.0, 0.0, value)


def loss_interval(
    counts: PairedCounts, *, confidence: float = CONFIDENCE, population: int | None = None
) -> tuple[float, float]:
    """The losses, in points, that the score does not exclude; two-sided.

    Exact, and one number, where all images of the population are known. Not to be used on a run
    that was stopped by what it showed.

    Raises:
        MeasureError: there is no image.
    """
    if not counts.images:
        raise MeasureError("a loss has no interval without an image")
    if counts.images == population:
        return counts.loss_points, counts.loss_points
    bound = float(norm.isf((1.0 - confidence) / 2.0))

    def excess(loss: float, sign: int) -> float:
        found = score(counts.losses, counts.gains, counts.images, loss=loss, population=population)
        return float(found) - sign * bound

    edge, seen = 1.0 - 1e-9, counts.loss_points / 100.0
    seen = min(max(seen, -edge), edge)
    low = brentq(excess, -edge, seen, args=(1,)) if excess(-edge, 1) > 0 else -1.0
    high = brentq(excess, seen, edge, args=(-1,)) if excess(edge, -1) < 0 else 1.0
    return 100.0 * low, 100.0 * high


def finite_share(images: int, population: int | None) -> float:
    """The variance of a share without replacement, over that with replacement (Cochran, 2.4).

    Raises:
        ValueError: ``images`` is not within 1 to ``population``.
    """
    if images < 1 or (population is not None and images > population):
        raise ValueError(f"images = {images}, expected from 1 to {population or 'any number'}")
    if population is None:
        return 1.0
    return (population - images) / (population - 1) if population > 1 else 0.0
