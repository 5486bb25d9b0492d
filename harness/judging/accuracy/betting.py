"""Stakes: how a bet on the mean of d in (1, -1, 0) grows fastest.

A bet against "the mean is at least ``null``" is multiplied, for each image, by
1 + stake · (null - d).
"""

from __future__ import annotations

import numpy as np
from scipy.special import xlog1py

from harness.judging.accuracy.pairs import Floats

MOST_STAKE = 0.95
"""Of the stake that would lose all on one image: a bet must survive a single surprise."""


def growth(
    null: Floats, alternative: Floats, rate: Floats, counts: tuple[Floats, Floats, Floats]
) -> Floats:
    """By how much the logarithm of a bet against a mean of at least ``null`` grows in one look.

    Args:
        null: the mean of d that is bet against; arrays of one shape, as all that follow.
        alternative: the smaller mean that the stake is best for.
        rate: the share of images with d other than 0 that it is best for.
        counts: how many images had d = 1, -1 and 0.

    Returns:
        Infinity where ``null`` is 1 or more, as no more images have such a mean; 0 where it is -1
        or less, as all of them do.
    """
    possible = np.abs(null) < 1.0
    mean = np.where(possible, null, 0.0)
    stake = np.where(possible, _stake(mean, alternative, rate, most=MOST_STAKE), 0.0)
    return np.where(null >= 1.0, np.inf, _log_product(stake, mean, counts))


def fastest_growth(null: float, *, loss: float, discordance: float) -> float:
    """By how much the best bet against mean ``null`` grows an image, in nats; all are shares.

    Known loss, known discordance, images drawn with replacement. It is also how little any model
    of mean ``null``, whatever its discordance, can differ from this one (Kullback-Leibler), so no
    test whatsoever tells them apart sooner. 0 where ``loss`` is ``null``.
    """
    # A bet against a smaller mean is one against a larger mean with the halves swapped.
    side = 1.0 if loss < null else -1.0
    mean, toward, rate = np.asarray([[side * null], [side * loss], [discordance]])
    stake = _stake(mean, toward, rate, most=1.0)
    up, down = (rate + toward) / 2.0, (rate - toward) / 2.0
    return float(_log_product(stake, mean, (up, down, 1.0 - rate))[0])


def _stake(null: Floats, alternative: Floats, rate: Floats, *, most: float) -> Floats:
    """The stake of fastest growth against mean ``null``, if the mean is ``alternative``.

    The derivative of E log(1 + stake · (null - d)), over d in (1, -1, 0) with the rates up, down
    and rest, is zero where a · stake² + b · stake + c = 0, and c is positive: the root taken is
    the first one above 0.
    """
    toward = np.clip(alternative, -1.0, 1.0)
    differ = np.clip(rate, np.abs(toward), 1.0)
    up, down, rest = (differ + toward) / 2.0, (differ - toward) / 2.0, 1.0 - differ
    on_up, on_down, on_rest = null - 1.0, null + 1.0, null
    a = on_up * on_down * on_rest
    b = (
        up * on_up * (on_down + on_rest)
        + down * on_down * (on_up + on_rest)
        + rest * on_rest * (on_up + on_down)
    )
    c = null - toward
    root = np.sqrt(np.maximum(b * b - 4.0 * a * c, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        best = 2.0 * c / (root - b)
    return np.clip(np.nan_to_num(best, nan=0.0, posinf=np.inf), 0.0, most / (1.0 - null))


def _log_product(stake: Floats, mean: Floats, counts: tuple[Floats, Floats, Floats]) -> Floats:
    """The logarithm of the product of 1 + stake · (mean - d) over images with d = 1, -1 and 0."""
    up, down, same = counts
    return np.asarray(
        xlog1py(up, stake * (mean - 1.0))
        + xlog1py(down, stake * (mean + 1.0))
        + xlog1py(same, stake * mean)
    )
