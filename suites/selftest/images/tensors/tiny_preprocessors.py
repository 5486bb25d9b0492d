"""A small pipeline, its files, and ways to misbehave, which a file's name asks for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.errors import MissingSource
from harness.images.decoding import decode
from harness.images.tensors import Batch, TensorCache, read_files
from harness.runtime.store import Key

REPOSITORY = Path(__file__).parents[4]
SIDE = 8  # pixels; a tensor has 192 bytes as levels, 768 in float32


def tiny(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The upper left corner, normalized."""
    levels = image[:SIDE, :SIDE].astype(np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray((levels / np.float32(255) - np.float32(0.45)) / np.float32(0.22))


def rescaled(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Looks like ``tiny`` on any image of one level, but depends on the whole picture."""
    return tiny(image) * np.float32(1 + np.std(image[:SIDE, :SIDE]))


@dataclass(frozen=True)
class Tiny:
    """``tiny`` of a file; leaves a line in ``trace`` for each file it decodes."""

    trace: Path
    name: str = "tiny"

    def key(self, *, files: str) -> Key:
        return Key.of("tensors", inputs={"files": files, "pipeline": self.name})

    def load(self) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
        return tiny

    def decode(self, path: Path) -> NDArray[np.uint8]:
        with open(self.trace, "a") as file:
            file.write(f"{path.name}\n")
        if "hangs" in path.name:
            time.sleep(60)
        if "kills" in path.name:
            os.kill(os.getpid(), signal.SIGKILL)
        if "once" in path.name and not (marker := path.with_suffix(".was")).exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if "twice" in path.name and len(list(path.parent.glob("*.seen*"))) < 2:
            path.with_suffix(f".seen{time.monotonic_ns()}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return decode(path)


@dataclass(frozen=True)
class Slow(Tiny):
    """Takes its time, so that it can be killed in between."""

    def decode(self, path: Path) -> NDArray[np.uint8]:
        time.sleep(0.001)
        return super().decode(path)


@dataclass(frozen=True)
class Rescaled(Tiny):
    """A pipeline whose values stand for no levels."""

    name: str = "rescaled"

    def load(self) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
        return rescaled


@dataclass(frozen=True)
class Missing(Tiny):
    """Its library is not here."""

    def load(self) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
        raise MissingSource("no such library")


@dataclass(frozen=True)
class Dying(Tiny):
    """Importing its library ends the process."""

    def load(self) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
        os._exit(3)


def picture(path: Path, seed: int) -> Path:
    """Write an image as a PNG; another one for each seed, and none black."""
    levels = np.random.default_rng(seed).integers(1, 256, (SIDE + 3, SIDE + 5, 3), np.uint8)
    Image.fromarray(levels).save(path, "PNG", compress_level=0)
    return path


def pictures(folder: Path, count: int) -> list[Path]:
    folder.mkdir(exist_ok=True)
    return [picture(folder / f"{seed:04}.png", seed) for seed in range(count)]


def require_faithful(
    batches: Sequence[Batch], paths: Sequence[Path], *, size: int, bad: Sequence[int] = ()
) -> None:
    """Every good file once, in order, with its own tensor, in full batches; no bad one."""
    indices = [index for batch in batches for index in batch.indices]
    assert indices == [index for index in range(len(paths)) if index not in bad]
    assert [len(batch.indices) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    for batch in batches:
        assert batch.tensors.dtype == np.float32
        expected = [tiny(decode(paths[index])) for index in batch.indices]
        assert np.array_equal(batch.tensors, expected), "another image's tensor"


def decoded(trace: Path) -> list[str]:
    """The names of the files that were decoded, in the order in which that began."""
    return trace.read_text().split() if trace.exists() else []


def start_filling(root: Path, folder: Path, trace: Path) -> subprocess.Popen[bytes]:
    """Fill a cache with a folder's images in a process of its own, slowly."""
    paths = [str(REPOSITORY), str(Path(__file__).parent)]
    call = "import tiny_preprocessors; tiny_preprocessors.fill_slowly"
    source = f"import sys; sys.path[:0] = {paths!r}; {call}"
    arguments = ", ".join(repr(str(argument)) for argument in (root, folder, trace))
    return subprocess.Popen([sys.executable, "-c", f"{source}({arguments})"])


def fill_slowly(root: str, folder: str, trace: str) -> None:
    paths = sorted(Path(folder).glob("*.png"))
    with TensorCache(Path(root), read_files(paths), Slow(Path(trace)), workers=1) as cache:
        cache.fill()
