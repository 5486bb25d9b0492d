"""Where a figure came to another level, over many runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from harness.records import Measurement
from harness.reporting.comparing import is_beyond

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FEWEST: Final = 5
"""Figures from which levels can be told; between fewer, each one that moves is a step."""

SHORTEST: Final = 2
"""Runs that make a level; one that stands alone is none, but for the last."""

TO_DEVIATION: Final = 1.4826
"""A median of absolute differences, of normal noise, to its standard deviation."""


def steps(name: str, unit: str, values: Sequence[float]) -> list[int]:
    """The runs, by their place, in which a figure came to another level than before.

    Levels are found by ``ruptures`` (least squares, exactly, with a penalty for each of them by the
    noise from run to run), and count where they lie further apart than the figure's noise. Of the
    last run nobody knows yet whether it stays: it is a step where it is that far from its level.
    """

    def moved(old: float, new: float) -> bool:
        return is_beyond(Measurement(name, old, unit), Measurement(name, new, unit))

    if not any(moved(values[0], value) for value in values[1:]):
        return []
    if len(values) < FEWEST or not all(map(math.isfinite, values)):
        return [place for place, pair in enumerate(pairwise(values), start=1) if moved(*pair)]
    import numpy as np

    measured = np.asarray(values, np.float64)
    noise = TO_DEVIATION * float(np.median(np.abs(np.diff(measured)))) / math.sqrt(2)
    signal = _without_lone_ones(measured)
    ends = _ends(signal, noise)
    levels = [float(np.median(signal[start:end])) for start, end in pairwise([0, *ends])]
    pairs = zip(ends[:-1], pairwise(levels), strict=True)
    found = [end for end, (old, new) in pairs if moved(old, new)]
    last = len(values) - 1
    if moved(levels[-1], values[last]):
        found.append(last)
    return found


def _ends(signal: npt.NDArray[np.float64], noise: float) -> list[int]:
    """Where each level ends, the last at the end."""
    import numpy as np
    import ruptures

    least = float(np.ptp(signal)) * 1e-3
    if not least:
        return [len(signal)]
    penalty = 4 * max(noise, least) ** 2 * math.log(len(signal))
    search = ruptures.KernelCPD(kernel="linear", min_size=SHORTEST).fit(signal[:, None])
    return [int(end) for end in search.predict(pen=penalty)]


def _without_lone_ones(signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Each figure as the median of three neighbours, by which a run that stands alone is gone."""
    import numpy as np

    places = np.clip(np.arange(len(signal)), 1, len(signal) - 2)
    return np.median([signal[places + shift] for shift in (-1, 0, 1)], axis=0)
