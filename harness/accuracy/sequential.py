"""When the answer is decided: two runs followed look by look while they are under way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.accuracy.running import BAD, HIT, ModelRun
from harness.judging.accuracy.claims import FULL_SET
from harness.judging.accuracy.risks import Margin
from harness.judging.accuracy.sequential import LOOK, SequentialEvidence, look, start


def stands_for(images: int) -> int:
    """How many images a set speaks for: as many as the validation set has, or all of its own.

    A small set that ends before the verdict stands leaves it open, and is not called exact.
    """
    return max(images, FULL_SET)


class LossWatch:
    """What int8 has lost so far, looked at every 50 images, each look once.

    Attributes:
        evidence: where the verdict stands.
        places: how many of the first images were looked at, bad files included.
    """

    def __init__(self, fp32: ModelRun, int8: ModelRun, *, margin: Margin, population: int) -> None:
        """``population``: see :func:`stands_for`."""
        self.evidence: SequentialEvidence = start()
        self._fp32, self._int8 = fp32, int8
        self._margin, self._population = margin, population
        self.places = 0

    def decided(self, known: int) -> bool:
        """Whether the verdict stands, now that the first ``known`` images are."""
        while self.evidence.undecided:
            ours = self._fp32.hits[self.places : known]
            theirs = self._int8.hits[self.places : known]
            scored = np.flatnonzero((ours != BAD) & (theirs != BAD))
            if scored.size < LOOK and (known < len(self._fp32.hits) or not scored.size):
                break
            taken = scored[:LOOK]
            differences = difference(ours[taken] == HIT, theirs[taken] == HIT)
            self.evidence = look(
                self.evidence,
                int((differences == 1).sum()),
                int((differences == -1).sum()),
                images=taken.size,
                margin=self._margin,
                population=self._population,
            )
            self.places += int(taken[-1]) + 1
        return not self.evidence.undecided


def difference(fp32: NDArray[np.bool_], int8: NDArray[np.bool_]) -> NDArray[np.int8]:
    """fp32's hit minus int8's of each image: 1 lost, -1 gained, 0 neither."""
    return fp32.astype(np.int8) - int8.astype(np.int8)
