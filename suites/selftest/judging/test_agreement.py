"""A float export may be off by what float32 costs its source framework, and by no more."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.errors import MeasureError
from harness.images.sets import EVALUATION_IMAGES
from harness.judging.agreement import agree, company_verdict, float_tolerance
from harness.judging.int8 import exact_verdict
from harness.judging.parity import FLOAT32_EPS
from harness.records import Outcome, Verdict
from harness.sources.forms import ALL_BATCHES

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


# ── an image's company ────────────────────────────────────────────────────────────────────────


def in_batches(share: float = 0.0) -> NDArray[np.float32]:
    """Logits of :data:`ALL_BATCHES`, each image's moved by a share of its batch's mean."""
    images = np.random.default_rng(1).normal(size=(EVALUATION_IMAGES, 10)).astype(np.float32)
    parts = [images[list(batch)] for batch in ALL_BATCHES]
    return np.concatenate([one + share * one.mean(axis=0) for one in parts])


@pytest.mark.shows(
    "a runtime mixes the images of a batch, in int8 alone and by little",
    by="images that ran in several batches are held against themselves",
)
def test_answers_that_depend_on_the_other_images_of_a_batch_do_not_conform() -> None:
    assert company_verdict(in_batches(), ALL_BATCHES).outcome is Outcome.CONFORMS
    mixed = company_verdict(in_batches(0.01), ALL_BATCHES)
    assert mixed.outcome is Outcome.DOES_NOT_CONFORM
    assert "answers depend on the other images of a batch" in str(mixed)


def test_rounding_that_depends_on_the_batch_conforms() -> None:
    assert company_verdict(in_batches(1e-5), ALL_BATCHES).outcome is Outcome.CONFORMS


def test_an_answer_that_is_no_number_is_an_error() -> None:
    outputs = in_batches()
    outputs[3, 2] = np.nan
    with pytest.raises(MeasureError, match="NaN"):
        company_verdict(outputs, ALL_BATCHES)


def test_where_each_image_ran_once_there_is_nothing_to_compare() -> None:
    verdict = company_verdict(np.eye(4), ((0, 1, 2, 3),))
    assert verdict == Verdict(Outcome.CONFORMS, "no image ran in two batches")


@pytest.mark.shows(
    "a runtime returns something else than the int8 model has as its output",
    by="logits that are stored in int8 are whole numbers of their scale",
)
def test_int8_logits_that_were_rounded_once_more_lie_off_their_grid() -> None:
    """By a runtime that answers with something else than the model's own output."""
    scale, batches = 0.11993037, ((0, 1, 2, 3),)
    codes = np.random.default_rng(0).integers(-124, 132, (4, 1000)).astype(np.float32)
    answers = codes * np.float32(scale)
    assert exact_verdict(answers, batches, scale).outcome is Outcome.CONFORMS
    assert exact_verdict(answers.round(1), batches, None).outcome is Outcome.CONFORMS
    for wrong in (answers.round(1), answers * np.float32(1.001), answers + np.float32(0.01)):
        verdict = exact_verdict(wrong, batches, scale)
        assert verdict.outcome is Outcome.DOES_NOT_CONFORM
        assert "something else than what the model has as its output" in str(verdict)
