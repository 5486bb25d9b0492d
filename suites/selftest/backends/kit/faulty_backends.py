"""Stand-ins for backends: right ones, and ones that are wrong in exactly one way.

Their network is one matrix over the colours of image regions, so that they run in NumPy alone. A
wrong one replaces one of the steps of the right one.
"""

# ruff: noqa: ARG002 - a step takes what it takes in the right one

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from harness.backends.backend import IN_PROCESS, Build, Host, InProcess
from harness.backends.kit.subject import CONFIG, IMAGES, SIZE, NetworkUnderTest
from harness.errors import CompileError, RunError
from harness.expected.buildconfig import ProcessOp
from harness.images.levels import levels_of

CLASSES = 20
MEAN = np.array(CONFIG.process_ops[1].mean, np.float32)[:, None, None]
STD = np.array(CONFIG.process_ops[1].std, np.float32)[:, None, None]


def features(images: np.ndarray) -> np.ndarray:
    """Mean colours of 16 regions: (n, 48)."""
    regions = images.reshape(len(images), 3, 4, SIZE // 4, 4, SIZE // 4)
    return regions.mean(axis=(3, 5)).reshape(len(images), 48)


def normalized(levels: np.ndarray) -> np.ndarray:
    return (levels.astype(np.float32) / 255 - MEAN) / STD


def small_subject(folder: Path) -> NetworkUnderTest:
    random = np.random.Generator(np.random.PCG64(3))
    levels = random.integers(0, 256, (IMAGES, 3, SIZE, SIZE), np.uint8) // 2
    levels += (16 * np.arange(IMAGES, dtype=np.uint8))[:, None, None, None]
    weights = random.normal(size=(48, CLASSES)).astype(np.float32)
    np.savez(folder / "exam.npz", weights=weights)
    np.save(folder / "calibration.npy", normalized(levels))
    tensors = normalized(levels)
    return NetworkUnderTest(
        models={"onnx": folder / "exam.npz"},
        config=CONFIG,
        calibration=folder / "calibration.npy",
        tensors=tensors,
        logits64=features(tensors.astype(np.float64)) @ weights.astype(np.float64),
    )


class Session:
    def __init__(self, backend: Right, precision: str, weights: np.ndarray) -> None:
        self.backend, self.precision, self.weights = backend, precision, weights
        self.step, self.scale = 1.0, 1.0

    def logits(self, images: np.ndarray) -> np.ndarray:
        return self.backend.answer(self.compute(features(self.backend.prepare(images))))

    def compute(self, seen: np.ndarray) -> np.ndarray:
        if self.precision == "int8":
            whole = np.clip(np.rint(seen / self.step), -127, 127).astype(np.int32)
            summed = whole @ self.weights.astype(np.int32)
            return (summed * (self.step * self.scale)).astype(np.float32)
        if self.precision == "fp16":
            return (seen.astype(np.float16) @ self.weights.astype(np.float16)).astype(np.float32)
        return np.einsum("nf,fc->nc", seen, self.weights)  # never another order of sums


class Right:
    """Passes everything."""

    format = "onnx"
    precisions: tuple[str, ...] = ("fp32", "fp16", "int8")
    runner = IN_PROCESS
    dtype: type = np.float32  # of images
    code: tuple[str, ...] = ()

    def __init__(self, host: Host) -> None:
        self.host = host

    def compiles(self, precision: str) -> str | None:
        return "model.npz" if precision == "int8" else None

    def tools(self) -> Mapping[str, str]:
        return {"numpy": np.__version__}

    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:
        if build.precision != "int8":
            raise CompileError(f"compiles to int8, not to {build.precision}")
        weights = np.load(build.model, allow_pickle=False)["weights"]
        scale = np.abs(weights).max() / 127
        most = np.abs(features(np.load(build.calibration, allow_pickle=False))).max()
        whole = np.rint(weights / scale).astype(np.int8)
        np.savez(folder / "model.npz", weights=whole, scale=scale, step=most / 127)
        return {"heavy": 1, "unquantized": [], "floating": {}}

    def session(self, model: Path, *, precision: str) -> Any:
        if precision not in self.precisions:
            raise RunError(f"runs {self.precisions}, not {precision}")
        try:
            with np.load(model, allow_pickle=False) as file:
                tensors = dict(file)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise RunError(f"cannot load {model.name}: {error}") from error
        session = Session(self, precision, tensors["weights"])
        if precision == "int8":
            session.step, session.scale = float(tensors["step"]), float(tensors["scale"])
        return session

    def prepare(self, images: np.ndarray) -> np.ndarray:
        """What the network is given."""
        if images.shape[1:] != (3, SIZE, SIZE) or images.dtype != self.dtype:
            raise RunError(f"images are {images.dtype} {images.shape}")
        images = np.ascontiguousarray(images)
        return images if self.dtype == np.float32 else normalized(images)

    def answer(self, logits: np.ndarray) -> Any:
        """What the caller is given."""
        return logits


class Normalizing(InProcess):
    """A runner that normalizes by itself."""

    def prepare(self, images: np.ndarray, ops: Sequence[ProcessOp]) -> np.ndarray:
        return levels_of(images, ops)


class RightLevels(Right):
    """Passes everything, on levels."""

    runner = Normalizing()
    dtype = np.uint8


# ── what it declares ──────────────────────────────────────────────────────────────────────────


class StrangePrecision(Right):
    precisions = ("fp32", "fp16", "int8", "fp8")


class LosingImages(InProcess):
    def prepare(self, images: np.ndarray, ops: Sequence[ProcessOp]) -> np.ndarray:
        return images[:-1]


class LosesAnImage(Right):
    runner = LosingImages()


class NoTools(Right):
    def tools(self) -> Mapping[str, str]:
        return {"numpy": ""}


class FactsOfNumpy(Right):
    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:
        return {**super().compile(build, folder), "scale": np.float32(1.0)}


class FactsInTuples(Right):
    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:
        return {**super().compile(build, folder), "unquantized": ()}


class NothingCompiled(Right):
    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:
        return {}


# ── outputs ───────────────────────────────────────────────────────────────────────────────────


class ExtraAxis(Right):
    def answer(self, logits: np.ndarray) -> Any:
        return logits[:, :, None, None]


class LosesTheLast(Right):
    def answer(self, logits: np.ndarray) -> Any:
        return logits[: max(1, len(logits) - 1)]


class Doubles(Right):
    def answer(self, logits: np.ndarray) -> Any:
        return logits.astype(np.float64)


class Matrices(Right):
    def answer(self, logits: np.ndarray) -> Any:
        return logits.view(np.matrix)


class NotANumber(Right):
    def answer(self, logits: np.ndarray) -> Any:
        logits[-1, 3] = np.nan
        return logits


class FortranOrder(Right):
    def answer(self, logits: np.ndarray) -> Any:
        return np.asfortranarray(logits)


class OneBuffer(Right):
    buffer: ClassVar[np.ndarray] = np.empty((IMAGES, CLASSES), np.float32)

    def answer(self, logits: np.ndarray) -> Any:
        self.buffer[: len(logits)] = logits
        return self.buffer[: len(logits)]


class InTheImages(Right):
    def prepare(self, images: np.ndarray) -> np.ndarray:
        self.images = images
        return super().prepare(images)

    def answer(self, logits: np.ndarray) -> Any:
        place = self.images.reshape(-1)[: logits.size].reshape(logits.shape)
        place[:] = logits
        return place


class NormalizesInPlace(Right):
    def prepare(self, images: np.ndarray) -> np.ndarray:
        images -= images.mean()
        return super().prepare(images)


class NoNegativeStrides(Right):
    def prepare(self, images: np.ndarray) -> np.ndarray:
        if min(images.strides) < 0:
            raise ValueError("At least one stride in the given numpy array is negative")
        return super().prepare(images)


class IgnoresStrides(Right):
    def prepare(self, images: np.ndarray) -> np.ndarray:
        return super().prepare(images.ravel("K").reshape(images.shape))


# ── repeats ───────────────────────────────────────────────────────────────────────────────────


class BatchStatistics(Right):
    def answer(self, logits: np.ndarray) -> Any:
        return logits - logits.mean(axis=0)


class OtherWayRound(Right):
    def answer(self, logits: np.ndarray) -> Any:
        return np.ascontiguousarray(logits[::-1])


class ChangesOnTheThirdCall(Right):
    calls = 0

    def answer(self, logits: np.ndarray) -> Any:
        self.calls += 1
        return logits if self.calls < 3 else np.nextafter(logits, np.float32(np.inf))


class EachSessionItsOwn(Right):
    sessions: ClassVar[list[int]] = []

    def session(self, model: Path, *, precision: str) -> Any:
        session = super().session(model, precision=precision)
        self.sessions.append(1)
        session.weights = session.weights + np.float32(1e-3 * len(self.sessions))
        return session


class RandomCompilation(Right):
    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:
        other = folder / "other.npy"
        np.save(other, np.load(build.calibration) * np.random.default_rng().uniform(1, 1.2))
        return super().compile(replace(build, calibration=other), folder)


class SharedBetweenThreads(Right):
    shared: ClassVar[list[np.ndarray]] = [np.zeros(0)]

    def answer(self, logits: np.ndarray) -> Any:
        self.shared[0] = logits
        time.sleep(0.005)
        return self.shared[0]


class SharedBetweenProcesses(Right):
    def answer(self, logits: np.ndarray) -> Any:
        assert self.host.cards_folder is not None
        slot = self.host.cards_folder / "slot"
        slot.write_bytes(logits.tobytes())
        time.sleep(0.02)
        return np.frombuffer(slot.read_bytes(), np.float32).reshape(-1, CLASSES).copy()


# ── truth ─────────────────────────────────────────────────────────────────────────────────────


class HalfAsLarge(Right):
    def answer(self, logits: np.ndarray) -> Any:
        return logits / 2


class SecretlyFloat32(Right):
    def compiles(self, precision: str) -> str | None:
        return None

    def session(self, model: Path, *, precision: str) -> Any:
        return super().session(model, precision="fp32")


class AlwaysHalf(Right):
    def session(self, model: Path, *, precision: str) -> Any:
        return super().session(model, precision="fp16")


class LeftInFloat(Right):
    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:
        return {**super().compile(build, folder), "floating": {"Gemm": 1}}


class NamesTheUnquantized(Right):
    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:
        return {**super().compile(build, folder), "unquantized": ["/fc/Gemm"]}


class NothingHeavy(Right):
    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:
        return {**super().compile(build, folder), "heavy": 0}


# ── refusals ──────────────────────────────────────────────────────────────────────────────────


class TakesAnyChannels(Right):
    def prepare(self, images: np.ndarray) -> np.ndarray:
        return super().prepare(np.resize(images, (len(images), 3, SIZE, SIZE)))


class CrashesOnChannels(Right):
    def prepare(self, images: np.ndarray) -> np.ndarray:
        if images.shape[1] != 3:
            os.abort()
        return super().prepare(images)


class SpoiltByChannels(Right):
    spoilt = False

    def prepare(self, images: np.ndarray) -> np.ndarray:
        self.spoilt |= images.shape[1] != 3
        return super().prepare(images) * (0.5 if self.spoilt else 1)


class TakesAnyType(Right):
    def prepare(self, images: np.ndarray) -> np.ndarray:
        return super().prepare(images.astype(np.float32))


class ForeignError(Right):
    def session(self, model: Path, *, precision: str) -> Any:
        with model.open("rb"):
            return super().session(model, precision=precision)


class TakesHalfAFile(Right):
    def session(self, model: Path, *, precision: str) -> Any:
        try:
            return super().session(model, precision=precision)
        except RunError:
            if not model.exists():
                raise
            return Session(self, "fp32", np.zeros((48, CLASSES), np.float32))


class RunsAnyPrecision(Right):
    def session(self, model: Path, *, precision: str) -> Any:
        known = precision if precision in self.precisions else "fp32"
        return super().session(model, precision=known)


class CompilesToAnything(Right):
    def compiles(self, precision: str) -> str | None:
        return "model.npz"

    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:
        return super().compile(replace(build, precision="int8"), folder)


# ── residues ──────────────────────────────────────────────────────────────────────────────────


class LeavesAProfile(Right):
    def answer(self, logits: np.ndarray) -> Any:
        Path("profile.json").write_text("{}", encoding="utf-8")
        return logits


class LeavesTemporaryFiles(Right):
    def answer(self, logits: np.ndarray) -> Any:
        tempfile.mkdtemp(prefix="forgotten-")
        return logits


class WritesBesideTheModel(Right):
    def session(self, model: Path, *, precision: str) -> Any:
        if model.exists():
            model.with_suffix(".cache").write_bytes(b"")
        return super().session(model, precision=precision)


class CompilerLeavesFiles(Right):
    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:
        tempfile.mkdtemp(prefix="workspace-")
        return super().compile(build, folder)


class LeavesAProcess(Right):
    def session(self, model: Path, *, precision: str) -> Any:
        subprocess.Popen(["sleep", "300"])
        return super().session(model, precision=precision)


class LeavesThreads(Right):
    def session(self, model: Path, *, precision: str) -> Any:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        return super().session(model, precision=precision)


class KeepsImages(Right):
    kept: ClassVar[list[np.ndarray]] = []

    def prepare(self, images: np.ndarray) -> np.ndarray:
        self.kept.append(images.copy())
        return super().prepare(images)
