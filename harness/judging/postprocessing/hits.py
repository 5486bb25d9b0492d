"""How often the right class was named first, and how often at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from harness.errors import MeasureError
from harness.records import Measurement


@dataclass(frozen=True, slots=True)
class Hits:
    """Counts, from which accuracy is a division away.

    Attributes:
        images: how many were looked at.
        first: of how many the right class came first.
        within: of how many it was among the first ``k``.
        k: how many classes were named for each image.
    """

    images: int
    first: int
    within: int
    k: int

    def measurements(self, **conditions: str) -> tuple[Measurement, Measurement]:
        """top-1 and top-k accuracy in percent; NaN where there was no image."""
        return (
            Measurement("top1", _percent(self.first, self.images), "%", conditions),
            Measurement(f"top{self.k}", _percent(self.within, self.images), "%", conditions),
        )


def count_hits(ranked: ArrayLike, truth: ArrayLike, *, case: str = "") -> Hits:
    """Count by class id.

    Args:
        ranked: class ids of shape (images, k), the most probable first.
        truth: the right class ids, shape (images,).
        case: named in the error.

    Raises:
        MeasureError: a half is not of whole numbers from 0 on, is empty, or the shapes differ.

    >>> count_hits([[3, 1], [2, 0], [1, 2]], [3, 0, 0])
    Hits(images=3, first=1, within=2, k=2)
    """
    ids, right = np.asarray(ranked), np.asarray(truth)
    for name, half, dimensions in (("ranked", ids, 2), ("true", right, 1)):
        if (
            half.dtype.kind not in "iu"
            or half.ndim != dimensions
            or not half.size
            or half.min() < 0
        ):
            raise MeasureError(
                f"the {name} classes are {half.dtype} of shape {half.shape}, expected ids from 0 "
                f"on in {dimensions} dimension{'s' if dimensions > 1 else ''}",
                case=case,
            )
    if len(ids) != len(right):
        raise MeasureError(f"{len(ids)} images are ranked, {len(right)} have a class", case=case)
    matches = ids == right[:, None]
    return Hits(len(ids), int(matches[:, 0].sum()), int(matches.any(axis=1).sum()), ids.shape[1])


def _percent(count: int, images: int) -> float:
    return 100.0 * count / images if images else float("nan")
