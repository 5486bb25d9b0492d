"""Only images on which the halves differ count, and they count exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import xlogy
from scipy.stats import multinomial, norm

from harness.errors import MeasureError
from harness.judging.accuracy.pairs import (
    PairedCounts,
    count_pairs,
    loss_interval,
    mcnemar_p,
    score,
)

MOBILENET = PairedCounts(both=1003, losses=15, gains=17, neither=265)
quiet = settings(max_examples=50, deadline=None, derandomize=True)
few = st.integers(0, 12)


def test_each_image_falls_into_one_of_four() -> None:
    fp32, int8 = [True, True, False, False, True], [True, False, True, False, True]
    assert count_pairs(fp32, int8) == PairedCounts(both=2, losses=1, gains=1, neither=1)


@pytest.mark.parametrize(
    ("fp32", "int8"),
    [
        ([1.0, math.nan], [True, True]),
        ([1, 0], [True, True]),
        ([], []),
        ([[True]], [[True]]),
        ([True], [True, True]),
    ],
)
def test_hits_that_are_no_booleans_of_the_same_images_are_refused(
    fp32: list[object], int8: list[object]
) -> None:
    with pytest.raises(MeasureError, match=r"fp32"):
        count_pairs(fp32, int8)


@quiet
@given(few, few)
def test_mcnemar_agrees_with_tossing_every_coin(losses: int, gains: int) -> None:
    tosses = losses + gains
    ways = [math.comb(tosses, k) for k in range(tosses + 1)]
    as_rare = sum(way for way in ways if way <= math.comb(tosses, losses))
    assert mcnemar_p(losses, gains) == pytest.approx(as_rare / 2**tosses)


@quiet
@given(few, few, st.integers(1, 40), st.floats(-0.6, 0.6))
def test_the_score_agrees_with_searching_the_likeliest_rate(
    losses: int, gains: int, agreeing: int, loss: float
) -> None:
    images = losses + gains + agreeing
    gain_rates = np.linspace(max(0.0, -loss), (1.0 - loss) / 2.0, 200_001)
    rates = np.stack([gain_rates + loss, gain_rates, 1.0 - 2.0 * gain_rates - loss])
    counts = np.array([losses, gains, agreeing])[:, None]
    best = gain_rates[xlogy(counts, np.maximum(rates, 0.0)).sum(axis=0).argmax()]
    variance = images * (2.0 * best + loss - loss * loss)
    if variance > 1e-2:
        expected = (losses - gains - images * loss) / math.sqrt(variance)
        found = score(losses, gains, images, loss=loss, corrected=False)
        assert float(found) == pytest.approx(expected, abs=2e-2, rel=1e-2)


@quiet
@given(few, few, st.integers(1, 200))
def test_swapping_the_halves_mirrors_the_interval(losses: int, gains: int, rest: int) -> None:
    low, high = loss_interval(PairedCounts(rest, losses, gains, 0))
    mirrored = loss_interval(PairedCounts(rest, gains, losses, 0))
    assert mirrored == pytest.approx((-high, -low), abs=1e-6)
    assert low <= 100 * (losses - gains) / (losses + gains + rest) <= high


def test_the_interval_ends_where_the_score_excludes() -> None:
    low, high = loss_interval(MOBILENET)
    assert (round(low, 2), round(high, 2)) == (-1.15, 0.82)
    for end, sign in ((low, 1), (high, -1)):
        assert float(score(15, 17, 1300, loss=end / 100)) == pytest.approx(sign * norm.isf(0.025))


def test_the_interval_of_all_images_is_one_number() -> None:
    assert loss_interval(MOBILENET, population=1300) == (MOBILENET.loss_points,) * 2
    part, endless = loss_interval(MOBILENET, population=2600), loss_interval(MOBILENET)
    assert endless[0] < part[0] < MOBILENET.loss_points < part[1] < endless[1]


def covered(loss: float, rate: float, images: int, interval: object) -> float:
    """The exact probability that an interval covers the loss."""
    up, down = (rate + loss) / 2, (rate - loss) / 2
    total = 0.0
    for losses in range(16):
        for gains in range(16):
            counts = [losses, gains, images - losses - gains]
            low, high = interval(PairedCounts(counts[2], losses, gains, 0))  # type: ignore[operator]
            if low - 1e-9 <= 100 * loss <= high + 1e-9:
                total += multinomial.pmf(counts, images, [up, down, 1 - rate])
    return total


def unscored(counts: PairedCounts) -> tuple[float, float]:
    """The wrong interval: the observed variance, which vanishes where nothing differs."""
    differ = counts.losses + counts.gains
    half = 196.0 * math.sqrt(differ) / counts.images
    return counts.loss_points - half, counts.loss_points + half


@pytest.mark.parametrize(("loss", "rate"), [(0.0, 0.02), (0.02, 0.03), (0.01, 0.01)])
def test_the_interval_covers_as_often_as_it_says(loss: float, rate: float) -> None:
    assert covered(loss, rate, 100, loss_interval) >= 0.95


def test_an_interval_from_the_observed_variance_does_not() -> None:
    assert covered(0.01, 0.01, 100, unscored) < 0.7


@pytest.mark.parametrize(("loss", "images"), [(1.0, 10), (math.nan, 10), (0.0, 0), (0.0, 11)])
def test_a_score_of_nothing_is_refused(loss: float, images: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        score(1, 0, images, loss=loss, population=10)


def test_no_image_has_no_interval() -> None:
    empty = PairedCounts(0, 0, 0, 0)
    assert math.isnan(empty.loss_points)
    with pytest.raises(MeasureError, match="without an image"):
        loss_interval(empty)
