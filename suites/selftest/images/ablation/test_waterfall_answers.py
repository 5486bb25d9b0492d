"""What a network makes of each step: logits are held against its own at the start."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from harness.errors import MeasureError
from harness.images.ablation.answers import INT8_NETWORK, FlippedAnswers
from harness.images.ablation.pictures import Picture
from harness.images.ablation.states import PreparedRoute, fall
from harness.images.ablation.tables import answers_table
from harness.images.pipelines import Floats

Preparing = Callable[..., PreparedRoute]
WEIGHTS = np.random.default_rng(0).normal(size=(3 * 14 * 14, 7)).astype(np.float32)


def network(images: Floats) -> Floats:
    """Seven classes by means over patches of 16 pixels, so that what moves pixels moves logits."""
    patches = images.reshape(len(images), 3, 14, 16, 14, 16).mean(axis=(3, 5))
    return patches.reshape(len(images), -1) @ WEIGHTS


def inverted(images: Floats) -> Floats:
    return -network(images)


def test_steps_that_change_nothing_move_no_logit(
    preparing: Preparing, pictures: Mapping[str, Picture]
) -> None:
    answers = FlippedAnswers(network)
    for picture in pictures.values():
        answers.ask(fall(picture, preparing("page")))
    found = {one.label: one for one in answers.changes()}
    assert list(found)[:2] == ["decode", "resize filter"]
    assert found["decode"].centred_sqnr_db == math.inf
    assert found["crop"] == found["normalize"].__class__(
        "crop", found["aspect"].centred_sqnr_db, found["aspect"].flipped
    )
    assert found["float16"].centred_sqnr_db != found["normalize"].centred_sqnr_db
    assert found["aspect"].centred_sqnr_db < 30


def test_int8_network_comes_last_and_its_flips_are_counted(
    preparing: Preparing, pictures: Mapping[str, Picture]
) -> None:
    answers = FlippedAnswers(network, inverted)
    for picture in pictures.values():
        answers.ask(fall(picture, preparing("page")))
    *_, last = answers.changes()
    assert (last.label, last.flipped) == (INT8_NETWORK, (0, 1, 2))
    lines = answers_table(answers.changes(), images=3).splitlines()
    assert lines[-1].startswith("int8 network")
    assert lines[-1].endswith("3 of 3")


def test_claim_at_another_size_is_asked_from_its_sibling_on(
    preparing: Preparing, pictures: Mapping[str, Picture]
) -> None:
    answers = FlippedAnswers(network)
    for picture in pictures.values():
        answers.ask(fall(picture, preparing("timm-c1_in1k-288")))
    assert [one.label for one in answers.changes()][:2] == ["decode", "resize filter"]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda images: network(images) * np.float32(np.nan),
        lambda images: np.ones((len(images), 7), np.float32),
    ],
)
def test_network_that_says_nothing_is_refused(
    wrong: Callable[[Floats], Floats], preparing: Preparing, pictures: Mapping[str, Picture]
) -> None:
    answers = FlippedAnswers(wrong)
    for picture in pictures.values():
        answers.ask(fall(picture, preparing("page")))
    with pytest.raises(MeasureError, match=r"NaN|does not distinguish images"):
        answers.changes()
