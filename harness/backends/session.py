"""What every backend's session offers, and the one way to run images through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class Session(Protocol):
    """A model that is loaded and ready."""

    def logits(self, images: Floats) -> Floats:
        """Run images (n, 3, height, width) as one batch: float32 (n, classes).

        Raises:
            RunError: the backend refuses the images.
        """


def run_batches(session: Session, images: Floats, *, batches: Sequence[int]) -> Floats:
    """Run images in batches of these sizes, in order: float32 (n, classes).

    Raises:
        ValueError: the sizes do not add up to the number of images.
    """
    if sum(batches) != len(images):
        raise ValueError(f"batches {list(batches)} do not add up to {len(images)} images")
    parts = np.split(images, np.cumsum(batches)[:-1])
    return np.concatenate([session.logits(part) for part in parts])
