"""Models on a set of images, from files to answers: goes on where an earlier run was."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt

from harness.accuracy.folder import ResultsFolder
from harness.accuracy.identity import Identity
from harness.accuracy.images import LabelledImages
from harness.accuracy.order import ALL, Order, Shard
from harness.accuracy.predictions import Item, Predictions
from harness.accuracy.progress import shown
from harness.accuracy.running import BATCH, ModelRun, evaluate, known
from harness.accuracy.sequential import LossWatch, stands_for
from harness.backends.backend import IN_PROCESS, Host, Precision, Runner
from harness.backends.registry import EMBEDDED, backend
from harness.backends.session import Floats, Session
from harness.errors import HarnessError
from harness.expected.buildconfig import ProcessOp
from harness.images.tensors import Files, Preprocessor, Supply, Tensors, read_files
from harness.judging.accuracy.risks import Margin
from harness.runtime.identity import code_digest, tools

JOB_IMAGES: Final = 500  # of a job on a device: a tenth of a gigabyte of levels


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """Which images, in which order, and by what means.

    Attributes:
        root: below which answers are kept.
        count: the first so many of an order by class; None for all images.
        until: stop when int8 against fp32 is decided for this margin.
        cache: below which tensors are kept; None to make them anew each time.
        workers: processes that make tensors.
        batch: images that a model is given at once.

    Raises:
        HarnessError: ``count`` is not within the set, or a run that stops by itself is divided or
            counted.
    """

    images: LabelledImages
    root: Path
    count: int | None = None
    until: Margin | None = None
    seed: int = 0
    shard: Shard = ALL
    cache: Path | None = None
    workers: int = 1
    batch: int = BATCH

    def __post_init__(self) -> None:
        if self.count is not None and not 1 <= self.count <= len(self.images):
            raise HarnessError(
                f"{self.count} images are asked for, expected 1 to {len(self.images)}"
            )
        if self.until is not None and (self.count is not None or not self.shard.is_all):
            raise HarnessError("a run until it is decided takes neither a number nor a shard")

    @property
    def order(self) -> Order:
        """The order that the question asks for."""
        return Order.SHUFFLED if self.count is None else Order.BY_CLASS

    @property
    def items(self) -> list[Item]:
        """The shard's images in the order of evaluation."""
        images = self.images
        positions = self.order.positions(images.labels, len(images), seed=self.seed)
        return [
            Item(place, images.images[positions[place]], images.sha256[positions[place]])
            for place in self.shard.places(len(images))
        ]

    @property
    def stop(self) -> int:
        """How many of the shard's images are wanted."""
        return len(self.shard.places(self.count or len(self.images)))


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model that is loaded, the digest of what it computes, and with what it does."""

    digest: str
    session: Session
    tools: Mapping[str, str] = field(default_factory=dict)
    runner: Runner = IN_PROCESS


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model that is not loaded yet, the digest of what it computes, and where it runs.

    Attributes:
        ops: the preprocessing that it was compiled with.
    """

    digest: str
    path: Path
    precision: Precision = "fp32"
    backend: str = EMBEDDED
    host: Host = Host()  # noqa: RUF009 - frozen
    ops: tuple[ProcessOp, ...] = ()

    def load(self, *, threads: int) -> Model:
        """Load it; ``threads`` are those of a session on the processor.

        Raises:
            RunError: it cannot be loaded.
            Unavailable: its backend is not here.
        """
        target = backend(self.backend, replace(self.host, threads=threads))
        session = target.session(self.path, precision=self.precision)
        prepared = PreparedSession(session, target.runner, self.ops)
        return Model(self.digest, prepared, target.tools(), target.runner)


@dataclass(frozen=True, slots=True)
class PreparedSession:
    """A session that is given what its runner's supply has, such as tensors."""

    session: Session
    runner: Runner
    ops: tuple[ProcessOp, ...]

    def logits(self, images: npt.NDArray[Any]) -> Floats:
        """Run a batch of images: float32 (n, classes).

        Raises:
            PreprocessError: see ``Runner.prepare``.
            RunError: the backend refuses them.
        """
        return self.session.logits(self.runner.prepare(images, self.ops))


def measure_files(
    row: str,
    models: Mapping[str, ModelFile],
    preprocessor: Preprocessor,
    plan: EvaluationPlan,
    *,
    threads: int = 1,
) -> dict[str, Predictions]:
    """As :func:`measure`, of files; sessions on the processor have so many threads.

    Everything it takes and gives can be pickled, so that it may run in an isolated child.
    """
    loaded = {name: model.load(threads=threads) for name, model in models.items()}
    return measure(row, loaded, preprocessor, plan)


def measure(
    row: str, models: Mapping[str, Model], preprocessor: Preprocessor, plan: EvaluationPlan
) -> dict[str, Predictions]:
    """Evaluate models, by precision, on the same images.

    Those whose calls are jobs have large batches, unless it is decided meanwhile when to stop.

    Returns:
        The answers to the images of the course, or to those that were known to all models when it
        was decided.

    Raises:
        HarnessError: another process evaluates the same; a file of the set was changed meanwhile;
            something cannot be written or built; a run until it is decided has models that are
            given different images.
        RunError: a backend refuses the images.
        MeasureError: outputs that are no numbers; the image is named.
    """
    alike: dict[tuple[str, int], tuple[dict[str, Model], Supply, EvaluationPlan]] = {}
    for precision, model in models.items():
        jobs = model.runner.jobs and plan.until is None
        how = replace(plan, batch=JOB_IMAGES) if jobs else plan
        supply = model.runner.supply(preprocessor)
        given = supply.key(files=plan.images.digest).digest, how.batch
        alike.setdefault(given, ({}, supply, how))[0][precision] = model
    if plan.until is not None and len(alike) > 1:
        raise HarnessError("a run until it is decided needs the same images for all models")
    answers: dict[str, Predictions] = {}
    for some, supply, how in alike.values():
        answers |= _measure(row, some, supply, how)
    return answers


def _measure(
    row: str, models: Mapping[str, Model], supply: Supply, plan: EvaluationPlan
) -> dict[str, Predictions]:
    """Models that are given the same images, in the same batches."""
    items = plan.items
    identities = {
        precision: identity_of(row, precision, model, supply, plan)
        for precision, model in models.items()
    }
    with ExitStack() as stack:
        runs: dict[str, ModelRun] = {}
        for precision, model in models.items():
            folder = ResultsFolder(plan.root, identities[precision])
            stack.enter_context(folder.held())
            runs[precision] = ModelRun(model.session, folder, items)
        reached = _run(row, runs, items, supply, plan)
    found = {precision: run.folder.answers() for precision, run in runs.items()}
    last = plan.count or len(plan.images)
    if plan.until is not None:
        last = reached
    return {precision: answers.first(last) for precision, answers in found.items()}


def identity_of(
    row: str, precision: str, model: Model, supply: Supply, plan: EvaluationPlan
) -> Identity:
    """What the answers of one model depend on."""
    images = plan.images
    own = {"code": code_digest("backends", "accuracy/predictions.py", "accuracy/running.py")}
    return Identity(
        row=row,
        precision=precision,
        model=model.digest,
        pipeline=supply.name,
        tensors=supply.key(files=images.digest).digest,
        dataset=images.digest,
        images=len(images),
        gap=images.gap,
        order=plan.order,
        seed=plan.seed,
        batch=plan.batch,
        tools={**model.tools, **tools("numpy"), **own},
        shard=plan.shard,
    )


def _run(
    row: str,
    runs: Mapping[str, ModelRun],
    items: Sequence[Item],
    supply: Supply,
    plan: EvaluationPlan,
) -> int:
    """Evaluate until all is known, or decided; how many of the first images are known then."""
    every = list(runs.values())
    reached = known(every)
    watch = None
    if plan.until is not None:
        population = stands_for(len(plan.images))
        watch = LossWatch(runs["fp32"], runs["int8"], margin=plan.until, population=population)
        if watch.decided(reached):
            return watch.places
    if reached >= plan.stop:
        return reached
    label = f"{row} {' and '.join(runs)}" + ("" if plan.shard.is_all else f" {plan.shard}")
    with (
        _tensors(items, supply, plan) as tensors,
        shown(label, total=plan.stop, done=reached) as progress,
    ):
        steps = evaluate(every, tensors, stop=plan.stop, batch=plan.batch, progress=progress)
        with closing(steps):
            for reached in steps:
                if watch is not None and watch.decided(reached):
                    return watch.places
    return reached


def _tensors(
    items: Sequence[Item], supply: Supply, plan: EvaluationPlan
) -> AbstractContextManager[Tensors]:
    """The tensors of the images that are wanted, and of as many as fill the last batch."""
    goal = min(-(-plan.stop // plan.batch) * plan.batch, len(items))
    hashes = hashlib.sha256("".join(f"{item.sha256}\n" for item in items[:goal]).encode())
    paths = tuple(item.image.path for item in items[:goal])
    files = _files(paths, hashes.hexdigest(), plan.workers)
    return supply.open(files, cache=plan.cache, workers=plan.workers)


@lru_cache(maxsize=1)
def _files(paths: tuple[Path, ...], digest: str, threads: int) -> Files:
    """The files, read once for all rows; each is held against its state when it is used.

    Raises:
        HarnessError: they are not those that the set was made of, whose hashes have this digest.
    """
    files = read_files(paths, threads=threads)
    if files.digest != digest:
        raise HarnessError("the set was changed since it was read: start again")
    return files
