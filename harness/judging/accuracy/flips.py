"""The images whose answer changed between fp32 and int8, with what both halves said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from harness.errors import MeasureError
from harness.judging.postprocessing.ranking import Ranking


class Turn(StrEnum):
    """What became of the right answer."""

    LOST = "lost"
    GAINED = "gained"
    KEPT = "kept"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Answer:
    """The classes a half named for one image, the most probable first, and their probabilities."""

    ids: tuple[int, ...]
    scores: tuple[float, ...]

    def __str__(self) -> str:
        return ", ".join(f"{i} {s:.3f}" for i, s in zip(self.ids, self.scores, strict=True))


@dataclass(frozen=True, slots=True)
class Flip:
    """One image whose first class changed, or whose right class left or entered the named ones.

    Attributes:
        image: its name.
        label: its right class.
        fp32, int8: what each half answered.
    """

    image: str
    label: int
    fp32: Answer
    int8: Answer

    @property
    def first(self) -> Turn:
        """What became of the right class in the first place; missed: wrong in both halves."""
        return _change(self.fp32.ids[0] == self.label, self.int8.ids[0] == self.label)

    @property
    def within(self) -> Turn:
        """What became of the right class among all that are named."""
        return _change(self.label in self.fp32.ids, self.label in self.int8.ids)

    def __str__(self) -> str:
        return (
            f"{self.image}, class {self.label}: top-1 {self.first}, "
            f"top-{len(self.fp32.ids)} {self.within}\n"
            f"  fp32 {self.fp32}\n  int8 {self.int8}"
        )


def find_flips(
    images: Sequence[str], labels: ArrayLike, fp32: Ranking, int8: Ranking, *, case: str = ""
) -> tuple[Flip, ...]:
    """The images whose first class differs, or whose right class is named by one half alone.

    Args:
        images: their names.
        labels: their right classes, shape (images,).
        fp32: the answers of the float model, of these images in this order.
        int8: likewise, of the quantized one; as many classes an image.
        case: named in the error.

    Raises:
        MeasureError: names, labels and answers are not of the same number of images and classes,
            or the labels are no whole numbers.
    """
    truth = np.asarray(labels)
    if truth.dtype.kind not in "iu" or not (
        truth.shape == (len(images),) == fp32.ids.shape[:1] and fp32.ids.shape == int8.ids.shape
    ):
        raise MeasureError(
            f"{len(images)} images, labels {truth.dtype} of shape {truth.shape}, answers of shapes "
            f"{fp32.ids.shape} in fp32 and {int8.ids.shape} in int8, expected the same images",
            case=case,
        )
    named = [(half.ids == truth[:, None]).any(axis=1) for half in (fp32, int8)]
    changed = (fp32.ids[:, 0] != int8.ids[:, 0]) | (named[0] != named[1])
    return tuple(
        Flip(images[i], int(truth[i]), _answer(fp32, i), _answer(int8, i))
        for i in np.flatnonzero(changed).tolist()
    )


def _answer(ranking: Ranking, image: int) -> Answer:
    return Answer(
        tuple(int(one) for one in ranking.ids[image]),
        tuple(float(one) for one in ranking.probabilities[image]),
    )


def _change(before: bool, after: bool) -> Turn:
    if before == after:
        return Turn.KEPT if before else Turn.MISSED
    return Turn.LOST if before else Turn.GAINED
