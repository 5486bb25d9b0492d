"""No disorder of the outputs gets through as another image's answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.backends.vendor.matching import (
    MOST_DOUBLED,
    Arrangement,
    answers_by_image,
    arrange,
    disagreement,
    misplaced,
    name_of,
    place_of,
)

COUNTS = st.integers(2, 40)


def answers(arrangement: Arrangement) -> np.ndarray:
    """An answer for each place that is the image's own."""
    return np.array([[image, -image] for image in arrangement.images], np.float32)


def noticed_or_harmless(arrangement: Arrangement, order: list[int]) -> bool:
    """Whether outputs in another order are noticed, or are the right ones all the same."""
    sent = answers(arrangement)
    disordered = sent[order]
    return bool(disagreement(arrangement, disordered)) or np.array_equal(sent, disordered)


@pytest.mark.shows("a device's answers belong to other images", by="copies among the images")
@given(COUNTS, st.integers(0, 200), st.booleans())
@example(2, 2, False)  # two images, each twice, rotated by two, would be taken for each other
def test_every_rotation_and_reversal_is_noticed(count: int, turn: int, reverse: bool) -> None:
    arrangement = arrange(count)
    places = list(range(len(arrangement.images)))[:: -1 if reverse else 1]
    turn %= len(places)
    assert noticed_or_harmless(arrangement, places[turn:] + places[:turn])


@given(COUNTS, st.data())
def test_every_swap_is_noticed(count: int, data: st.DataObject) -> None:
    arrangement = arrange(count)
    order = list(range(len(arrangement.images)))
    one, other = data.draw(st.sampled_from(order)), data.draw(st.sampled_from(order))
    order[one], order[other] = order[other], order[one]
    assert noticed_or_harmless(arrangement, order)


@given(COUNTS, st.data())
def test_every_overwritten_output_is_noticed(count: int, data: st.DataObject) -> None:
    arrangement = arrange(count)
    order = list(range(len(arrangement.images)))
    one, other = data.draw(st.sampled_from(order)), data.draw(st.sampled_from(order))
    order[one] = other
    assert noticed_or_harmless(arrangement, order)


@given(st.integers(4, 40), st.data())
def test_only_all_copies_exchanged_go_unnoticed(count: int, data: st.DataObject) -> None:
    arrangement = arrange(count)
    one, other = data.draw(st.permutations(range(1, count)))[:2]
    order = list(range(len(arrangement.images)))
    for mine, theirs in zip(arrangement.places()[one], arrangement.places()[other], strict=True):
        order[mine], order[theirs] = order[theirs], order[mine]
        last = mine, theirs
    assert not noticed_or_harmless(arrangement, order)
    mine, theirs = last  # all but one copy
    order[mine], order[theirs] = order[theirs], order[mine]
    assert noticed_or_harmless(arrangement, order)


@pytest.mark.parametrize("count", [8, 50, MOST_DOUBLED])
def test_random_disorder_is_noticed(count: int) -> None:
    arrangement = arrange(count)
    random = np.random.default_rng(count)
    orders = [random.permutation(len(arrangement.images)).tolist() for _ in range(30)]
    assert all(noticed_or_harmless(arrangement, order) for order in orders)


def test_a_sample_of_copies_notices_every_rotation_too() -> None:
    arrangement = arrange(60, doubled=3)
    places = list(range(len(arrangement.images)))
    assert len(places) == 60 + 2 + 3
    for turn in places:
        assert noticed_or_harmless(arrangement, places[turn:] + places[:turn])


def test_matching_by_sorted_name_would_not_notice() -> None:
    names = [name_of(place) for place in range(12)]
    del names[3]  # the vendor's scripts zip what is left with the list
    assert dict(zip(range(12), sorted(names), strict=False))[3] == name_of(4)
    assert misplaced(names, 12) == "1 of 12 outputs are missing, the first is 00000003.npz"


@given(st.integers(1, 60))
def test_order_is_undone(count: int) -> None:
    arrangement = arrange(count)
    assert arrangement == arrange(count)
    assert answers_by_image(arrangement, answers(arrangement))[:, 0].tolist() == [*range(count)]


@given(st.lists(st.integers(0, 10**8 - 1), unique=True))
def test_names_sort_as_their_places(places: list[int]) -> None:
    assert sorted(map(name_of, places)) == [name_of(place) for place in sorted(places)]
    assert [place_of(name_of(place)) for place in places] == places


def test_tolerance_lets_small_differences_of_copies_pass() -> None:
    arrangement = arrange(4)
    noisy = answers(arrangement) + 100
    noisy[3] += 0.01
    assert disagreement(arrangement, noisy)
    assert not disagreement(arrangement, noisy, tolerance=1e-3)


def test_nan_never_agrees() -> None:
    arrangement = arrange(4)
    broken = answers(arrangement)
    broken[3] = np.nan
    assert disagreement(arrangement, broken, tolerance=1.0)


@pytest.mark.parametrize(("count", "doubled"), [(0, 10), (10, 2), (10**8, 3)])
def test_impossible_numbers_are_refused(count: int, doubled: int) -> None:
    with pytest.raises(ValueError, match="expected at least"):
        arrange(count, doubled=doubled)
