"""A half that is broken is not believed, whatever the other half says; an honest one is."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.images.datasets.imagenet import mislabelled
from harness.judging.accuracy.belief import UNREAD, Answered, disbelief
from harness.records import Verdict

Ids = NDArray[np.int64]

IMAGES, CLASSES = 1300, 1000
DOCUMENTED = Decimal("71.878")
FILES = tuple(f"val/{index:05}.JPEG" for index in range(IMAGES))
LABELS: Ids = np.random.default_rng(1).integers(0, CLASSES, IMAGES)


def answers(accuracy: float, *, seed: int = 2, labels: Ids = LABELS) -> Ids:
    """What a network of this accuracy answers; wrong answers are any class."""
    random = np.random.default_rng(seed)
    right = random.random(len(labels)) < accuracy
    return np.where(right, labels, random.integers(0, CLASSES, len(labels)))


def judged(first: Ids, labels: Ids = LABELS, **given: object) -> Verdict | None:
    what = Answered(FILES[: len(labels)], labels, first, **given)  # type: ignore[arg-type]
    return disbelief(what, documented=DOCUMENTED)


def cause(verdict: Verdict | None) -> str:
    assert verdict is not None
    return verdict.details[0]


@pytest.mark.parametrize("accuracy", [0.95, 0.785, 0.72, 0.60, 0.53])
def test_an_honest_set_is_believed(accuracy: float) -> None:
    """Easier ones too, and one as hard as ImageNetV2."""
    assert all(judged(answers(accuracy, seed=seed)) is None for seed in range(50))


@pytest.mark.parametrize("by", [1, -1, 7, 500])
def test_class_ids_that_are_shifted_are_named(by: int) -> None:
    shifted = (LABELS + by) % CLASSES
    told = cause(judged(answers(0.78), shifted))
    assert f"answers are the label {-by if abs(by) < 500 else 500:+d}" in told
    assert ("background" in told) == (abs(by) == 1)


@pytest.mark.shows(
    "labels are shifted, sorted otherwise or of other files, and two broken halves agree"
)
@pytest.mark.parametrize("lines", [1, 2, -1])
@pytest.mark.parametrize("start", [0, 650, 1000])
def test_a_list_that_is_shifted_is_named_with_its_place(lines: int, start: int) -> None:
    labels = LABELS.copy()
    labels[start:] = np.roll(LABELS, lines)[start:]
    told = cause(judged(answers(0.78), labels))
    place = int(told.rpartition("shifted from val/")[2][:5])
    assert abs(place - start) < 8
    assert f"{abs(lines)} line" in told


def test_classes_that_were_sorted_as_text_are_named() -> None:
    text = np.array(sorted(range(CLASSES), key=str))
    assert "sorted as text" in cause(judged(answers(0.78), np.argsort(text)[LABELS]))
    assert "sorted as text" in cause(judged(answers(0.78), text[LABELS]))


def test_classes_in_another_order_are_named() -> None:
    order = np.random.default_rng(3).permutation(CLASSES)
    labels = np.random.default_rng(4).integers(0, 300, IMAGES)
    assert "ILSVRC2012_ID" in cause(judged(answers(0.78, labels=labels), order[labels]))


def test_answers_within_few_classes_point_to_the_input() -> None:
    few = np.random.default_rng(5).integers(0, 9, IMAGES)
    assert "only 9 classes are answered" in cause(judged(few))


def test_a_gross_loss_without_a_pattern_is_not_believed() -> None:
    verdict = judged(answers(0.40))
    assert verdict is not None
    assert "no less than 51.88 % (20 points)" in verdict.headline
    assert "channel order" in cause(verdict)


def test_a_gross_loss_on_few_images_may_be_chance() -> None:
    assert judged(answers(0.40)[:12], LABELS[:12]) is None


@pytest.mark.shows(
    "images that were not read are passed over",
    by="counted and bounded; a verdict that they could turn is inconclusive",
)
def test_too_many_unread_images_are_no_pass() -> None:
    most = int(UNREAD * IMAGES)
    assert judged(answers(0.78), unread=("bad",) * most) is None
    verdict = judged(answers(0.78), unread=("bad.JPEG",) * 434)
    assert verdict is not None
    assert "434 of 1734 images could not be read" in verdict.headline


def test_official_labels_are_known_image_by_image() -> None:
    """As ILSVRC2012 publishes them, on a subset too."""
    right = [("val/ILSVRC2012_val_00000001.JPEG", 65), ("ILSVRC2012_val_00000002.JPEG", 970)]
    assert mislabelled(right) == []
    assert mislabelled([(name, label + 1) for name, label in right]) == [
        "ILSVRC2012_val_00000001.JPEG as 66",
        "ILSVRC2012_val_00000002.JPEG as 971",
    ]
    assert mislabelled([("dog.JPEG", 5), ("ILSVRC2012_val_99999999.JPEG", 5)]) == []
    verdict = judged(answers(0.78), mislabelled=("ILSVRC2012_val_00000001.JPEG as 66",))
    assert verdict is not None
    assert "1 images have another class than ImageNet's official labels" in verdict.headline


def test_without_a_claim_patterns_alone_are_told() -> None:
    what = Answered(FILES, (LABELS + 1) % CLASSES, answers(0.78))
    assert disbelief(what, documented=None) is not None
    assert disbelief(Answered(FILES, LABELS, answers(0.30)), documented=None) is None
