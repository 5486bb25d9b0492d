"""Every image whose answer changed is listed, with what both halves said."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import MeasureError
from harness.judging.accuracy.flips import Turn, find_flips
from harness.judging.postprocessing.ranking import Ranking, top_k

IMAGES = ("a.JPEG", "b.JPEG", "c.JPEG", "d.JPEG", "e.JPEG")
LABELS = [0, 1, 2, 3, 4]


def ranking(*ids: tuple[int, int]) -> Ranking:
    return Ranking(np.array(ids), np.tile([0.75, 0.25], (len(ids), 1)))


FP32 = ranking((0, 1), (2, 1), (0, 1), (0, 3), (4, 3))
INT8 = ranking((1, 0), (1, 2), (1, 0), (0, 1), (4, 1))


def test_each_kind_of_change_is_told_apart() -> None:
    flips = find_flips(IMAGES, LABELS, FP32, INT8)
    assert [(flip.image, flip.first, flip.within) for flip in flips] == [
        ("a.JPEG", Turn.LOST, Turn.KEPT),
        ("b.JPEG", Turn.GAINED, Turn.KEPT),
        ("c.JPEG", Turn.MISSED, Turn.MISSED),
        ("d.JPEG", Turn.MISSED, Turn.LOST),
    ]


def test_a_flip_reads_with_both_answers() -> None:
    flip = find_flips(IMAGES, LABELS, FP32, INT8)[0]
    assert str(flip) == (
        "a.JPEG, class 0: top-1 lost, top-2 kept\n  fp32 0 0.750, 1 0.250\n  int8 1 0.750, 0 0.250"
    )


def test_equal_halves_have_no_flips() -> None:
    half = top_k(np.eye(5), k=5)
    assert find_flips(IMAGES, LABELS, half, half) == ()


def test_a_shifted_half_flips_every_image() -> None:
    halves = (top_k(np.eye(5), k=5), top_k(np.roll(np.eye(5), 1, axis=0), k=5))
    assert [flip.first for flip in find_flips(IMAGES, LABELS, *halves)] == [Turn.LOST] * 5


@pytest.mark.parametrize(
    ("images", "labels", "int8"),
    [
        (IMAGES[:4], LABELS, INT8),
        (IMAGES, LABELS[:4], INT8),
        (IMAGES, [float(label) for label in LABELS], INT8),
        (IMAGES, LABELS, ranking((0, 1))),
    ],
)
def test_halves_of_different_images_are_refused(
    images: tuple[str, ...], labels: list[float], int8: Ranking
) -> None:
    with pytest.raises(MeasureError, match="expected the same images"):
        find_flips(images, labels, FP32, int8)
