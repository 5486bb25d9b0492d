"""What was served is held against the answers of the images alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from serving_stand_ins import IMAGES, Floats, pictures, right

from harness.errors import MeasureError, MismatchedOutput, PartialOutput, WrongOutput
from harness.throughput.logs import Served
from harness.throughput.served import NEAR, require_apart, require_right

pytestmark = [
    pytest.mark.shows(
        "answers under load are dropped, doubled, mixed up or given before they are computed"
    )
]

ALONE = right(pictures())
LOG = Path("accuracy.json")


def served(answers: Floats = ALONE) -> list[Served]:
    return [Served(position, answer.tobytes()) for position, answer in enumerate(answers)]


def check(answers: list[Served], *, each_once: bool = True) -> float:
    return require_right(answers, ALONE, each_once=each_once, log=LOG)


def test_right_answers_are_right_in_any_order() -> None:
    assert check(served()[::-1]) == 0


def test_rounding_of_a_batch_is_allowed_for() -> None:
    noise = np.random.default_rng(2).normal(scale=0.02, size=ALONE.shape)
    assert 0 < check(served((ALONE + noise).astype(np.float32))) < 0.5


def test_an_answer_at_a_quarter_of_the_way_is_the_last_right_one() -> None:
    nearest = require_apart(ALONE)
    direction = np.eye(12, dtype=np.float32)[0]
    for share, holds in ((0.99, True), (1.01, False)):
        moved = ALONE + share * NEAR * nearest[:, None] * direction
        if holds:
            assert check(served(moved)) == pytest.approx(share, abs=0.01)
        else:
            with pytest.raises(WrongOutput):
                check(served(moved))


def test_a_swap_names_both_images() -> None:
    answers = [Served(0, served()[5].data), *served()[1:]]
    with pytest.raises(MismatchedOutput, match="answer 0, to image 0, is that of image 5"):
        check(answers)


def test_a_missing_and_a_doubled_answer_are_noticed() -> None:
    with pytest.raises(PartialOutput, match=r"7 answers to 8 images; not once: \[3\]"):
        check([one for one in served() if one.position != 3])
    with pytest.raises(PartialOutput, match=r"9 answers to 8 images; not once: \[2\]"):
        check([*served(), served()[2]])
    with pytest.raises(PartialOutput, match="0 answers"):
        check([], each_once=False)


def test_some_images_may_come_again_and_others_not_at_all_in_a_timed_test() -> None:
    assert check([served()[2]] * 3, each_once=False) == 0


@pytest.mark.parametrize("data", [b"", ALONE[0].tobytes()[:-4], ALONE[:2].tobytes()])
def test_an_answer_of_another_size_is_wrong(data: bytes) -> None:
    with pytest.raises(WrongOutput, match=rf"{len(data)} bytes, expected 48"):
        check([Served(0, data), *served()[1:]])


def test_nan_is_wrong() -> None:
    answers = ALONE.copy()
    answers[4, 1] = np.nan
    with pytest.raises(WrongOutput, match="answer 4, to image 4, is that of no image"):
        check(served(answers))
    with pytest.raises(WrongOutput, match="alone"):
        require_apart(answers)


def test_images_that_are_answered_alike_show_nothing() -> None:
    alike = ALONE.copy()
    alike[6] = alike[1]
    with pytest.raises(MeasureError, match="images 1 and 6 have the same answer"):
        require_apart(alike)
    with pytest.raises(MeasureError, match="one image"):
        require_apart(ALONE[:1])


def test_an_answer_to_an_image_that_there_is_not_is_wrong() -> None:
    with pytest.raises(WrongOutput, match="to image 8"):
        check([Served(IMAGES, ALONE[0].tobytes())], each_once=False)
