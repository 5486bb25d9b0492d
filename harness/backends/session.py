"""What every backend's session offers, and the one way to run images through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from harness.errors import RunError

Floats = npt.NDArray[np.float32]


class Session(Protocol):
    """A model that is loaded and ready."""

    def logits(self, images: Floats) -> Floats:
        """Run images (n, 3, height, width) as one batch: float32 (n, classes).

        Raises:
            RunError: the backend refuses the images.
        """


def run_batches(session: Session, images: Floats, *, batches: Sequence[tuple[int, int]]) -> Floats:
    """Run ranges of images (start, stop), each as one batch: float32 (sum of sizes, classes).

    Raises:
        RunError: a batch gives another number of outputs than it has images.
        ValueError: a range is empty or outside the images.
    """
    parts = []
    for start, stop in batches:
        if not 0 <= start < stop <= len(images):
            raise ValueError(f"batch {start}:{stop} is not a range of {len(images)} images")
        outputs = session.logits(images[start:stop])
        if len(outputs) != stop - start:
            raise RunError(f"a batch of {stop - start} images gave {len(outputs)} outputs")
        parts.append(outputs)
    return np.concatenate(parts)
