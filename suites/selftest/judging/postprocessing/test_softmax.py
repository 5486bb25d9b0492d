"""Softmax is what its definition says, for every output a network can give."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from postprocessing_reference import reference_softmax

from harness.errors import MeasureError
from harness.judging.postprocessing.softmax import softmax

Array = NDArray[np.generic]
Softmax = Callable[[Array], Array]

quiet = settings(max_examples=60, deadline=None, derandomize=True, database=None)

RELATIVE = 1e-12
"""Of a probability. Differences of float32 logits are rounded in float64 to 1.1e-16 of themselves,
and those that matter are below 745: 8e-14 in the exponent, once here and once in the reference."""

ABSOLUTE = 1e-300
"""Below it float64 loses digits one by one; no file with eight decimals can show it."""

LARGEST32, LARGEST16, TINY32 = 3.4028234e38, 65504.0, 1e-45

EDGES = [
    [0.0, -0.0, 0.0],
    [LARGEST32, -LARGEST32, LARGEST32],
    [LARGEST16, LARGEST16 - 32, -LARGEST16],
    [1000.0, 999.0, 998.0],
    [-1000.0, -1001.0, -1745.0],
    [TINY32, -TINY32, 0.0],
    [0.0, -744.0, -746.0],
    [100.0, 88.8, 11.0],
]

outputs = arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 12)),
    elements=st.floats(-200, 200, width=32)
    | st.floats(width=32, allow_nan=False).filter(np.isfinite),
)
eighths = arrays(np.float64, (3, 9), elements=st.integers(-400, 400).map(lambda whole: whole / 8))


def worst(ours: Softmax, logits: Array) -> float:
    """The largest difference from the reference, in what is allowed."""
    theirs = np.array([reference_softmax([float(one) for one in image]) for image in logits])
    with np.errstate(all="ignore"):
        difference = np.abs(ours(logits) - theirs) / (RELATIVE * theirs + ABSOLUTE)
    return float(np.max(np.nan_to_num(difference, nan=np.inf)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("logits", EDGES)
def test_reference_agrees_on_zeros_huge_and_tiny_logits(logits: list[float], dtype: type) -> None:
    assert worst(softmax, np.array([logits], dtype)) <= 1


@quiet
@given(outputs)
def test_reference_agrees_on_any_float32(logits: Array) -> None:
    assert worst(softmax, logits) <= 1


@quiet
@given(arrays(np.float16, (2, 6), elements=st.floats(-60000, 60000, width=16)))
def test_reference_agrees_on_any_float16(logits: Array) -> None:
    assert worst(softmax, logits) <= 1


def _unshifted(logits: Array) -> Array:
    powers = np.exp(logits.astype(np.float64))
    return powers / powers.sum(axis=1, keepdims=True)


def _in_float32(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _over_images(logits: Array) -> Array:
    return softmax(logits.T).T


def _by_powers_of_two(logits: Array) -> Array:
    return softmax(logits * np.float32(np.log(2)))


def _shifted_by_one_maximum(logits: Array) -> Array:
    powers = np.exp(logits.astype(np.float64) - logits.max())
    return powers / powers.sum(axis=1, keepdims=True)


def _twice(logits: Array) -> Array:
    return softmax(softmax(logits))


@pytest.mark.shows("softmax or ranking is wrong")
@pytest.mark.parametrize(
    "wrong",
    [_unshifted, _in_float32, _over_images, _by_powers_of_two, _shifted_by_one_maximum, _twice],
)
def test_reference_notices_what_is_wrong(wrong: Softmax) -> None:
    logits = np.array([[1000.0, 999.0, 998.25], [0.5, -0.25, 0.125]], np.float32)
    assert worst(softmax, logits) <= 1
    assert worst(wrong, logits) > 2


@quiet
@given(outputs)
def test_probabilities_sum_to_one(logits: Array) -> None:
    probabilities = softmax(logits)
    assert probabilities.dtype == np.float64
    assert np.all((probabilities >= 0) & (probabilities <= 1))
    assert np.allclose(probabilities.sum(axis=1), 1, rtol=0, atol=1e-14)


@quiet
@given(eighths, st.integers(-1000, 1000))
def test_a_shift_of_all_logits_changes_nothing(logits: Array, shift: int) -> None:
    assert np.array_equal(softmax(logits + shift), softmax(logits))  # eighths add exactly


@quiet
@given(outputs)
def test_a_larger_logit_is_never_less_probable(logits: Array) -> None:
    probabilities = softmax(logits)
    order = np.argsort(logits, axis=1)
    assert np.all(np.diff(np.take_along_axis(probabilities, order, axis=1), axis=1) >= 0)


@quiet
@given(outputs, st.randoms(use_true_random=False))
def test_permuted_classes_have_permuted_probabilities(logits: Array, random: object) -> None:
    order = list(range(logits.shape[1]))
    random.shuffle(order)  # type: ignore[attr-defined]
    ours, theirs = softmax(logits[:, order]), softmax(logits)[:, order]
    assert np.allclose(ours, theirs, rtol=1e-14, atol=0)  # the sum is rounded in another order


@quiet
@given(outputs)
def test_an_image_alone_has_the_probabilities_it_has_in_a_batch(logits: Array) -> None:
    together = softmax(logits)
    for image in range(len(logits)):
        assert np.array_equal(softmax(logits[image : image + 1])[0], together[image])


@pytest.mark.parametrize(
    ("value", "what"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity"), (1e39, "1e")]
)
def test_what_is_no_number_is_refused_by_image_and_class(value: float, what: str) -> None:
    logits = np.zeros((4, 6))
    logits[2, 5] = logits[3, 1] = value
    with pytest.raises(MeasureError, match=rf"image 2 \(c\) has {what}.* for class 5.*2 of 4 im"):
        softmax(logits, images=list("abcd"))
    with pytest.raises(MeasureError, match=r"image 2 has .* \[zoo/row\]"):
        softmax(logits, case="zoo/row")


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (np.zeros(5), r"shape \(5,\), expected \(images, classes\)"),
        (np.zeros((2, 3, 1)), r"shape \(2, 3, 1\)"),
        (np.zeros((0, 5)), r"shape \(0, 5\)"),
        (np.zeros((5, 0)), r"shape \(5, 0\)"),
        (np.zeros((1, 2), complex), "complex128, not real"),
        (np.array([["1", "2"]]), "not real numbers"),
    ],
)
def test_what_are_no_outputs_is_refused(outputs: Array, message: str) -> None:
    with pytest.raises(MeasureError, match=message):
        softmax(outputs)
