"""Whether what was served under load are the answers to the samples that were sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.errors import MeasureError, MismatchedOutput, PartialOutput, WrongOutput
from harness.throughput.logs import Served
from harness.throughput.serving import Floats

NEAR = 0.25
"""An answer may be this far from its image's own, as a share of the distance to the nearest other
image's. Below a half no answer is nearer to another image. Batches round otherwise than images
alone do, which is a thousandth of it in fp32 and a few hundredths in bf16."""


def require_apart(alone: Floats) -> Floats:
    """How far each image's answer is from the nearest other's; Euclidean, (images,).

    Args:
        alone: answers of the images, computed one by one: (images, classes).

    Raises:
        WrongOutput: an answer holds NaN or infinity.
        MeasureError: two images have the same answer, so that a mix-up would not show.
    """
    if not np.isfinite(alone).all():
        raise WrongOutput("an image alone is answered with NaN or infinity")
    if len(alone) < 2:
        raise MeasureError("one image does not show whether answers are mixed up")
    distances = np.stack([_distances(alone, one) for one in alone])
    np.fill_diagonal(distances, np.inf)
    nearest = distances.min(axis=1)
    if not nearest.all():
        first = int(np.argmin(nearest))
        other = int(np.argmin(distances[first]))
        raise MeasureError(
            f"images {first} and {other} have the same answer, which does not show whether "
            "answers are mixed up"
        )
    return np.asarray(nearest)


def require_right(
    served: Sequence[Served],
    alone: Floats,
    *,
    each_once: bool,
    log: Path,
) -> float:
    """Require that each answer is that of its own image; the farthest, in units of :data:`NEAR`.

    Args:
        served: what LoadGen logged.
        alone: as in :func:`require_apart`.
        each_once: whether each image has to be there exactly once, as in an accuracy test.
        log: named in errors.

    Raises:
        PartialOutput: answers are missing, or there is more than one to an image.
        WrongOutput: an answer is no row of logits, or that of no image.
        MismatchedOutput: an answer is that of another image.
    """
    nearest = require_apart(alone)
    counts = Counter(one.position for one in served)
    odd = [position for position in range(len(alone)) if counts[position] != 1]
    if not served or (each_once and (odd or len(served) != len(alone))):
        raise PartialOutput(
            f"{log}: {len(served)} answers to {len(alone)} images; not once: {odd[:5]}"
        )
    farthest = 0.0
    for place, one in enumerate(served):
        where = f"{log}: answer {place}, to image {one.position},"
        if one.position >= len(alone) or len(one.data) != alone[0].nbytes:
            problem = f"has {len(one.data)} bytes, expected {alone[0].nbytes}"
            raise WrongOutput(f"{where} {problem}")
        distances = _distances(alone, np.frombuffer(one.data, np.float32))
        farness = float(distances[one.position] / (NEAR * nearest[one.position]))
        if not farness <= 1.0:  # NaN is not
            other = int(np.argmin(distances))
            if np.isfinite(distances[other]) and distances[other] <= NEAR * nearest[other]:
                raise MismatchedOutput(f"{where} is that of image {other}")
            raise WrongOutput(f"{where} is that of no image")
        farthest = max(farthest, farness)
    return farthest


def _distances(alone: Floats, one: Floats) -> Floats:
    return np.asarray(np.linalg.norm(alone - one, axis=1))
