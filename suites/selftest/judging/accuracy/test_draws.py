"""Images are drawn by seed, spread over the classes, the same on every machine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import MeasureError
from harness.judging.accuracy.draws import draw, shuffled

BALANCED = np.tile(np.arange(100), 5)
PINNED_DRAW = [8774, 43269, 43988, 19013, 29464]
PINNED_SHUFFLE = [18617, 13999, 41284, 48365, 48231]
quiet = settings(max_examples=30, deadline=None, derandomize=True)


def most_uneven(labels: np.ndarray, order: np.ndarray) -> float:
    """By how many images some class ever is away from its share of a prefix."""
    onehot = labels[order][:, None] == np.unique(labels)
    share = np.arange(1, len(order) + 1)[:, None] * onehot.mean(axis=0)
    return float(np.abs(onehot.cumsum(axis=0) - share).max())


def test_every_prefix_is_spread_over_the_classes() -> None:
    assert most_uneven(BALANCED, draw(BALANCED, 500, seed=1)) <= 1.0


def test_a_uniform_order_is_not_stratified() -> None:
    assert most_uneven(BALANCED, shuffled(500, seed=1)) > 1.0


@quiet
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(0, 9), st.booleans())
def test_a_longer_draw_extends_a_shorter_one(labels: list[int], seed: int, equal: bool) -> None:
    whole = draw(labels, len(labels), seed=seed, equal=equal)
    assert sorted(whole) == list(range(len(labels)))
    for count in range(1, len(labels)):
        assert draw(labels, count, seed=seed, equal=equal).tolist() == whole[:count].tolist()


@quiet
@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(0, 9))
def test_no_class_is_far_from_its_share_whatever_the_sizes(labels: list[int], seed: int) -> None:
    assert most_uneven(np.array(labels), draw(labels, len(labels), seed=seed)) <= 3.0


def test_equal_shares_take_as_many_of_a_small_class_as_of_a_large_one() -> None:
    labels = np.repeat([0, 1], [90, 10])
    assert np.bincount(labels[draw(labels, 20, seed=0, equal=True)]).tolist() == [10, 10]
    assert np.bincount(labels[draw(labels, 20, seed=0)]).tolist() == [18, 2]


def test_the_draw_is_pinned() -> None:
    labels = np.arange(50_000) % 1000
    assert draw(labels, 5, seed=0).tolist() == PINNED_DRAW
    assert shuffled(50_000, seed=0)[:5].tolist() == PINNED_SHUFFLE


def test_another_seed_draws_other_images() -> None:
    first, second = (set(draw(BALANCED, 100, seed=seed).tolist()) for seed in (0, 1))
    assert len(first & second) < 50


@pytest.mark.parametrize("first", ["draw", "shuffled"])
def test_every_image_is_as_likely_as_any_other(first: str) -> None:
    orders = [
        draw([0, 0, 0, 1, 1, 1], 2, seed=seed) if first == "draw" else shuffled(6, seed=seed)[:2]
        for seed in range(3000)
    ]
    drawn = np.bincount(np.concatenate(orders), minlength=6)
    assert np.abs(drawn - 1000).max() < 4 * 26  # standard deviations of a binomial


@pytest.mark.parametrize("labels", [[0.0, 1.0], [[0, 1]], ["a"]])
def test_labels_that_are_no_class_ids_are_refused(labels: list[object]) -> None:
    with pytest.raises(MeasureError, match="expected whole numbers in one dimension"):
        draw(labels, 1, seed=0)


@pytest.mark.parametrize("count", [0, 4])
def test_more_images_than_there_are_cannot_be_drawn(count: int) -> None:
    with pytest.raises(MeasureError, match=f"{count} images are to be drawn of 3"):
        draw([0, 1, 2], count, seed=0)
