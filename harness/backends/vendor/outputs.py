"""The runner's output files: one array of logits for each input, read without trusting it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.errors import WrongOutput
from harness.images.datasets.npz import DAMAGE, one_array, told

Floats = npt.NDArray[np.float32]

KEY = "output_0"
MOST_CLASSES = 100_000  # of a classifier; ImageNet-21k has 21,843
_DTYPES = (np.float16, np.float32)
_LARGEST = 8 * MOST_CLASSES + 4096  # bytes of an array and of its header


def read_output(path: Path, *, classes: int | None = None, case: str = "", log: str = "") -> Floats:
    """The logits of one image: float32 (classes,), finite.

    Taken are float16 and float32, with or without leading sides of one. Nothing is unpickled.

    Raises:
        WrongOutput: it is damaged, holds anything else, has another number of classes than asked
            for, or a value is NaN or infinite; names the file and what was found.
    """

    def wrong(problem: str) -> WrongOutput:
        return WrongOutput(f"output {path.name}: {problem}", case=case, log=log)

    try:
        values = one_array(path, KEY, most=_LARGEST)
    except DAMAGE as error:
        raise wrong(f"cannot be read: {told(error)}") from error
    if values.dtype not in _DTYPES:
        raise wrong(f"{values.dtype}, expected float16 or float32")
    count = values.shape[-1] if values.ndim else 0
    if count < 2 or values.size != count or classes not in (None, count):
        expected = f"one image's {'logits' if classes is None else f'{classes} logits'}"
        raise wrong(f"shape {values.shape}, expected {expected}")
    if not np.isfinite(values).all():
        raise wrong(f"{np.count_nonzero(~np.isfinite(values))} of {count} values are not finite")
    logits: Floats = values.reshape(count).astype(np.float32)
    return logits
