"""Network outputs to results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from harness.accuracy.vendor_results.files import RANKS, Result
from harness.accuracy.vendor_results.lines import Guess
from harness.errors import MeasureError
from harness.judging.postprocessing.ranking import top_k


def decode(
    images: Sequence[str],
    logits: ArrayLike,
    labels: Sequence[str],
    *,
    ranks: int = RANKS,
    case: str = "",
) -> tuple[Result, ...]:
    """The most probable classes of each image, with their probabilities.

    The vendor's decoder sorts backwards, so of equal outputs it tends to name the highest id
    first; here it is the lowest, always.

    Args:
        images: paths, one for each row of ``logits``.
        logits: shape (images, classes), any real dtype.
        labels: the label of each class id.
        ranks: classes named for each image.
        case: named in the error.

    Raises:
        MeasureError: not as many images as rows, or labels as classes; or see
            :func:`harness.judging.postprocessing.ranking.top_k`. Names the image.
    """
    shape = np.shape(logits)
    if shape != (len(images), len(labels)):
        raise MeasureError(
            f"the outputs have shape {shape}, expected {len(images)} images and "
            f"{len(labels)} labels",
            case=case,
        )
    ranking = top_k(logits, k=ranks, images=images, case=case)
    return tuple(
        Result(
            image,
            tuple(
                Guess(int(class_id), float(probability), labels[class_id])
                for class_id, probability in zip(ids, probabilities, strict=True)
            ),
        )
        for image, ids, probabilities in zip(
            images, ranking.ids, ranking.probabilities, strict=True
        )
    )
