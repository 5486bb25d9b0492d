"""A run may stop at any look, and the risks are still those that were stated."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, norm

from benchmarks.rates import Scenario, sequential_rates
from harness.errors import MeasureError
from harness.judging.accuracy.betting import fastest_growth
from harness.judging.accuracy.draws import shuffled
from harness.judging.accuracy.risks import Margin, Risks
from harness.judging.accuracy.sequential import (
    SequentialEvidence,
    follow,
    images_to_go,
    judge_sequential,
    look,
    start,
)
from harness.records import Outcome

HALF = Margin(Decimal("0.5"))
WIDE = Margin(Decimal(40), Decimal(10), Risks(alpha=0.2, beta=0.3))
MODELS = 400
quiet = settings(max_examples=40, deadline=None, derandomize=True)
small = st.lists(st.sampled_from([1, 0, -1]), min_size=2, max_size=6)


def after(
    values: tuple[int, ...], margin: Margin, population: int, every: int
) -> SequentialEvidence:
    return follow(values, margin=margin, population=population, every=every)


def bets(orders: Iterator[tuple[int, ...]], population: int, every: int) -> np.ndarray:
    """Both bets, on average over the orders, however far the run got."""
    found = [after(order, WIDE, population, every) for order in orders]
    return np.mean([[np.exp(one.against_lost), np.exp(one.against_good)] for one in found], axis=0)


@quiet
@given(small, st.integers(1, 3), st.integers(1, 5))
def test_a_bet_on_what_is_false_never_grows_on_average(
    values: list[int], every: int, seen: int
) -> None:
    population, net = len(values), sum(values)
    prefixes = (order[: min(seen, population - 1)] for order in permutations(values))
    against_lost, against_good = bets(prefixes, population, every)
    if net >= 0.4 * population:
        assert against_lost <= 1 + 1e-9
    if net <= 0.1 * population:
        assert against_good <= 1 + 1e-9


def test_a_bet_on_what_is_true_grows() -> None:
    against_lost, _ = bets((order[:4] for order in permutations([0, 0, 0, 0, 0, 1])), 6, 1)
    assert against_lost > 1.2


@quiet
@given(
    st.lists(st.lists(st.sampled_from([1, 0, -1]), min_size=2, max_size=2), min_size=2, max_size=4)
)
def test_whole_rounds_of_the_classes_are_as_fair(classes: list[list[int]]) -> None:
    population, net = 2 * len(classes), sum(map(sum, classes))
    against_lost, against_good = bets(product(*classes), population, len(classes))
    if net >= 0.4 * population:
        assert against_lost <= 1 + 1e-9
    if net <= 0.1 * population:
        assert against_good <= 1 + 1e-9


def test_the_risks_hold_in_every_order_of_small_sets() -> None:
    population = 7
    for losses in range(population + 1):
        for gains in range(population + 1 - losses):
            passed, failed = decided_shares(losses, gains, population)
            if losses - gains >= WIDE.caught_from(population):
                assert passed <= WIDE.risks.beta
            if losses - gains <= 0.1 * population:
                assert failed <= WIDE.risks.alpha


def decided_shares(losses: int, gains: int, population: int) -> np.ndarray:
    """Of all orders, how many pass and how many fail before the last image."""
    places = set(range(population))
    found = []
    for lost in combinations(places, losses):
        for won in combinations(places - set(lost), gains):
            order = np.zeros(population, np.int64)
            order[list(lost)], order[list(won)] = 1, -1
            evidence = after(tuple(order[:-1]), WIDE, population, 1)
            found.append((bool(evidence.passes), bool(evidence.fails)))
    return np.mean(found, axis=0)


@pytest.mark.parametrize("rate", [0.0, 0.005, 0.025, 0.1])
def test_a_lost_margin_passes_no_more_often_than_stated(rate: float) -> None:
    random = np.random.default_rng(1)
    rates = sequential_rates(Scenario(HALF.points, rate, HALF), models=MODELS, random=random)
    assert binom.sf(rates.passes * MODELS - 1, MODELS, HALF.risks.beta) > 1e-3
    assert rates.passes + rates.fails == 1.0


@pytest.mark.parametrize("rate", [0.0, 0.005, 0.025, 0.1])
def test_a_model_that_loses_nothing_is_flagged_no_more_often_than_stated(rate: float) -> None:
    random = np.random.default_rng(2)
    rates = sequential_rates(Scenario(Decimal(0), rate, HALF), models=MODELS, random=random)
    assert binom.sf(rates.fails * MODELS - 1, MODELS, HALF.risks.alpha) > 1e-3


def test_a_tenth_of_the_images_is_enough_where_nothing_or_two_points_are_lost() -> None:
    random = np.random.default_rng(3)
    for loss in ("0", "2"):
        scenario = Scenario(Decimal(loss), 0.025, HALF)
        assert sequential_rates(scenario, models=MODELS, random=random).median <= 5000


@pytest.mark.shows(
    "a verdict on accuracy is luck, or comes of looking again and again",
    by="stated error rates, valid at any stop, simulated",
)
def test_peeking_without_a_correction_would_flag_many_good_models() -> None:
    random = np.random.default_rng(4)
    looks, each = 200, 50
    differ = random.binomial(each, 0.025, size=(MODELS, looks))
    losses = random.binomial(differ, 0.5).cumsum(axis=1)
    total = differ.cumsum(axis=1)
    peeked = binom.sf(losses - 1, total, 0.5) <= HALF.risks.alpha  # McNemar at every look
    flagged = peeked.any(axis=1).sum()
    assert binom.sf(flagged - 1, MODELS, HALF.risks.alpha) < 1e-6


def test_swapped_halves_would_pass_a_lost_margin() -> None:
    differences = population(lost=2750, won=2500, seed=5)
    assert follow(differences, margin=HALF, population=50_000).fails
    assert follow(-differences, margin=HALF, population=50_000).passes


def population(*, lost: int, won: int, seed: int) -> np.ndarray:
    values = np.zeros(50_000, np.int64)
    values[:lost], values[lost : lost + won] = 1, -1
    return values[shuffled(50_000, seed=seed)]


@pytest.mark.parametrize(("net", "passes"), [(249, True), (250, False)])
def test_with_all_images_the_answer_is_exact_whatever_was_decided(net: int, passes: bool) -> None:
    evidence = start()
    for losses in (0, net):  # decided after the first half, and wrongly so in one case
        evidence = look(evidence, losses, 0, images=25_000, margin=HALF, population=50_000)
        decided_at = evidence.decided_at
    assert bool(evidence.passes) is passes
    assert bool(evidence.fails) is not passes
    assert decided_at == 25_000


def test_a_decision_stays_while_images_are_missing() -> None:
    first = follow(np.zeros(2000, np.int64), margin=HALF, population=50_000)
    later = look(first, 900, 0, images=1000, margin=HALF, population=50_000)
    assert first.passes
    assert (later.passes, later.fails) == (True, False)
    assert later.decided_at == first.decided_at == first.images


def test_a_failure_stays_while_images_are_missing() -> None:
    first = follow(np.ones(500, np.int64), margin=HALF, population=50_000)
    later = follow(-np.ones(20_000, np.int64), margin=HALF, population=50_000)
    both = look(first, 0, 15_000, images=15_000, margin=HALF, population=50_000)
    both = look(both, 0, 15_000, images=15_000, margin=HALF, population=50_000)
    assert later.passes
    assert (both.passes, both.fails) == (False, True)


def test_what_the_missing_images_cannot_change_is_decided() -> None:
    margin = Margin(Decimal(40), Decimal(10), Risks(alpha=1e-6, beta=1e-6))
    safe = look(start(), 0, 0, images=7, margin=margin, population=10)
    lost = look(start(), 5, 0, images=7, margin=margin, population=10)
    assert safe.undecided
    assert lost.undecided
    assert look(safe, 1, 0, images=1, margin=margin, population=10).passes
    assert look(lost, 0, 1, images=1, margin=margin, population=10).fails


def test_an_interrupted_run_ends_as_one_that_was_not() -> None:
    differences = population(lost=700, won=600, seed=6)
    whole = follow(differences, margin=HALF, population=50_000)
    part = follow(differences[:1000], margin=HALF, population=50_000)
    for first in range(1000, whole.images, 50):
        step = differences[first : first + 50]
        counts = (step == 1).sum(), (step == -1).sum()
        part = look(part, *counts, images=50, margin=HALF, population=50_000)
    assert (part.images, part.passes, part.fails) == (whole.images, whole.passes, whole.fails)
    assert part.against_lost == whole.against_lost


def test_undecided_is_inconclusive_and_says_how_many_more_images_it_takes() -> None:
    differences = population(lost=625, won=625, seed=7)
    whole = follow(differences, margin=HALF, population=50_000)
    evidence = follow(differences[:1000], margin=HALF, population=50_000)
    verdict = judge_sequential(evidence, HALF, population=50_000)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    more = images_to_go(evidence, margin=HALF, population=50_000)
    assert f"about {more} more images" in verdict.details[1]
    assert 0.2 * whole.images < 1000 + more < 5 * whole.images


def test_a_verdict_before_the_first_image_is_inconclusive_and_not_a_number() -> None:
    verdict = judge_sequential(start(), HALF, population=50_000)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.headline.startswith("int8_top1_loss = NaN points")


def test_a_failure_says_what_is_ruled_out_and_repeats() -> None:
    evidence = follow(population(lost=1400, won=400, seed=8), margin=HALF, population=50_000)
    verdict = judge_sequential(evidence, HALF, population=50_000, cause="noise")
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert verdict.headline.endswith("margin 0.5 points, alpha 0.01, beta 0.05")
    assert verdict.details[1:] == (
        "a loss of 0 points or less is ruled out",
        "likely cause: noise",
    )


@quiet
@given(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(0.31, 0.9))
def test_no_other_stake_grows_faster(null: float, loss: float, rate: float) -> None:
    side = 1 if loss < null else -1
    rates = np.array([(rate + loss) / 2, (rate - loss) / 2, 1 - rate])
    steps = side * (null - np.array([1, -1, 0]))
    most = 1 / (1 - side * null)
    best = minimize_scalar(
        lambda stake: -(rates * np.log1p(stake * steps)).sum(),
        bounds=(0, most * (1 - 1e-9)),
        method="bounded",
    )
    assert fastest_growth(null, loss=loss, discordance=rate) == pytest.approx(-best.fun, abs=1e-6)


def test_small_losses_grow_as_their_square_over_the_discordance() -> None:
    growth = fastest_growth(0.005, loss=0.0, discordance=0.05)
    assert growth == pytest.approx(0.005**2 / (2 * 0.05), rel=0.02)
    assert norm.isf(0.05) ** 2 / 2 / growth < 6000  # images, were there no chance in it


@pytest.mark.parametrize(
    ("losses", "gains", "images"), [(0, 0, 0), (0, 0, 11), (3, 3, 5), (-1, 0, 5), (np.nan, 0, 5)]
)
def test_images_that_cannot_be_are_refused(losses: float, gains: int, images: int) -> None:
    with pytest.raises(MeasureError, match="images"):
        look(start(), losses, gains, images=images, margin=WIDE, population=10)


@pytest.mark.parametrize("differences", [[2], [0.5], [[1]], ["1"]])
def test_differences_that_are_none_are_refused(differences: list[object]) -> None:
    with pytest.raises(MeasureError, match="expected -1, 0 or 1"):
        follow(differences, margin=WIDE, population=10)
