"""Where the images of an evaluation come from: tensors made from files, or what stands for them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.images.datasets import DatasetFault
from harness.images.tensors.batches import Batch, Stream
from harness.images.tensors.cache import TensorCache
from harness.images.tensors.files import Files
from harness.images.tensors.pool import PreprocessingPool
from harness.images.tensors.preprocessor import Preprocessor
from harness.runtime.store import Key


class Tensors(Protocol):
    """Tensors of some files in order; :class:`harness.images.tensors.TensorCache` is one."""

    def batches(self, *, size: int, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        """Those of files ``start`` to ``stop``, in order; bad files have none."""

    @property
    def bad(self) -> Mapping[int, DatasetFault]:
        """The bad files among those that were asked for, by their place."""


class Supply(Protocol):
    """How files become what models are given."""

    @property
    def name(self) -> str:
        """For people and file names."""

    def key(self, *, files: str) -> Key:
        """Identity of everything made of files with this digest."""

    def open(
        self, files: Files, *, cache: Path | None, workers: int
    ) -> AbstractContextManager[Tensors]:
        """Have them made; kept below ``cache``, where it is given and they can be kept."""


@dataclass(frozen=True, slots=True)
class Preprocessed:
    """Tensors as a preprocessor makes them. Is a :class:`Supply`."""

    preprocessor: Preprocessor

    @property
    def name(self) -> str:
        """The preprocessor's."""
        return self.preprocessor.name

    def key(self, *, files: str) -> Key:
        """The preprocessor's."""
        return self.preprocessor.key(files=files)

    @contextmanager
    def open(self, files: Files, *, cache: Path | None, workers: int) -> Iterator[Tensors]:
        """From the cache, or streamed where there is none."""
        if cache is None:
            with PreprocessingPool(self.preprocessor, workers=workers) as pool:
                yield Streamed(pool, files)
            return
        with TensorCache(cache, files, self.preprocessor, workers=workers) as kept:
            yield kept


class Streamed:
    """Tensors that are made while they are asked for, and kept nowhere."""

    def __init__(self, pool: PreprocessingPool, files: Files) -> None:
        """Nothing is started yet; the pool stays the caller's."""
        self._pool, self._files = pool, files
        self._bad: dict[int, DatasetFault] = {}

    @property
    def bad(self) -> Mapping[int, DatasetFault]:
        """The bad files so far."""
        return self._bad

    def batches(self, *, size: int, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        """As the protocol says.

        Raises:
            PreprocessError: the pipeline cannot be built.
            HarnessError: a file was changed since it was hashed; it is named.
        """
        stream = Stream(self._pool, self._files.paths[start:stop], size=size)
        with closing(self._shifted(stream, start)) as batches:
            yield from batches
        self._note(stream, start)

    def _shifted(self, stream: Stream, start: int) -> Generator[Batch, None, None]:
        for batch in stream:
            self._note(stream, start)
            indices = tuple(start + index for index in batch.indices)
            self._files.require_untouched(indices[0], indices[-1] + 1)
            yield Batch(indices, batch.tensors)

    def _note(self, stream: Stream, start: int) -> None:
        self._bad |= {start + index: fault for index, fault in stream.bad.items()}
