"""Calibration on photographs, in place of the embedded scenes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.errors import CalibrationError
from harness.images.datasets import CalibrationSet
from harness.images.datasets.faults import listed
from harness.images.pipelines import Floats
from harness.images.tensors import PreprocessingPool, Preprocessor, Stream
from harness.pipeline.embedded import EmbeddedImages
from harness.pipeline.steps import Images
from harness.runtime.store import JSON, Entry, Key, Store

BATCH = 32  # images


@dataclass(frozen=True, slots=True)
class CalibratedImages:
    """The embedded images, but for those that calibrate: they come from a calibration set.

    Serves where :class:`harness.pipeline.embedded.EmbeddedImages` does; ``preprocessor`` and
    ``workers`` say how the files become tensors.
    """

    embedded: EmbeddedImages
    calibration: CalibrationSet
    preprocessor: Preprocessor
    store: Store
    workers: int = 1
    _entries: dict[int, Entry] = field(default_factory=dict)

    @property
    def own_size(self) -> int:
        """See :class:`harness.pipeline.embedded.EmbeddedImages`."""
        return self.embedded.own_size

    def digest(self, purpose: str, size: int) -> str:
        """Identity of the images of one purpose."""
        if purpose == "calibration":
            return self._key(size).digest
        return self.embedded.digest(purpose, size)

    def files(self, size: int) -> Images:
        """The images, preprocessed for an input of this size.

        Raises:
            CalibrationError: a file is bad, or the preprocessing ends in another size.
        """
        embedded = self.embedded.files(size)
        calibration = self._entry(size).file("calibration.npy")
        return Images(embedded.statistics, calibration, embedded.evaluation)

    def _key(self, size: int) -> Key:
        made = self.preprocessor.key(files=self.calibration.digest)
        return Key.of("calibration", inputs={"tensors": made.digest}, options={"size": size})

    def _entry(self, size: int) -> Entry:
        if size not in self._entries:
            self._entries[size] = self._made(size)
        return self._entries[size]

    def _made(self, size: int) -> Entry:
        def produce(folder: Path) -> Mapping[str, JSON]:
            paths = [one.image.path for one in self.calibration.images]
            tensors = tensors_of(paths, self.preprocessor, workers=self.workers)
            if tensors.shape[2:] != (size, size):
                raise CalibrationError(
                    f"{self.preprocessor.name} ends in {tensors.shape[2:]}, "
                    f"the row takes {(size, size)}"
                )
            np.save(folder / "calibration.npy", tensors)
            return {"images": len(tensors)}

        return self.store.use(self._key(size), produce)


def tensors_of(paths: Sequence[Path], preprocessor: Preprocessor, *, workers: int) -> Floats:
    """All files as one array, float32 (images, 3, height, width).

    Raises:
        CalibrationError: a file is bad; all of them are listed.
        PreprocessError: the pipeline cannot be built.
    """
    with PreprocessingPool(preprocessor, workers=workers) as pool:
        stream = Stream(pool, paths, size=BATCH)
        shape = (len(paths), *pool.coding.shape)
        tensors = np.empty(shape, np.float32)
        for batch in stream:
            tensors[list(batch.indices)] = batch.tensors
    if stream.bad:
        raise CalibrationError(f"{len(stream.bad)} bad files:{listed(stream.bad.values())}")
    return tensors
