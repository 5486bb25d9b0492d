"""How close a candidate's logits are to the reference's: int8 against float, run against run.

All figures are computed in float64. *Signal* is what the reference says, *noise* is candidate
minus reference. The noise is never centred: an error that is the same for all images is an error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import MeasureError
from harness.judging.logits import Logits, decibels, paired, root_mean_square
from harness.records import Measurement

TOP = 5
"""Classes that count for the top-5 overlap; fewer where the network has fewer."""

GROUPS = 20
"""Class subsets for the decision agreement: 50 of ImageNet's 1000 classes in each."""

FLOAT32_EPS = float(np.finfo(np.float32).eps)
"""2**-23, the spacing of float32 numbers at 1 (IEEE 754-2019, binary32)."""


@dataclass(frozen=True, slots=True)
class Parity:
    """What :func:`compare` found. Shares are between 0 and 1, cosines between -1 and 1.

    Attributes:
        images: number of images compared.
        classes: number of classes.
        identical: every candidate value equals the reference value: no quantization took place
            (silent fallback), or both halves are the same run.
        sqnr_db: power of the reference over power of the noise; flattered by constant offsets.
        centred_sqnr_db: as before, the reference taken minus its mean over the images. ``inf``
            exactly when ``identical``.
        cosine_mean: mean over images of the cosine between the two logit vectors.
        cosine_min: its minimum.
        centred_cosine_mean: the same with the reference's mean over the images taken from both.
        centred_cosine_min: its minimum.
        top1_agreement: share of images with the same best class.
        top5_overlap: mean share of the reference's five best classes among the candidate's.
        decision_agreement: share of (image, class subset) pairs with the same best class within
            the subset.
        decisions: number of those pairs.
        narrow_share: share of images whose best class leads the second by less than the root mean
            square noise of a difference of two logits, so that a flip there says little.
        worst_image: index of the image with the lowest centred SQNR.
        worst_image_sqnr_db: its centred SQNR.
        max_abs_difference: largest absolute noise, in logits.
        flipped: indices of the images whose best class differs.
    """

    images: int
    classes: int
    identical: bool
    sqnr_db: float
    centred_sqnr_db: float
    cosine_mean: float
    cosine_min: float
    centred_cosine_mean: float
    centred_cosine_min: float
    top1_agreement: float
    top5_overlap: float
    decision_agreement: float
    decisions: int
    narrow_share: float
    worst_image: int
    worst_image_sqnr_db: float
    max_abs_difference: float
    flipped: tuple[int, ...]

    def measurements(self, **conditions: str) -> tuple[Measurement, ...]:
        """The figures under the names that tolerances use, each with the conditions given."""
        figures = (
            ("sqnr", self.sqnr_db, "dB"),
            ("centred_sqnr", self.centred_sqnr_db, "dB"),
            ("worst_image_sqnr", self.worst_image_sqnr_db, "dB"),
            ("cosine_mean", self.cosine_mean, ""),
            ("cosine_min", self.cosine_min, ""),
            ("centred_cosine_mean", self.centred_cosine_mean, ""),
            ("centred_cosine_min", self.centred_cosine_min, ""),
            ("top1_agreement", self.top1_agreement, "share"),
            ("top5_overlap", self.top5_overlap, "share"),
            ("decision_agreement", self.decision_agreement, "share"),
            ("narrow_share", self.narrow_share, "share"),
            ("max_abs_difference", self.max_abs_difference, "logits"),
        )
        conditions = {"images": str(self.images), **conditions}
        return tuple(Measurement(name, value, unit, conditions) for name, value, unit in figures)


def compare(
    reference: ArrayLike, candidate: ArrayLike, *, groups: int = GROUPS, case: str = ""
) -> Parity:
    """Every figure of parity between two halves of shape (images, classes).

    Ties go to the lower class index. An image on which a half is all zero has cosine 0 there, or
    1 where both are. ``groups`` is cut so that each subset holds at least two classes.

    Raises:
        MeasureError: the halves cannot be compared (see :func:`harness.judging.logits.paired`),
            or the reference does not distinguish the images.
        ValueError: ``groups`` is not positive.
    """
    reference, candidate = paired(reference, candidate, case=case)
    mean = reference.mean(axis=0)
    signal = reference - mean
    _require_signal(reference, signal, case)
    noise = candidate - reference
    cosine = _cosine(reference, candidate)
    centred_cosine = _cosine(signal, candidate - mean)
    per_image = np.array(
        [
            decibels(root_mean_square(s), root_mean_square(n))
            for s, n in zip(signal, noise, strict=True)
        ]
    )
    worst = int(np.argmin(per_image))
    flips = np.flatnonzero(reference.argmax(axis=1) != candidate.argmax(axis=1))
    decisions = same_decisions(reference, candidate, groups=groups)
    return Parity(
        images=len(reference),
        classes=reference.shape[1],
        identical=bool(np.array_equal(reference, candidate)),
        sqnr_db=decibels(root_mean_square(reference), root_mean_square(noise)),
        centred_sqnr_db=decibels(root_mean_square(signal), root_mean_square(noise)),
        cosine_mean=float(cosine.mean()),
        cosine_min=float(cosine.min()),
        centred_cosine_mean=float(centred_cosine.mean()),
        centred_cosine_min=float(centred_cosine.min()),
        top1_agreement=(len(reference) - flips.size) / len(reference),
        top5_overlap=_overlap(reference, candidate),
        decision_agreement=float(decisions.mean()),
        decisions=decisions.size,
        narrow_share=float(np.mean(margins(reference) < _gap_noise(noise))),
        worst_image=worst,
        worst_image_sqnr_db=float(per_image[worst]),
        max_abs_difference=float(np.abs(noise).max()),
        flipped=tuple(int(image) for image in flips),
    )


def same_decisions(reference: Logits, candidate: Logits, *, groups: int) -> NDArray[np.bool_]:
    """Whether the best class within each of ``groups`` disjoint class subsets is the same.

    Subset g holds the classes g, g + groups, g + 2 * groups and so on. Few images thus give many
    decisions: 18 images and 20 subsets give 360, where the top-1 alone gives 18. They are not
    independent (an image's subsets share its features), so they sharpen a trend and do not
    replace images; and each is a choice among fewer classes than the network really has.

    Returns:
        Booleans of shape (images, subsets).
    """
    if groups < 1:
        raise ValueError(f"groups = {groups}, expected a positive number")
    groups = min(groups, reference.shape[1] // 2)
    return np.stack(
        [
            reference[:, group::groups].argmax(axis=1) == candidate[:, group::groups].argmax(axis=1)
            for group in range(groups)
        ],
        axis=1,
    )


def margins(logits: Logits) -> Logits:
    """By how much the best class leads the second on each image, in logits; shape (images,)."""
    two = np.partition(logits, -2, axis=1)[:, -2:]
    return np.asarray(two[:, 1] - two[:, 0])


def _require_signal(reference: Logits, signal: Logits, case: str) -> None:
    if len(reference) < 2:
        raise MeasureError("parity needs at least two images, one is given", case=case)
    rounding = FLOAT32_EPS * float(np.abs(reference).max())
    if root_mean_square(signal) <= rounding:
        raise MeasureError(
            "the reference does not distinguish images: all "
            f"{len(reference)} get the same logits, so agreement with it says nothing",
            case=case,
        )


def _gap_noise(noise: Logits) -> float:
    # E (n_i - n_j)^2 over two different classes is twice the sample variance of the n_i; what
    # moves all classes of an image alike moves no decision and drops out.
    spread = noise - noise.mean(axis=1, keepdims=True)
    classes = noise.shape[1]
    return root_mean_square(spread) * math.sqrt(2.0 * classes / (classes - 1))


def _cosine(left: Logits, right: Logits) -> Logits:
    left, left_is_zero = _directions(left)
    right, right_is_zero = _directions(right)
    cosine = np.clip(np.sum(left * right, axis=1), -1.0, 1.0)
    return np.asarray(np.where(left_is_zero & right_is_zero, 1.0, cosine))


def _directions(vectors: Logits) -> tuple[Logits, NDArray[np.bool_]]:
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    is_zero = largest == 0.0
    scaled = vectors / np.where(is_zero, 1.0, largest)
    length = np.linalg.norm(scaled, axis=1, keepdims=True)
    return scaled / np.where(is_zero, 1.0, length), is_zero[:, 0]


def _overlap(reference: Logits, candidate: Logits) -> float:
    top: int = min(TOP, reference.shape[1])
    best = [np.argsort(-half, axis=1, kind="stable")[:, :top] for half in (reference, candidate)]
    shared = sum(len(np.intersect1d(ours, theirs)) for ours, theirs in zip(*best, strict=True))
    return shared / (top * len(reference))
