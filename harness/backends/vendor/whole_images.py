"""Whole images, for a device that resizes, crops and normalizes by itself, as its zoo ships."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import features

from harness.errors import HarnessError, ImageError
from harness.images.datasets import DatasetFault, FaultKind
from harness.images.decoding import Levels, decode
from harness.images.tensors import Batch, Files
from harness.runtime.identity import code_digest, tools
from harness.runtime.store import Key


@dataclass(frozen=True, slots=True)
class WholeImages:
    """Decodes and does no more: the rest is up to a run-time file. Is a ``Supply``.

    Attributes:
        run_time: the run-time file, in the vendor's format.
    """

    run_time: Path

    @property
    def name(self) -> str:
        """For people: the file's name."""
        return f"device, {self.run_time.name}"

    def key(self, *, files: str) -> Key:
        """Files, the run-time file's content, versions of the libraries, and the own code.

        Raises:
            HarnessError: the run-time file cannot be read.
        """
        try:
            content = hashlib.sha256(self.run_time.read_bytes()).hexdigest()
        except OSError as error:
            raise HarnessError(f"cannot read {self.run_time}: {error.strerror}") from error
        own = {
            "code": code_digest(
                "images/decoding.py", "backends/vendor/whole_images.py", "images/datasets/npz.py"
            )
        }
        jpeg = features.version_feature("libjpeg_turbo") or "none"
        return Key.of(
            "tensors",
            inputs={"files": files, "run_time": content},
            tools={**tools("numpy", "pillow"), **own, "libjpeg-turbo": jpeg},
        )

    def open(self, files: Files, **_: object) -> AbstractContextManager[Decoded]:
        """Decoded here while they are asked for, and kept nowhere."""
        return nullcontext(Decoded(files))


class Decoded:
    """Images of some files in order, each uint8 (3, height, width) at its own size.

    As ``Tensors``, but the batches hold arrays of arrays, for sessions that take such.
    """

    def __init__(self, files: Files) -> None:
        """Nothing is read yet."""
        self._files = files
        self._bad: dict[int, DatasetFault] = {}

    @property
    def bad(self) -> Mapping[int, DatasetFault]:
        """The bad files so far, by their place."""
        return self._bad

    def batches(self, *, size: int, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        """As the protocol says.

        Raises:
            HarnessError: a file was changed since it was hashed; it is named.
        """
        end = len(self._files) if stop is None else stop
        for first in range(start, end, size):
            last = min(first + size, end)
            found = {place: self._planes(place) for place in range(first, last)}
            self._files.require_untouched(first, last)
            good = {place: planes for place, planes in found.items() if planes is not None}
            images = np.empty(len(good), object)
            for row, planes in enumerate(good.values()):
                images[row] = planes
            yield Batch(tuple(good), images)

    def _planes(self, place: int) -> Levels | None:
        """An image, or None and a fault."""
        path = self._files.paths[place]
        try:
            levels = decode(path)
        except ImageError as error:
            text = str(error).removeprefix(f"{path}: ")
            self._bad[place] = DatasetFault(FaultKind.UNREADABLE, str(path), text)
            return None
        return np.ascontiguousarray(levels.transpose(2, 0, 1))
