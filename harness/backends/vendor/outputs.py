"""The runner's output files: one array of logits for each input, read without trusting it."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.errors import WrongOutput

Floats = npt.NDArray[np.float32]

KEY = "output_0"
MOST_CLASSES = 100_000  # of a classifier; ImageNet-21k has 21,843
_DTYPES = (np.float16, np.float32)
_LARGEST = 8 * MOST_CLASSES + 4096  # bytes of an array and of its header
_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)  # what reading a damaged, encrypted or lying archive raises


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
        with zipfile.ZipFile(path) as archive:
            members = {info.filename: info.file_size for info in archive.infolist()}
        if list(members) != [f"{KEY}.npy"]:
            raise wrong(f"holds {', '.join(members) or 'nothing'}, expected {KEY}")
        if members[f"{KEY}.npy"] > _LARGEST:
            raise wrong(f"{members[f'{KEY}.npy']} bytes, expected at most {MOST_CLASSES} classes")
        with np.load(path, allow_pickle=False) as arrays:
            values = arrays[KEY]
    except _DAMAGE as error:
        raise wrong(f"cannot be read: {error}") from error
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
