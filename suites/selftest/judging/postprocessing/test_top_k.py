"""The k classes that are named are the right ones, in the right order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from postprocessing_reference import reference_softmax, reference_top_k

from harness.errors import MeasureError
from harness.judging.postprocessing.hits import Hits, count_hits
from harness.judging.postprocessing.ranking import top_k

Array = NDArray[np.generic]
TopK = Callable[[Array, int], Array]

quiet = settings(max_examples=60, deadline=None, derandomize=True, database=None)

few_values = arrays(
    np.float32, (3, 9), elements=st.sampled_from([-1.5, -0.0, 0.0, 1e-45, 2.0, 3e38])
)
distinct = st.permutations(range(11)).map(lambda order: np.array([order], np.float32) / 8)


def ours(logits: Array, k: int) -> Array:
    return top_k(logits, k=k).ids


def agrees(ranked: TopK, logits: Array, k: int) -> bool:
    """Whether it names what the reference names."""
    theirs = [reference_top_k([float(one) for one in image], k) for image in logits]
    return bool(np.array_equal(ranked(logits, k), theirs))


@quiet
@given(few_values, st.integers(1, 9), st.sampled_from([np.float16, np.float32, np.float64]))
def test_reference_agrees_on_many_ties(logits: Array, k: int, dtype: type) -> None:
    with np.errstate(over="ignore"):
        logits = np.clip(logits, -6e4, 6e4).astype(dtype)
    assert agrees(ours, logits, k)


def _backwards(logits: Array, k: int) -> Array:
    """The vendor's: sorted upwards, then read from the end, so the highest of equals is first."""
    return np.argsort(logits, axis=1, kind="stable")[:, ::-1][:, :k]


def _upwards(logits: Array, k: int) -> Array:
    return np.argsort(logits, axis=1, kind="stable")[:, :k]


def _by_size(logits: Array, k: int) -> Array:
    return top_k(np.abs(logits), k=k).ids


def _unsorted(logits: Array, k: int) -> Array:
    return np.sort(ours(logits, k), axis=1)


def _in_float16(logits: Array, k: int) -> Array:
    return top_k(logits.astype(np.float16), k=k).ids


def _one_too_low(logits: Array, k: int) -> Array:
    return ours(logits, k) - 1


def _by_probability(logits: Array, k: int) -> Array:
    """Sees no order among classes whose probability is 0."""
    probabilities = np.array([reference_softmax([float(one) for one in image]) for image in logits])
    return np.argsort(-probabilities, axis=1, kind="stable")[:, :k]


@pytest.mark.shows("softmax or ranking is wrong")
@pytest.mark.parametrize(
    "wrong",
    [_backwards, _upwards, _by_size, _unsorted, _in_float16, _one_too_low, _by_probability],
)
def test_reference_notices_what_is_wrong(wrong: TopK) -> None:
    logits = np.array([[2000.0, -1000.0, 2000.5, -900.0, 2000.5, 5.0]], np.float32)
    assert agrees(ours, logits, 6)
    assert not agrees(wrong, logits, 6)


def test_of_equal_logits_the_lowest_id_comes_first() -> None:
    assert ours(np.array([[0.0, 7.0, -0.0, 7.0, 0.0]]), 5).tolist() == [[1, 3, 0, 2, 4]]
    assert ours(np.zeros((1, 1000), np.float16), 5).tolist() == [[0, 1, 2, 3, 4]]


def test_probabilities_are_those_of_the_classes_named() -> None:
    ranking = top_k(np.array([[1.0, 3.0, 2.0]]), k=2)
    expected = reference_softmax([1.0, 3.0, 2.0])
    assert ranking.probabilities[0] == pytest.approx([expected[1], expected[2]], rel=1e-12)


@quiet
@given(distinct, st.permutations(range(11)))
def test_permuted_classes_are_named_by_their_new_ids(logits: Array, order: list[int]) -> None:
    renamed = np.array([order[one] for one in ours(logits[:, order], 11)[0]])
    assert np.array_equal(renamed, ours(logits, 11)[0])


@quiet
@given(few_values, st.integers(-64, 64))
def test_shifted_logits_are_ranked_alike(logits: Array, shift: int) -> None:
    eighths = np.round(np.clip(logits.astype(np.float64), -9, 9) * 8) / 8
    assert np.array_equal(ours(eighths + shift, 9), ours(eighths, 9))


@quiet
@given(few_values)
def test_an_image_alone_is_ranked_as_in_a_batch(logits: Array) -> None:
    alone = [ours(logits[image : image + 1], 5)[0] for image in range(3)]
    assert np.array_equal(alone, ours(logits, 5))


def test_more_classes_than_there_are_cannot_be_named() -> None:
    assert ours(np.zeros((1, 4)), 4).shape == (1, 4)
    with pytest.raises(MeasureError, match=r"a top-5 was asked for, but there are 4 classes \[r\]"):
        top_k(np.zeros((1, 4)), k=5, case="r")
    with pytest.raises(ValueError, match="k = 0"):
        top_k(np.zeros((1, 4)), k=0)


def test_nan_is_refused_before_it_is_ranked() -> None:
    with pytest.raises(MeasureError, match=r"image 1 \(n01440764/b.npz\) has NaN for class 0"):
        top_k(np.array([[1, 2], [np.nan, 0]]), k=1, images=["a.npz", "n01440764/b.npz"])


def test_hits_are_counted_first_and_anywhere() -> None:
    hits = count_hits([[3, 1], [2, 0], [1, 2], [0, 3]], [3, 0, 0, 0])
    assert hits == Hits(images=4, first=2, within=3, k=2)
    assert [(one.name, one.value) for one in hits.measurements()] == [("top1", 50), ("top2", 75)]


@pytest.mark.parametrize(
    ("ranked", "truth", "message"),
    [
        ([[1, 2]], [1, 2], "1 images are ranked, 2 have a class"),
        ([1, 2], [1, 2], r"the ranked classes are int64 of shape \(2,\)"),
        ([[1.0]], [1], "the ranked classes are float64"),
        ([[1]], [-1], "the true classes are int64"),
        (np.zeros((0, 5), int), np.zeros(0, int), "the ranked classes"),
    ],
)
def test_what_cannot_be_counted_is_refused(ranked: Array, truth: Array, message: str) -> None:
    with pytest.raises(MeasureError, match=message):
        count_hits(ranked, truth)
