"""A broken int8 run is told from coarse quantization, and by its likely cause."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.judging.causes import likely_causes
from harness.judging.pairing import find_pairing

Logits = NDArray[np.float64]

SHIFTS = np.random.default_rng(3).normal(scale=2.0, size=200)


def softmax(logits: Logits) -> Logits:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


STAND_INS: dict[str, Callable[[Logits, Logits], Logits]] = {
    "identical": lambda fp32, _: fp32.copy(),
    "candidate constant": lambda _, int8: np.tile(int8[0], (len(int8), 1)),
    "permutation": lambda _, int8: int8[::-1],
    "softmax": lambda _, int8: softmax(int8),
    "offset": lambda _, int8: int8 + SHIFTS,
    "gain": lambda _, int8: 0.5 * int8,
    "repeated": lambda _, int8: np.tile(int8[:6], (3, 1)),
    "saturation": lambda _, int8: np.clip(int8, -4.0, 4.0),
}


@pytest.mark.parametrize("cause", STAND_INS)
def test_a_broken_run_is_told_by_its_cause(cause: str, reference: Logits, int8: Logits) -> None:
    causes = likely_causes(reference, STAND_INS[cause](reference, int8))
    assert causes[0].kind == cause


def test_plain_quantization_noise_has_no_cause(reference: Logits, int8: Logits) -> None:
    assert likely_causes(reference, int8) == ()
    loud = reference + 10 * (int8 - reference)  # 0 dB: bad, but without a pattern
    assert likely_causes(reference, loud) == ()
    assert likely_causes(reference, 1.01 * reference) == ()  # a gain that rounding explains


def test_offsets_say_whether_they_differ_by_class(reference: Logits, int8: Logits) -> None:
    assert "to all" in str(likely_causes(reference, int8 + 3.0)[0])
    assert "per class" in str(likely_causes(reference, int8 + SHIFTS)[0])


def test_both_constant_is_not_blamed_on_the_candidate(reference: Logits) -> None:
    constant = np.tile(reference[0], (5, 1))
    assert [cause.kind for cause in likely_causes(constant, constant + 1.0)] == ["both constant"]
    assert [c.kind for c in likely_causes(constant, reference[:5])] == ["reference constant"]


@pytest.mark.shows(
    "outputs belong to other images", by="another pairing that fits better is looked for"
)
@pytest.mark.parametrize(
    ("order", "words"),
    [
        (np.arange(18)[::-1], "in reverse order"),
        (np.roll(np.arange(18), -1), "shifted by 1"),
        (np.roll(np.arange(18), 2), "shifted by -2"),
        (np.r_[1, 0, 2:18], "2 of 18 moved, the answer for image 1 stands at image 0"),
        (np.r_[1:18, 17], "shifted by 1"),  # a file was lost, the last one came twice
    ],
)
def test_wrong_order_is_found_and_described(
    order: NDArray[np.intp], words: str, reference: Logits, int8: Logits
) -> None:
    pairing = find_pairing(reference, int8[order])
    assert pairing is not None
    assert pairing.order == tuple(order)
    assert pairing.description == words


def test_wrong_order_is_found_behind_an_offset(reference: Logits, int8: Logits) -> None:
    pairing = find_pairing(reference, np.roll(int8, 1, axis=0) + SHIFTS)
    assert pairing is not None
    assert len(pairing.moved) == len(reference)


def test_right_order_is_left_alone(reference: Logits, int8: Logits) -> None:
    assert find_pairing(reference, int8) is None
    assert find_pairing(reference, reference) is None


def test_twice_the_same_image_is_no_wrong_order(reference: Logits) -> None:
    twice = np.concatenate([reference, reference])
    assert find_pairing(twice, twice) is None


@pytest.mark.parametrize("seed", range(10))
def test_few_unrelated_images_are_not_taken_for_wrong_order(seed: int, reference: Logits) -> None:
    unrelated = np.random.default_rng(seed).normal(scale=2.0, size=(3, reference.shape[1]))
    assert find_pairing(reference[:3], unrelated) is None


@pytest.mark.parametrize("name", ["unrelated", "negated", "collapsed", "repeated"])
def test_other_faults_are_not_taken_for_wrong_order(name: str, reference: Logits) -> None:
    candidates = {
        "unrelated": np.random.default_rng(5).normal(scale=2.0, size=reference.shape),
        "negated": -reference,
        "repeated": np.tile(reference[:6], (3, 1)),
        "collapsed": np.tile(reference[3], (len(reference), 1)),
    }
    assert find_pairing(reference, candidates[name]) is None


def test_two_images_are_too_few_to_tell_the_order(reference: Logits) -> None:
    assert find_pairing(reference[:2], reference[1::-1]) is None
