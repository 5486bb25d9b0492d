"""What a page says of post-processing: softmax, sort by it, and the first k are the answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.judging.postprocessing.hits import count_hits
from harness.judging.postprocessing.ranking import top_k
from harness.judging.postprocessing.softmax import softmax

pytestmark = pytest.mark.postprocessing

LOGITS = np.random.default_rng(20).normal(scale=3.0, size=(8, 1000)).astype(np.float16)
"""Eight images of a 1000-class network in the coarsest type there is, so that there are ties."""

ROUNDING = 1e-12  # relative; a float64 exp, sum and division together err by less than 1e-14


def by_hand(image: int) -> list[float]:
    """The definition, in float64, one number at a time; no logit here is near overflow."""
    powers = [math.exp(float(logit)) for logit in LOGITS[image]]
    total = math.fsum(powers)
    return [power / total for power in powers]


def test_prediction_is_the_softmax_of_the_output() -> None:
    ours = softmax(LOGITS)
    for image, probabilities in enumerate(ours):
        assert probabilities == pytest.approx(by_hand(image), rel=ROUNDING, abs=0)


def test_classes_come_in_the_order_of_their_prediction() -> None:
    for image, ids in enumerate(top_k(LOGITS, k=1000).ids):
        predicted = by_hand(image)
        assert ids.tolist() == sorted(range(1000), key=lambda one: (-predicted[one], one))


def test_the_first_k_are_the_answer() -> None:
    everything, five = top_k(LOGITS, k=1000), top_k(LOGITS, k=5)
    assert np.array_equal(five.ids, everything.ids[:, :5])
    assert np.array_equal(five.probabilities, everything.probabilities[:, :5])


def test_a_hit_is_the_right_class_and_no_namesake() -> None:
    """134 and 517 are both called crane; top-1 asks for the first, top-5 for any of the five."""
    answers = [[517, 134, 1, 2, 3], [1, 2, 3, 4, 517], [517, 1, 2, 3, 4]]
    hits = count_hits(answers, [134, 517, 517])
    assert (hits.images, hits.first, hits.within) == (3, 1, 3)
