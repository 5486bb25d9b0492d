"""What a worker process does: image files to kept tensors, each into its place in a file.

Only the pipeline's own library is imported. The vendor's need Pillow and OpenCV alone (0.15 s and
64 MB a worker); those that stand on torch take 3 s and 820 MB, most of it shared between workers.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Protocol

from PIL import features

from harness.errors import HarnessError, ImageError
from harness.images.decoding import LIMITS, Levels, Limits, decode
from harness.images.pipelines import Run, load, pipelines
from harness.images.tensors.coding import Coding, exact, probe
from harness.runtime.identity import code_digest, tools
from harness.runtime.store import Key

STEP: Final = "tensors"  # in keys


class Preprocessor(Protocol):
    """How a file becomes a tensor. Is sent to worker processes, so it must be picklable."""

    @property
    def name(self) -> str:
        """For people and file names."""

    def key(self, *, files: str) -> Key:
        """Identity of everything made of files with this digest."""

    def load(self) -> Run:
        """The pipeline, imported and built; the same one for every call."""

    def decode(self, path: Path) -> Levels:
        """One file's levels; what it raises makes the file a bad one."""


@dataclass(frozen=True, slots=True)
class FileToTensor:
    """The real preprocessor: :func:`harness.images.decoding.decode`, then a pipeline by its id."""

    pipeline: str
    limits: Limits = LIMITS

    def __post_init__(self) -> None:
        if self.pipeline not in pipelines():
            known = ", ".join(pipelines())
            raise HarnessError(f"no pipeline {self.pipeline!r}, expected one of {known}")

    @property
    def name(self) -> str:
        """The pipeline's id."""
        return self.pipeline

    def key(self, *, files: str) -> Key:
        """Files, specification, limits, versions of the libraries, and the harness's own code."""
        pipeline = pipelines()[self.pipeline]
        jpeg = features.version_feature("libjpeg_turbo") or "none"
        used = tools("numpy", "pillow", *pipeline.tools)
        own = {"code": code_digest("images"), "machine": platform.machine()}
        return Key.of(
            STEP,
            inputs={"files": files, "pipeline": pipeline.id, "recipe": repr(pipeline)},
            options={"limits": {**asdict(self.limits), "formats": list(self.limits.formats)}},
            tools={**used, **own, "libjpeg-turbo": jpeg},
        )

    def load(self) -> Run:
        """The pipeline, built."""
        return load(self.pipeline)

    def decode(self, path: Path) -> Levels:
        """The file's levels."""
        return decode(path, limits=self.limits)


def prepare(preprocessor: Preprocessor, *, compact: bool) -> Coding:
    """Import and build the pipeline; the form of its tensors, the smallest one if ``compact``."""
    run = preprocessor.load()
    return probe(run) if compact else exact(run)


def make(
    preprocessor: Preprocessor, coding: Coding, paths: Sequence[Path], target: Path, offset: int
) -> dict[int, str]:
    """Make each file's tensor and write it to ``target``, a row after the other from ``offset``.

    Returns:
        Why there is no tensor, for each row whose file is bad; such a row is not written.

    Raises:
        OSError: ``target`` cannot be written, or its disk is full.
    """
    run = preprocessor.load()
    reasons: dict[int, str] = {}
    with open(target, "r+b", buffering=0) as file:
        for row, path in enumerate(paths):
            try:
                stored = coding.encode(run(preprocessor.decode(path)))
            except Exception as problem:  # a library may raise anything; the file is told of
                reasons[row] = _reason(problem, path)
                continue
            place = offset + row * coding.image_bytes
            if os.pwrite(file.fileno(), stored.data, place) != coding.image_bytes:
                raise OSError(f"{target}: only a part of row {row} could be written")
    return reasons


def _reason(problem: Exception, path: Path) -> str:
    """What is wrong, in one line, without the file's name."""
    kind = "" if isinstance(problem, ImageError) else f"{type(problem).__name__}: "
    return kind + " ".join(str(problem).removeprefix(f"{path}: ").split())
