"""Outputs matched to the wrong inputs: the commonest way to lose all accuracy at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.judging.logits import Logits, decibels, paired, root_mean_square

FEWEST_IMAGES = 3
"""With two images a swap cannot be told from a change of sign."""

GAIN_DB = 6.0
"""The moved images must fit their new partners with a quarter of the noise power."""

DISTINCT_SHARE = 0.9
"""Of the moved images, how many must find a partner of their own. A collapsed candidate sends
all images to one partner and is no mispairing; a lost file shifts a list and repeats its end."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Another assignment of images that explains the candidate better than the given one.

    Attributes:
        order: for each image of the candidate, the reference image that it answers.
        moved: the candidate's images whose answer belongs to another one.
        gain_db: by how much the noise of the moved images falls.
    """

    order: tuple[int, ...]
    moved: tuple[int, ...]
    gain_db: float

    @property
    def description(self) -> str:
        """The reassignment in words, by a simple rule where there is one."""
        count = len(self.order)
        steps = {(self.order[image] - image) % count for image in self.moved}
        if self.order == tuple(reversed(range(count))):
            return "in reverse order"
        if len(steps) == 1:
            step = min(steps, key=lambda step: min(step, count - step))
            return f"shifted by {step if step <= count // 2 else step - count}"
        first = self.moved[0]
        return (
            f"{len(self.moved)} of {count} moved, "
            f"the answer for image {self.order[first]} stands at image {first}"
        )


def find_pairing(reference: ArrayLike, candidate: ArrayLike, *, case: str = "") -> Pairing | None:
    """A better assignment of the candidate's images to the reference's, or None.

    Each image of the candidate goes to the nearest one of the reference (Euclidean distance
    between logits, each half minus its own mean over the images, so that an offset does not
    hide a permutation). The result counts where hardly two images want the same partner, and the
    moved ones then fit at least 6 dB better.

    Raises:
        MeasureError: see :func:`harness.judging.logits.paired`.
    """
    ours, theirs = paired(reference, candidate, case=case)
    images = len(ours)
    if images < FEWEST_IMAGES:
        return None
    ours, theirs = ours - ours.mean(axis=0), theirs - theirs.mean(axis=0)
    order = _nearest(ours, theirs)
    moved = np.flatnonzero(order != np.arange(images))
    if moved.size < 2 or np.unique(order[moved]).size < DISTINCT_SHARE * moved.size:
        return None
    before = root_mean_square(theirs[moved] - ours[moved])
    after = root_mean_square(theirs[moved] - ours[order[moved]])
    gain = decibels(before, after)
    if gain < GAIN_DB:
        return None
    return Pairing(tuple(int(i) for i in order), tuple(int(i) for i in moved), gain)


def _nearest(reference: Logits, candidate: Logits) -> NDArray[np.intp]:
    """Index of the nearest reference image for each candidate image; its own wins a tie."""
    scale = max(float(np.abs(reference).max()), float(np.abs(candidate).max())) or 1.0
    reference, candidate = reference / scale, candidate / scale
    distance = (
        np.square(candidate).sum(axis=1)[:, None]
        + np.square(reference).sum(axis=1)[None, :]
        - 2.0 * candidate @ reference.T
    )
    rounding = 1e-12 * float(np.abs(distance).max())
    own = np.diagonal(distance) <= distance.min(axis=1) + rounding
    return np.where(own, np.arange(len(distance)), distance.argmin(axis=1))
