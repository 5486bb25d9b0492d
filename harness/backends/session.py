"""What every backend's session offers, and the one way to run images through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from harness.errors import RunError

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Load:
    """How hard a model is worked: sessions in a process, processes, and images of a batch. They
    are the ``-i``, ``-p`` and ``-b`` of the vendor's runner, by default as the zoo sets them."""

    instances: int = 8
    processes: int = 1
    batch: int = 22


class Session(Protocol):
    """A model that is loaded and ready."""

    def logits(self, images: npt.NDArray[Any]) -> Floats:
        """Run images (n, 3, height, width) as one batch: float32 (n, classes).

        They are preprocessed and float32, or what the backend's ``Runner`` makes of such.

        Raises:
            RunError: the backend refuses the images.
        """


def run_batches(
    session: Session, images: npt.NDArray[Any], *, batches: Sequence[Sequence[int]]
) -> Floats:
    """Run batches of images, each given by positions: float32 (sum of sizes, classes).

    Raises:
        RunError: a batch gives another number of outputs than it has images.
        ValueError: a batch is empty, or names an image that there is not.
    """
    parts = []
    for batch in batches:
        if not batch or not all(0 <= position < len(images) for position in batch):
            raise ValueError(f"batch {list(batch)} is none of {len(images)} images")
        outputs = session.logits(images[list(batch)])
        if len(outputs) != len(batch):
            raise RunError(f"a batch of {len(batch)} images gave {len(outputs)} outputs")
        parts.append(outputs)
    return np.concatenate(parts)
