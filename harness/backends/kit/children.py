"""The part of an examination that runs in child processes: each function is one call there."""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import psutil

from harness.backends.backend import Backend, Build, Host, Precision
from harness.errors import CompileError, MeasureError, RunError, Unavailable

Floats = npt.NDArray[np.float32]
Fault = Literal[
    "wrong_channels", "wrong_dtype", "missing_file", "truncated_file", "unknown_precision"
]
Met = Literal["named", "foreign", "none"]
UNKNOWN_PRECISION: Any = "fp8"

MEETING_SECONDS = 60.0
RUNS = 8  # side by side
LOADS = 3  # after the first one
MEMORY_BATCH = 32  # images


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOnDisk:
    """What a child needs to run a model: how to make the backend, and files."""

    make: Callable[[Host], Backend]
    host: Host
    model: Path
    precision: Precision
    images: Path

    def session(self) -> Any:
        """Make the backend and load the model."""
        return self.make(self.host).session(self.model, precision=self.precision)

    def load_images(self) -> npt.NDArray[Any]:
        """The images."""
        images: npt.NDArray[Any] = np.load(self.images, allow_pickle=False)
        return images


@dataclass(frozen=True, slots=True, kw_only=True)
class Residue:
    """What sessions left behind that were closed.

    Attributes:
        files: files in the working folder, among temporary files, or beside the model, that
            appeared, vanished or changed.
        processes: command lines of processes that are still there.
        threads: threads of the process after the first session, and after more of them.
        grown_bytes: how much resident memory grew over the calls.
        images_bytes: what the images of all those calls take.
    """

    files: tuple[str, ...]
    processes: tuple[str, ...]
    threads: tuple[int, int]
    grown_bytes: int
    images_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recompiled:
    """A second compilation: what its model says, and what it left behind besides it."""

    logits: Floats
    files: tuple[str, ...]
    processes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """How something wrong was met.

    Attributes:
        kind: ``named``: by an error of the suite that fits; ``foreign``: by any other exception;
            ``none``: it was taken.
        text: the exception, or what came out.
        before: what the session said of the images before.
        after: what it said of them afterwards.
    """

    kind: Met
    text: str
    before: Floats
    after: Floats


def run_alone(trial: ModelOnDisk) -> Floats:
    """Run all images as one batch."""
    return np.array(trial.session().logits(trial.load_images()))


def run_half(trial: ModelOnDisk, half: int) -> Floats:
    """Run every other image as one batch, from the first or the second one on."""
    return np.array(trial.session().logits(trial.load_images()[half::2].copy()))


def run_half_beside(trial: ModelOnDisk, half: int, meeting: Path) -> tuple[Floats, ...]:
    """The same several times, beginning when the process with the other half does.

    Raises:
        MeasureError: the other one did not come.
    """
    session, images = trial.session(), trial.load_images()[half::2].copy()
    (meeting / str(half)).touch()
    deadline = time.monotonic() + MEETING_SECONDS
    while not (meeting / str(1 - half)).exists():
        if time.monotonic() > deadline:
            raise MeasureError("the other process did not come")
        time.sleep(0.001)
    return tuple(np.array(session.logits(images)) for _ in range(RUNS))


def look_after(trial: ModelOnDisk, scratch: Path, calls: int) -> Residue:
    """Load, run and drop sessions, and look what is left."""
    images = trial.load_images()
    with _watched(scratch, trial.model.parent) as left:
        _load_and_run(trial, images)
        first = psutil.Process().num_threads()
        for _ in range(LOADS):
            _load_and_run(trial, images)
        last = psutil.Process().num_threads()
        batch = np.ascontiguousarray(np.resize(images, (MEMORY_BATCH, *images.shape[1:])))
        grown = _growth(trial, batch, calls)
    return Residue(
        files=tuple(left.files),
        processes=tuple(left.processes),
        threads=(first, last),
        grown_bytes=grown,
        images_bytes=calls * batch.nbytes,
    )


def compile_again(
    trial: ModelOnDisk, build: Build, folder: Path, main: str, scratch: Path
) -> Recompiled:
    """Compile once more and run what came of it."""
    backend = trial.make(trial.host)
    with _watched(scratch, build.model.parent) as left:
        backend.compile(build, folder)
        gc.collect()
    session = backend.session(folder / main, precision=trial.precision)
    return Recompiled(
        logits=np.array(session.logits(trial.load_images())),
        files=tuple(left.files),
        processes=tuple(left.processes),
    )


def refuse(trial: ModelOnDisk, fault: Fault, damaged: Path, build: Build) -> Refusal:
    """Do something wrong, and then run the images again."""
    backend, images = trial.make(trial.host), trial.load_images()
    session = backend.session(trial.model, precision=trial.precision)
    before = np.array(session.logits(images))

    def attempt() -> object:
        match fault:
            case "wrong_channels":
                return session.logits(np.ascontiguousarray(images[:, :2]))
            case "wrong_dtype":
                other: Any = np.float64 if images.dtype == np.float32 else np.float32
                return session.logits(images.astype(other))
            case "missing_file":
                absent = trial.model.with_name("absent") / trial.model.name
                return backend.session(absent, precision=trial.precision).logits(images)
            case "truncated_file":
                return backend.session(damaged, precision=trial.precision).logits(images)
            case "unknown_precision":
                if backend.compiles(UNKNOWN_PRECISION) is None:
                    session_of = backend.session(trial.model, precision=UNKNOWN_PRECISION)
                    return session_of.logits(images)
                with tempfile.TemporaryDirectory() as folder:
                    asked = replace(build, precision=UNKNOWN_PRECISION)
                    return backend.compile(asked, Path(folder))

    kind, text = _met(attempt)
    return Refusal(kind, text, before, np.array(session.logits(images)))


def _met(attempt: Callable[[], object]) -> tuple[Met, str]:
    """How an attempt ended, and in which words."""
    try:
        came = attempt()
    except (RunError, CompileError, Unavailable) as error:
        return "named", f"{type(error).__name__}: {error}"
    except BaseException as error:
        return "foreign", f"{type(error).__name__}: {error}"
    return "none", f"shape {came.shape}" if isinstance(came, np.ndarray) else repr(came)


def _load_and_run(trial: ModelOnDisk, images: npt.NDArray[Any]) -> None:
    session = trial.session()
    session.logits(images)
    del session
    gc.collect()


def _growth(trial: ModelOnDisk, batch: npt.NDArray[Any], calls: int) -> int:
    """Resident bytes after many calls minus those after a few."""
    session, process = trial.session(), psutil.Process()
    for _ in range(max(2, calls // 5)):
        session.logits(batch)
    gc.collect()
    before: int = process.memory_info().rss
    for _ in range(calls):
        session.logits(batch)
    gc.collect()
    grown = process.memory_info().rss - before
    del session
    gc.collect()
    return int(grown)


@dataclass(slots=True)
class _Left:
    files: list[str]
    processes: list[str]


@contextmanager
def _watched(scratch: Path, *folders: Path) -> Iterator[_Left]:
    """Work in a folder of one's own; afterwards say what is left there and in others.

    In the child's own folders everything counts that came since its start: a library writes some
    files when it is imported.
    """
    working = scratch / "cwd"
    working.mkdir(exist_ok=True)
    home = Path.cwd()
    os.chdir(working)
    before = [_listing(folder) for folder in folders]
    running = {process.pid for process in psutil.Process().children(recursive=True)}
    left = _Left([], [])
    try:
        yield left
    finally:
        os.chdir(home)
    own = (working, Path(tempfile.gettempdir()))
    changed = {f"{place.name}/{name}" for place in own for name in _listing(place)}
    for folder, earlier in zip(folders, before, strict=True):
        changed |= {
            f"{folder.name}/{name}" for name, _ in earlier.items() ^ _listing(folder).items()
        }
    left.files = sorted(changed)
    left.processes = [
        _command(process)
        for process in psutil.Process().children(recursive=True)
        if process.pid not in running
    ]


def _listing(folder: Path) -> dict[str, int]:
    """Every file and folder below a folder, with its size."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size if path.is_file() else -1
        for path in folder.rglob("*")
    }


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) or process.name()
    except psutil.Error:
        return f"process {process.pid}"
