"""Whether one half's accuracy can be believed at all, before anything is made of it.

Off the validation set the documented figure cannot be held against what is measured. But it can be
told when a set or a model is broken: honest changes of images cost no more than :data:`SHIFT`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from harness.records import Outcome, Verdict

SHIFT: Final = Decimal(20)
"""Points of top-1 that other photographs of the same classes may cost: 11 to 14 on ImageNetV2
(Recht et al., Do ImageNet Classifiers Generalize to ImageNet?, ICML 2019), and up to 6 for another
crop, resize filter or decoder."""

RISK: Final = 1e-6
"""Of calling a half broken that is just :data:`SHIFT` below, and of a pattern that is chance."""

UNREAD: Final = 0.01
"""Share of images that may be unreadable: what they hide then is at most a point."""

FEW_CLASSES: Final = 0.2
"""Share of the labels' classes; answers within fewer tell no images apart."""

GAINED: Final = 0.15
"""Share of images that a pattern has to explain beyond the labels: no bias of a network does."""

PAIRS_AGREE: Final = 0.4
"""Share of pairs of images under one label that get one answer; of honest sets it is near the
square of the accuracy, and of shuffled labels near 0."""

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Answered:
    """What one half answered.

    Attributes:
        files: names of the scored images, in any order.
        labels, first: their classes, and the classes answered first; int64 (images,).
        unread: images that could not be scored.
        mislabelled: images whose name is the validation set's and whose class is not, as told.
    """

    files: Sequence[str]
    labels: Ids
    first: Ids
    unread: Sequence[str] = ()
    mislabelled: Sequence[str] = ()

    @property
    def hits(self) -> int:
        """Images that are answered by their class."""
        return int((self.labels == self.first).sum())


def disbelief(
    answered: Answered,
    *,
    documented: Decimal | None,
    allowed: Decimal = Decimal(0),
    classes: int = 1000,
    precision: str = "fp32",
) -> Verdict | None:
    """Why a half is not believed, as a verdict that does not conform; None where it is.

    Args:
        documented: top-1 in percent, or None where the page makes no claim.
        allowed: points that the precision may cost besides.
        classes: of the network.
    """
    images, hits = len(answered.labels), answered.hits
    percent = 100.0 * hits / images
    told = f"top1_{precision} = {percent:.2f} % of {images} images"
    reason, cause = "", ""
    pattern = likely_pattern(answered, classes=classes)
    if answered.mislabelled:
        first = min(answered.mislabelled)
        names = sorted(name.rpartition("/")[2] for name in answered.files)
        after = sum(name >= first.partition(" ")[0] for name in names)
        wrong = len(answered.mislabelled)
        reason = f"{wrong} images have another class than ImageNet's official labels"
        cause = pattern or (
            f"a label list that does not belong to these files, or lost a line: the first is "
            f"{first}, and of the {after} images from there on {wrong} are wrong"
        )
    elif len(answered.unread) > UNREAD * (images + len(answered.unread)):
        unread = answered.unread
        reason = (
            f"{len(unread)} of {images + len(unread)} images could not be read, at most "
            f"{UNREAD:.0%} may be"
        )
        cause = f"a data set that was copied or unpacked in part; the first is {unread[0]}"
    elif pattern:
        reason, cause = "a pattern explains the answers better than the labels do", pattern
    elif documented is not None:
        least = float(documented - SHIFT - allowed)
        if least > 0 and binom.cdf(hits, images, least / 100.0) < RISK:
            reason = (
                f"documented {documented} %, and other images explain no less than {least:.2f} % "
                f"({SHIFT} points)"
            )
            cause = _generic(answered)
    if not reason:
        return None
    return Verdict(Outcome.DOES_NOT_CONFORM, f"{told}: {reason}", (f"likely cause: {cause}",))


def likely_pattern(answered: Answered, *, classes: int = 1000) -> str:
    """What relation between answers and labels is far likelier than that the labels are right.

    Tried on the answers alone: classes off by a constant, labels off by lines of the list from one
    line on, classes sorted as text, and classes in any other order. "" where none is.
    """
    order = np.argsort(np.asarray(answered.files, dtype=object), kind="stable")
    labels, first = answered.labels[order], answered.first[order]
    files = [answered.files[place] for place in order]
    found = _constant(labels, first, classes)
    found = found or _shifted_lines(files, labels, first)
    found = found or _sorted_as_text(labels, first, classes)
    return found or _other_order(labels, first)


def _better(explained: int, hits: int, images: int, *, tried: int) -> bool:
    """Whether a pattern explains far more images than the labels, and than chance would."""
    if explained - hits < max(GAINED * images, 5):
        return False
    chance = max(hits / images, 0.01)
    return bool(tried * binom.sf(explained - 1, images, chance) < RISK)


def _constant(labels: Ids, first: Ids, classes: int) -> str:
    off = (first - labels) % classes
    counts = np.bincount(off, minlength=classes)
    by = int(counts[1:].argmax()) + 1
    explained = int(counts[by])
    if not _better(explained, int(counts[0]), len(labels), tried=classes):
        return ""
    step = by if by <= classes // 2 else by - classes
    hint = ", as where class 0 is a background class and there are 1,001" if abs(step) == 1 else ""
    return (
        f"{explained} of {len(labels)} answers are the label {step:+d}: class ids are shifted by "
        f"{abs(step)}, in the labels or in the classifier{hint}"
    )


def _shifted_lines(files: Sequence[str], labels: Ids, first: Ids) -> str:
    """A line of the list that was lost or doubled: from there on each file has another's class."""
    images, right = len(labels), (labels == first).astype(np.int64)
    best = (int(right.sum()), 0, 0)
    shifts = (-3, -2, -1, 1, 2, 3)
    for by in shifts:
        moved = np.zeros(images, np.int64)
        if abs(by) >= images:
            continue
        if by > 0:
            moved[by:] = labels[:-by] == first[by:]
        else:
            moved[:by] = labels[-by:] == first[:by]
        gain = np.cumsum((moved - right)[::-1])[::-1]  # of a shift from each place on
        start = int(gain.argmax())
        best = max(best, (int(right.sum() + gain[start]), start, by))
    explained, start, by = best
    tail = images - start
    before = int(right[start:].sum())
    within = explained - int(right[:start].sum())
    if not by or not _better(within, before, tail, tried=images * len(shifts)):
        return ""
    return (
        f"{within} of the last {tail} answers are the label {abs(by)} line{'s' * (abs(by) > 1)} "
        f"{'above' if by < 0 else 'below'}: the list is shifted from {files[start]} on"
    )


def _sorted_as_text(labels: Ids, first: Ids, classes: int) -> str:
    if labels.min() < 0 or labels.max() >= classes:
        return ""
    text = np.array(sorted(range(classes), key=str))
    place = np.argsort(text)
    hits = int((labels == first).sum())
    for order in (text, place):
        explained = int((order[labels] == first).sum())
        if _better(explained, hits, len(labels), tried=2):
            return (
                f"{explained} of {len(labels)} answers fit class ids that were sorted as text "
                "(0, 1, 10, 100, …)"
            )
    return ""


def _other_order(labels: Ids, first: Ids) -> str:
    """Images under one label get one answer, which is another class: the names are permuted."""
    order = np.argsort(labels, kind="stable")
    same = labels[order][1:] == labels[order][:-1]
    pairs = int(same.sum())
    agree = int((first[order][1:] == first[order][:-1])[same].sum())
    accuracy = float((labels == first).mean())
    if pairs < 50 or agree < PAIRS_AGREE * pairs or agree / pairs < 4 * max(accuracy, 0.01):
        return ""
    if len(np.unique(first)) <= FEW_CLASSES * len(np.unique(labels)):
        return ""
    return (
        f"{agree} of {pairs} pairs of images under one label get one answer, which is another "
        "class: classes in another order, such as the development kit's ILSVRC2012_ID in place of "
        "the synsets' own"
    )


def _generic(answered: Answered) -> str:
    named, there = len(np.unique(answered.first)), len(np.unique(answered.labels))
    if named <= FEW_CLASSES * there:
        return (
            f"only {named} classes are answered for images of {there}: the input is not "
            "normalized, or in another scale, or the weights are not loaded"
        )
    return (
        "no shift or order of classes explains it: channel order, scale or normalization of the "
        "input, other images than the labels are about, or the weights of another model"
    )
