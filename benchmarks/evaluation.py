"""How busy an evaluation keeps the backend, against the bare session on tensors in memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.stopwatch import StepCost
from harness.accuracy.images import image_set
from harness.accuracy.measuring import EvaluationPlan, Model, measure
from harness.accuracy.running import BATCH
from harness.backends.onnxruntime.sessions import OnnxRuntimeSession
from harness.errors import HarnessError
from harness.images.datasets import LabelledImage
from harness.images.pipelines import Floats
from harness.images.tensors import FileToTensor, TensorCache, read_files

GAP: Final = "a benchmark"  # nothing is judged


@dataclass(frozen=True, slots=True)
class RoundRates:
    """What the same images took, a figure a round.

    Attributes:
        bare: the session alone, on tensors in memory.
        suite: a whole evaluation with its tensors from the cache, answers on the disk.
    """

    images: int
    bare: tuple[StepCost, ...]
    suite: tuple[StepCost, ...]

    @property
    def ratio(self) -> float:
        """Images a second of wall time, of those of the bare session: the rounds' median."""
        pairs = zip(self.bare, self.suite, strict=True)
        return statistics.median(bare.wall_s / suite.wall_s for bare, suite in pairs)

    @property
    def core_ratio(self) -> float:
        """The same for images a second of processor time: no other process has a part in it.

        What counts where no core is free to make tensors beside the session.
        """
        pairs = zip(self.bare, self.suite, strict=True)
        return statistics.median(bare.cpu_s / suite.cpu_s for bare, suite in pairs)

    @staticmethod
    def rate(images: int, costs: Sequence[StepCost]) -> float:
        """Images a second of wall time, the median round's."""
        return statistics.median(images / cost.wall_s for cost in costs)


def measure_rates(
    model: Path, paths: Sequence[Path], pipeline: str, *, threads: int, rounds: int
) -> RoundRates:
    """Evaluate and run the bare session in turns, each as often the first.

    Raises:
        HarnessError: an image is bad, or the model cannot be loaded or run.
    """
    preprocessor, session = FileToTensor(pipeline), OnnxRuntimeSession(model, threads=threads)
    labelled = [LabelledImage(str(place), path, 0) for place, path in enumerate(paths)]
    found: dict[str, list[StepCost]] = {"bare": [], "suite": []}
    with TemporaryDirectory(prefix="zoo-bench-evaluation-") as folder:
        root = Path(folder)
        images = image_set(labelled, gap=GAP)
        plan = EvaluationPlan(images, root, cache=root / "cache")
        tensors = _preloaded([item.image.path for item in plan.items], preprocessor, root / "cache")
        for number in range(rounds):
            anew = EvaluationPlan(images, root / str(number), cache=root / "cache")
            for name in ("bare", "suite") if number % 2 else ("suite", "bare"):
                wall, cpu = time.perf_counter(), time.process_time()
                if name == "bare":
                    _bare(session, tensors)
                else:
                    measure("benchmark", {"fp32": Model("", session)}, preprocessor, anew)
                found[name].append(StepCost(time.perf_counter() - wall, time.process_time() - cpu))
    return RoundRates(len(paths), tuple(found["bare"]), tuple(found["suite"]))


def _preloaded(paths: Sequence[Path], preprocessor: FileToTensor, root: Path) -> Floats:
    """All tensors in memory; fills the cache on the way."""
    with TensorCache(root, read_files(paths), preprocessor) as cache:
        cache.fill()
        if cache.bad:
            raise HarnessError(f"bad files: {', '.join(one.where for one in cache.bad.values())}")
        return cache.tensors(range(len(paths)))


def _bare(session: OnnxRuntimeSession, tensors: Floats) -> None:
    for first in range(0, len(tensors), BATCH):
        session.logits(tensors[first : first + BATCH])
