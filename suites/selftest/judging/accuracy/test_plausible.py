"""int8 that wins, or answers as fp32 does, is too good to be true; honest int8 is not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.judging.accuracy.pairs import PairedCounts, count_pairs
from harness.judging.accuracy.plausible import IDENTICAL, Doubt, doubt

Ids = NDArray[np.int64]
RANDOM = np.random.default_rng(1)
FIVE: Ids = np.argsort(RANDOM.random((300, 40)), axis=1)[:, :5]


def counted(losses: int, gains: int, images: int) -> PairedCounts:
    return PairedCounts(images - losses - gains, losses, gains, 0)


def judged(
    counts: PairedCounts,
    *,
    changed: float = 0.05,
    differs: str = "",
    population: int | None = None,
) -> Doubt | None:
    fp32 = RANDOM.integers(0, 1000, (counts.images, 5))
    other = fp32.copy()
    other[: int(changed * counts.images), 0] += 1000
    return doubt(
        counts,
        fp32=fp32,
        other=other,
        scores=None,
        precision="int8",
        population=population,
        differs=differs,
    )


@pytest.mark.parametrize(
    ("lost", "won", "images"),
    [(11, 18, 1300), (15, 17, 1300), (0, 3, 300), (6, 12, 300), (500, 700, 50_000)],
)
def test_honest_quantization_may_win_a_little(lost: int, won: int, images: int) -> None:
    """The first two are MobileNetV2's on 1,300 photographs."""
    assert judged(counted(lost, won, images)) is None


@pytest.mark.shows("int8 gains what no lower precision gains", by="the paired test is two-sided")
def test_int8_far_above_fp32_is_not_believed() -> None:
    found = judged(counted(4, 42, 300), changed=0.3)
    assert found is not None
    assert "12.67 points above fp32 (42 gained, 4 lost, p = 5" in found.finding
    assert "differently prepared images" in found.cause


@pytest.mark.parametrize(("won", "doubted"), [(5, False), (12, True), (127, True)])
def test_on_all_images_of_a_set_no_chance_is_left(won: int, doubted: bool) -> None:
    found = judged(counted(0, won, 1000), population=1000)
    assert (found is not None) == doubted


def test_what_differs_between_the_halves_is_blamed_first() -> None:
    found = judged(counted(4, 42, 300), differs="preprocessing differs too: a for fp32, b for int8")
    assert found is not None
    assert "preprocessing differs too" in found.cause


def test_few_changed_answers_point_to_fp32() -> None:
    found = judged(counted(0, 60, 1300))
    assert found is not None
    assert "fp32 is broken" in found.cause


def agreeing(images: int, *, other: Ids | None = None, precision: str = "int8") -> Doubt | None:
    ours = FIVE[:images]
    theirs = ours if other is None else other
    hits = np.ones(images, bool)
    scores = np.full(ours.shape, 0.2)
    return doubt(
        count_pairs(hits, hits),
        fp32=ours,
        other=theirs,
        scores=(scores, scores if other is None else scores + 1e-9),
        precision=precision,
        population=None,
    )


@pytest.mark.shows(
    "answers of fp32 are handed in as those of int8",
    by="identical orders of five, or identical bits",
)
@pytest.mark.parametrize("precision", ["int8", "fp16", "bf16"])
def test_fp32_under_another_name_is_noticed(precision: str) -> None:
    found = agreeing(300, precision=precision)
    assert found is not None
    assert f"{precision} names the same classes in the same order as fp32" in found.finding
    assert "fp32 run under another name" in found.cause


def test_a_few_identical_answers_may_be_chance() -> None:
    assert agreeing(IDENTICAL - 1) is None


def test_one_other_order_is_enough_to_be_another_run() -> None:
    other = FIVE.copy()
    other[7, 3:] = other[7, :2:-1]
    assert agreeing(300, other=other) is None


def test_fp16_may_keep_every_order_but_not_every_bit() -> None:
    assert agreeing(300, other=FIVE.copy(), precision="fp16") is None
