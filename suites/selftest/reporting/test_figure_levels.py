"""A figure's levels are found in noise, and noise is taken for none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.reporting.levels import steps

NOISE = np.random.default_rng(0).normal(0, 0.05, 200)


def test_a_level_is_found_in_noise_at_its_run() -> None:
    values = 17 + NOISE - 0.6 * (np.arange(200) >= 120)
    assert steps("centred_sqnr", "dB", values.tolist()) == [120]


def test_two_levels_are_two_steps_and_one_that_returns_is_two_too() -> None:
    level = np.repeat([17.0, 15.0, 17.0], [60, 60, 80])
    assert steps("centred_sqnr", "dB", (level + NOISE).tolist()) == [60, 120]


def test_noise_alone_is_no_step() -> None:
    for seed in range(50):
        noise = np.random.default_rng(seed).normal(0, 0.1, 100)
        found = steps("centred_sqnr", "dB", (17 + noise).tolist())
        assert [place for place in found if place < 99] == []


def test_a_drift_below_the_noise_from_run_to_run_is_found_where_it_adds_up() -> None:
    """Each run is within 0.3 dB of the one before; the level is not."""
    values = np.concatenate([np.full(30, 17.0), np.linspace(17, 15, 12), np.full(30, 15.0)])
    assert steps("centred_sqnr", "dB", (values + NOISE[:72]).tolist()) != []


def test_one_run_that_stands_alone_is_no_level() -> None:
    values = [17.0, 17.0, 17.1, 12.0, 17.0, 17.1, 17.0]
    assert steps("centred_sqnr", "dB", values) == []


def test_the_last_run_is_told_before_anybody_knows_whether_it_stays() -> None:
    assert steps("centred_sqnr", "dB", [17.0, 17.1, 17.0, 17.1, 17.0, 15.0]) == [5]


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ([17.0], []),
        ([17.0, 15.0], [1]),
        ([17.0, 17.0, 15.0], [2]),
        ([17.0] * 6, []),
        ([17.0, 17.0, math.nan, 17.0, 17.0, 17.0], [2, 3]),
    ],
)
def test_few_figures_and_no_numbers_are_told_one_by_one(
    values: list[float], places: list[int]
) -> None:
    assert steps("centred_sqnr", "dB", values) == places
