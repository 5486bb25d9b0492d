"""A measured accuracy holds its claim, misses it, or is measured on too few images to say."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, hypergeom

from harness.judging.accuracy.claims import (
    ABOVE,
    Sample,
    accuracy_bounds,
    claim_tolerance,
    judge_claim,
)
from harness.judging.accuracy.risks import Risks
from harness.records import Claim, Figure, Metric, Outcome, Tolerance

CLAIM = Claim(Metric.TOP1, Figure("76.13"), "%", "top1", 57, 4)
INT8 = Tolerance((("int8", Decimal("0.5")),), "what the vendor's int8 costs")
quiet = settings(max_examples=25, deadline=None, derandomize=True)


def outcome(sample: Sample, claim: Claim = CLAIM, allowed: Tolerance = INT8) -> Outcome:
    return judge_claim(claim, sample, allowed).outcome


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        (38_065, Outcome.CONFORMS),
        (37_813, Outcome.CONFORMS),  # 75.626, 0.504 below
        (37_812, Outcome.DOES_NOT_CONFORM),  # 75.624, 0.506 below
        (38_318, Outcome.DOES_NOT_CONFORM),
    ],
)
def test_the_full_set_is_judged_without_a_sampling_error(hits: int, expected: Outcome) -> None:
    assert outcome(Sample(hits, 50_000)) is expected


def test_the_parts_of_the_tolerance_are_named() -> None:
    verdict = judge_claim(CLAIM, Sample(3600, 5000), INT8, cause="no mean")
    assert str(verdict) == (
        "top1 = 72.00 %, documented 76.13 ± 2.005 (print 0.005, sampling 1.5, int8 0.5)\n"
        "  3600 of 5000 images drawn of 50000, alpha 0.01\n"
        "  bound: what the vendor's int8 costs\n"
        "  likely cause: no mean"
    )


def test_sampling_reaches_from_the_edge_that_is_near_the_measurement() -> None:
    nearly_all = Claim(Metric.TOP5, Figure("99.0"), "%", "top5", 57, 5)
    allowed = Tolerance((("int8", Decimal(3)),))
    below = claim_tolerance(nearly_all, Sample(380, 400), allowed, alpha=0.01)
    above = claim_tolerance(nearly_all, Sample(400, 400), allowed, alpha=0.01)
    assert dict(below.parts)["sampling"] > 2  # of an accuracy of 95.95 %
    assert dict(above.parts)["sampling"] == 0  # of one of 100 %, where nothing varies


def test_far_above_the_claim_fails_with_a_cause_of_its_own() -> None:
    verdict = judge_claim(CLAIM, Sample(4100, 5000), INT8, cause="no mean")
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert f"likely cause: {ABOVE}" in verdict.details


def test_few_images_are_inconclusive_and_say_how_many_more_it_takes() -> None:
    verdict = judge_claim(CLAIM, Sample(761, 1000))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    more = int(verdict.details[1].split("about ")[1].split()[0])
    enough = 1000 + more
    assert 3000 < more < 8000
    assert outcome(Sample(round(0.761 * enough), enough), allowed=Tolerance(())) is Outcome.CONFORMS
    fewer = Sample(round(0.761 * (enough - 100)), enough - 100)
    assert outcome(fewer, allowed=Tolerance(())) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize("points", [0, -1, 1])
def test_the_stated_risks_hold_exactly(stratified: bool, points: int) -> None:
    claim, images, population, risks = CLAIM, 400, 2000, Risks(alpha=0.05, beta=0.05)
    allowed = Tolerance((("int8", Decimal(3)),))
    resolution = Decimal(5)
    # The worst honest accuracy is at the edge of the band; the mildest bad one beyond resolution.
    honest = float(claim.figure.value) + 3 * points
    bad = honest + 5.1 * (points or 1) + (0 if points else 3)
    hits = np.arange(images + 1)
    verdicts = [
        judge_claim(
            claim,
            Sample(k, images, population, stratified),
            allowed,
            risks=risks,
            resolution=resolution,
        ).outcome
        for k in hits
    ]
    fails = np.array([one is Outcome.DOES_NOT_CONFORM for one in verdicts])
    passes = np.array([one is Outcome.CONFORMS for one in verdicts])

    def chance(percent: float) -> np.ndarray:
        return hypergeom.pmf(hits, population, round(population * percent / 100), images)

    assert chance(honest)[fails].sum() <= risks.alpha
    assert chance(bad)[passes].sum() <= risks.beta
    assert chance(bad)[fails].sum() > 0.3  # it is not by never failing


def test_a_tolerance_without_sampling_would_flag_most_honest_subsets() -> None:
    tolerance = claim_tolerance(CLAIM, Sample(3806, 5000), alpha=0.01)
    assert dict(tolerance.parts)["sampling"] > 1
    near = [k for k in range(5001) if abs(k / 50 - 76.13) <= 0.005]
    assert hypergeom.pmf(near, 50_000, 38_065, 5000).sum() < 0.05


@quiet
@given(st.data(), st.booleans())
def test_bounds_agree_with_trying_every_accuracy(data: st.DataObject, stratified: bool) -> None:
    population = data.draw(st.integers(2, 60))
    images = data.draw(st.integers(1, population - 1))
    hits = data.draw(st.integers(0, images))
    sample = Sample(hits, images, population, stratified)
    low, high = accuracy_bounds(sample, risk=0.05)
    if stratified:
        for share, tail in ((low, binom.sf(hits - 1, images, low / 100)), (high, 0.05)):
            assert share in (0.0, 100.0) or tail == pytest.approx(0.05)
        assert high == 100.0 or binom.cdf(hits, images, high / 100) == pytest.approx(0.05)
        return
    possible = np.arange(hits, population - (images - hits) + 1)
    above = possible[hypergeom.sf(hits - 1, population, possible, images) > 0.05]
    below = possible[hypergeom.cdf(hits, population, possible, images) > 0.05]
    assert low == pytest.approx(100 * above.min() / population)
    assert high == pytest.approx(100 * below.max() / population)


@quiet
@given(st.integers(1, 59), st.integers(0, 60))
def test_a_uniform_sample_fails_where_no_admitted_accuracy_explains_it(
    images: int, hits: int
) -> None:
    claim = Claim(Metric.TOP1, Figure("50"), "%", "top1", 1, 1)
    sample = Sample(min(hits, images), images, 60)
    admitted = [k for k in range(61) if abs(Fraction(k, 60) - Fraction(1, 2)) <= Fraction(6, 1000)]
    tails = [
        min(hypergeom.cdf(sample.hits, 60, k, images), hypergeom.sf(sample.hits - 1, 60, k, images))
        for k in admitted
    ]
    fails = outcome(sample, claim, Tolerance(())) is Outcome.DOES_NOT_CONFORM
    # Rounding outward, to the next count and to two digits, may spare a borderline sample.
    assert not fails or max(tails) <= 0.005
    assert fails or max(tails) > 0.0005


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sample(2, 1),
        lambda: Sample(0, 0),
        lambda: Sample(1, 10, 9),
        lambda: Risks(alpha=0.0),
        lambda: Risks(beta=0.5),
        lambda: judge_claim(CLAIM, Sample(1, 2), resolution=Decimal(0)),
        lambda: judge_claim(Claim(Metric.TOP1, Figure("761.3"), "%", "top1", 1, 1), Sample(1, 2)),
    ],
)
def test_what_cannot_be_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        make()  # type: ignore[operator]
