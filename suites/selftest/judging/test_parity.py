"""Parity figures are what they say, and move when something is wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from harness.errors import MeasureError
from harness.judging.parity import Parity, compare, margins

pytestmark = [
    pytest.mark.shows("NaN compares as fine", by="refused by half and image; never conforms")
]

Logits = NDArray[np.float64]

whole_logits = arrays(np.float64, (5, 8), elements=st.integers(-50, 50).map(float))
quiet = settings(max_examples=40, deadline=None, derandomize=True)


def slow_centred_sqnr(reference: Logits, candidate: Logits) -> float:
    """The definition, number by number."""
    images, classes = reference.shape
    signal = noise = 0.0
    for c in range(classes):
        mean = math.fsum(reference[:, c]) / images
        signal += math.fsum((reference[i, c] - mean) ** 2 for i in range(images))
        noise += math.fsum((candidate[i, c] - reference[i, c]) ** 2 for i in range(images))
    return 10.0 * math.log10(signal / noise)


def test_centred_sqnr_follows_its_definition(reference: Logits, int8: Logits) -> None:
    assert compare(reference, int8).centred_sqnr_db == pytest.approx(
        slow_centred_sqnr(reference, int8)
    )


@pytest.mark.shows("a constant offset flatters SQNR", by="the signal is centred, the noise is not")
def test_a_constant_offset_in_both_is_no_signal(reference: Logits, int8: Logits) -> None:
    near, far = compare(reference, int8), compare(reference + 100.0, int8 + 100.0)
    assert far.centred_sqnr_db == pytest.approx(near.centred_sqnr_db)
    assert far.sqnr_db > near.sqnr_db + 20  # the plain figure is flattered


@pytest.mark.shows("a constant offset flatters SQNR")
def test_a_dropped_zero_point_is_noise(reference: Logits, int8: Logits) -> None:
    shift = np.random.default_rng(1).normal(size=reference.shape[1])
    wrong = compare(reference, int8 + shift)
    assert wrong.centred_sqnr_db < compare(reference, int8).centred_sqnr_db - 10
    assert wrong.centred_cosine_mean < 0.95 < compare(reference, int8).centred_cosine_mean
    assert wrong.top1_agreement < compare(reference, int8).top1_agreement


def test_a_scaled_output_is_noise_although_every_decision_agrees(reference: Logits) -> None:
    wrong = compare(reference, 2.0 * reference)
    assert wrong.centred_sqnr_db < 0.0
    assert (wrong.top1_agreement, wrong.decision_agreement, wrong.cosine_min) == pytest.approx(
        (1.0, 1.0, 1.0)
    )


def test_permuted_images_ruin_every_figure(reference: Logits, int8: Logits) -> None:
    wrong = compare(reference, np.roll(int8, 1, axis=0))
    assert wrong.centred_sqnr_db < 0.0
    assert wrong.centred_cosine_mean < 0.2 < compare(reference, int8).centred_cosine_mean


def test_identical_halves_are_reported_as_identical(reference: Logits, int8: Logits) -> None:
    same = compare(reference, reference.astype(np.float64))
    assert same.identical
    assert same.centred_sqnr_db == same.sqnr_db == same.worst_image_sqnr_db == math.inf
    assert same.narrow_share == 0.0
    assert not compare(reference, int8).identical


def test_one_changed_bit_is_not_identical(reference: Logits) -> None:
    candidate = reference.copy()
    candidate[3, 5] = np.nextafter(candidate[3, 5], np.inf)
    found = compare(reference, candidate)
    assert not found.identical
    assert math.isfinite(found.centred_sqnr_db)
    assert found.worst_image == 3


def test_the_worst_image_is_named(reference: Logits, int8: Logits) -> None:
    int8[11] += 3.0 * np.sign(int8[11])
    found = compare(reference, int8)
    assert found.worst_image == 11
    assert found.worst_image_sqnr_db < found.centred_sqnr_db


def test_flipped_images_are_listed() -> None:
    reference = np.array([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0], [3.0, 1.0, 0.0]])
    candidate = reference.copy()
    candidate[1] = [4.0, 3.0, 0.0]
    found = compare(reference, candidate)
    assert (found.flipped, found.top1_agreement) == ((1,), 0.75)


def test_top5_overlap_counts_shared_classes() -> None:
    reference = np.add.outer([0.0, 1.0], np.arange(20.0))
    candidate = reference.copy()
    reference[1, 0], candidate[:, 15] = 0.5, -9.0  # class 15 leaves the five, class 14 enters
    assert compare(reference, candidate).top5_overlap == pytest.approx(0.8)


def test_decisions_are_counted_within_class_subsets() -> None:
    reference = np.array([[4.0, 1.0, 2.0, 3.0], [1.0, 4.0, 3.0, 2.0]])
    candidate = reference[:, [0, 3, 2, 1]]  # subsets {0, 2} and {1, 3}: the second one turns round
    found = compare(reference, candidate, groups=2)
    assert (found.decisions, found.decision_agreement) == (4, 0.5)


def test_few_images_give_many_decisions(reference: Logits, int8: Logits) -> None:
    found = compare(reference, int8, groups=20)
    assert found.decisions == 20 * len(reference)


def test_narrow_images_lead_by_less_than_the_noise_of_a_difference() -> None:
    reference = np.array([[9.9, 9.0, 0.0, 0.0], [9.7, 9.0, 0.0, 0.0]])
    noise = np.array([[0.5, -0.5, 0.5, -0.5], [-0.5, 0.5, -0.5, 0.5]])
    assert margins(reference) == pytest.approx([0.9, 0.7])
    # pairs of classes differ by 1 (four of six) or 0 (two): root mean square 0.816
    assert compare(reference, reference + noise).narrow_share == 0.5
    assert compare(reference, reference + 7.0).narrow_share == 0.0  # moves no decision


@quiet
@given(whole_logits, whole_logits, st.integers(-1000, 1000))
def test_figures_ignore_what_is_added_to_both(one: Logits, other: Logits, added: int) -> None:
    if np.ptp(one, axis=0).max() < 1.0:
        return
    near, far = compare(one, other), compare(one + added, other + added)
    assert far.centred_sqnr_db == pytest.approx(near.centred_sqnr_db)
    assert far.centred_cosine_mean == pytest.approx(near.centred_cosine_mean, abs=1e-9)
    assert (far.flipped, far.decision_agreement) == (near.flipped, near.decision_agreement)


@quiet
@given(whole_logits, whole_logits, st.permutations(range(5)))
def test_the_order_of_images_does_not_matter(one: Logits, other: Logits, order: list[int]) -> None:
    if np.ptp(one, axis=0).max() < 1.0:
        return
    near, far = compare(one, other), compare(one[order], other[order])
    assert far.centred_sqnr_db == pytest.approx(near.centred_sqnr_db)
    assert far.top1_agreement == near.top1_agreement
    assert sorted(order.index(image) for image in near.flipped) == list(far.flipped)


@quiet
@given(whole_logits, whole_logits)
def test_shares_and_cosines_stay_in_range(one: Logits, other: Logits) -> None:
    if np.ptp(one, axis=0).max() < 1.0:
        return
    found = compare(one, other)
    shares = (found.top1_agreement, found.top5_overlap, found.decision_agreement)
    assert all(0.0 <= share <= 1.0 for share in (*shares, found.narrow_share))
    assert -1.0 <= found.cosine_min <= found.cosine_mean <= 1.0
    assert not math.isnan(found.centred_sqnr_db)


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity")])
@pytest.mark.parametrize("half", ["reference", "candidate"])
def test_a_value_that_is_no_number_is_refused_by_half_and_image(
    reference: Logits, half: str, value: float, word: str
) -> None:
    halves = {"reference": reference.copy(), "candidate": reference.copy()}
    halves[half][4, 17] = value
    with pytest.raises(MeasureError, match=rf"the {half} holds {word} in image 4 \(1 of 18"):
        compare(**halves)


def test_numbers_beyond_float32_are_refused(reference: Logits) -> None:
    with pytest.raises(MeasureError, match=r"the candidate holds 1e\+300 in image 0"):
        compare(reference, np.full_like(reference, 1e300))


@pytest.mark.parametrize(
    ("candidate", "complaint"),
    [
        (np.zeros((18, 199)), r"candidate's logits have shape \(18, 199\).*\(18, 200\)"),
        (np.zeros((17, 200)), r"\(17, 200\)"),
        (np.zeros((0, 200)), "candidate holds 0 images"),
        (np.zeros(200), r"expected \(images, classes\)"),
        (np.full((18, 200), "1"), "not real numbers"),
        (np.zeros((18, 200), np.complex64), "not real numbers"),
    ],
)
def test_halves_that_do_not_fit_are_refused(
    reference: Logits, candidate: NDArray[np.generic], complaint: str
) -> None:
    with pytest.raises(MeasureError, match=complaint):
        compare(reference, candidate, case="resnext/timm/x")


@pytest.mark.shows(
    "both halves collapse together and agree",
    by="a reference that does not tell images apart is refused",
)
def test_a_reference_that_does_not_tell_images_apart_is_refused(int8: Logits) -> None:
    constant = np.tile(int8[0] * 1.1, (len(int8), 1)).astype(np.float32)
    with pytest.raises(MeasureError, match="reference does not distinguish images"):
        compare(constant, int8)


def test_one_image_is_not_enough(reference: Logits) -> None:
    with pytest.raises(MeasureError, match="at least two images"):
        compare(reference[:1], reference[:1])


def test_extreme_but_valid_numbers_do_not_overflow(reference: Logits) -> None:
    found = compare(reference * 1e36, reference * 1.01e36)
    assert found.centred_sqnr_db == pytest.approx(
        compare(reference, 1.01 * reference).centred_sqnr_db
    )


def test_measurements_carry_names_units_and_conditions(reference: Logits, int8: Logits) -> None:
    found: Parity = compare(reference, int8)
    by_name = {measurement.name: measurement for measurement in found.measurements(backend="ort")}
    assert by_name["centred_sqnr"].value == found.centred_sqnr_db
    assert by_name["centred_sqnr"].unit == "dB"
    assert by_name["top1_agreement"].conditions == {"images": "18", "backend": "ort"}
