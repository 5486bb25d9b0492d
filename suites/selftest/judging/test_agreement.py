"""A float export may be off by what float32 costs its source framework, and by no more."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.errors import MeasureError
from harness.judging.agreement import agree, float_tolerance
from harness.judging.parity import FLOAT32_EPS

LAYERS = 12


def network(dtype: type[np.floating], *, order: int = 1) -> NDArray[np.generic]:
    """A chain of random layers; ``order`` -1 sums each product the other way round."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=(6, 64)).astype(dtype)
    for _ in range(LAYERS):
        weights = (rng.normal(size=(64, 64)) / 8.0).astype(dtype)
        products = values[:, ::order, None] * weights[None, ::order, :]
        values = np.cumsum(products, axis=1, dtype=dtype)[:, -1]
    return values


def test_another_summation_order_agrees() -> None:
    bound = float_tolerance(network(np.float32), network(np.float64))
    other = agree(network(np.float32), network(np.float32, order=-1))
    assert 0.0 < other.max_abs <= bound.absolute


def test_float16_does_not_agree() -> None:
    bound = float_tolerance(network(np.float32), network(np.float64))
    assert agree(network(np.float32), network(np.float16)).max_abs > 10 * bound.absolute


def test_the_bound_never_falls_below_one_rounding() -> None:
    exact = network(np.float32)
    bound = float_tolerance(exact, exact)
    assert bound.absolute == pytest.approx(FLOAT32_EPS * np.abs(exact).max())


def test_the_largest_difference_is_located_and_related_to_the_spread() -> None:
    reference = network(np.float64)
    candidate = reference.copy()
    candidate[4, 9] += 0.25
    found = agree(reference, candidate)
    assert (found.image, found.class_index) == (4, 9)
    assert found.max_abs == pytest.approx(0.25)
    assert found.relative == pytest.approx(0.25 / np.std(reference.astype(float)))


def test_a_reference_of_one_number_is_refused() -> None:
    with pytest.raises(MeasureError, match="one and the same number"):
        agree(np.ones((3, 4)), np.ones((3, 4)))


def test_nan_is_refused_by_half() -> None:
    candidate = network(np.float32).copy()
    candidate[2, 1] = np.nan
    with pytest.raises(MeasureError, match="the candidate holds NaN in image 2"):
        agree(network(np.float32), candidate)


def test_senseless_options_are_refused() -> None:
    with pytest.raises(ValueError, match="factor = 0"):
        float_tolerance(network(np.float32), network(np.float64), factor=0.5)
