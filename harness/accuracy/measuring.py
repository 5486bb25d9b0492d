"""Models on a set of images, from files to answers: goes on where an earlier run was."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from harness.accuracy.exports import Streamed, Tensors
from harness.accuracy.folder import ResultsFolder
from harness.accuracy.identity import Identity
from harness.accuracy.images import ImageSet
from harness.accuracy.order import ALL, Order, Shard
from harness.accuracy.predictions import Answers, Item
from harness.accuracy.progress import shown
from harness.accuracy.running import BATCH, Run, evaluate, known
from harness.accuracy.sequential import Watch, stands_for
from harness.accuracy.whole_images import Decoded, WholeImages
from harness.backends.backend import Host, Precision
from harness.backends.onnxruntime import sessions as onnxruntime
from harness.backends.registry import EMBEDDED, backend
from harness.backends.session import Floats, Session
from harness.backends.vendor.backend import Vendor
from harness.errors import HarnessError
from harness.expected.buildconfig import ProcessOp
from harness.images.levels import levels_of
from harness.images.tensors import Files, Maker, Preprocessor, TensorCache, read_files
from harness.judging.accuracy.risks import Margin
from harness.runtime.identity import code_digest, tools


@dataclass(frozen=True, slots=True)
class Course:
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

    images: ImageSet
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
    tools: Mapping[str, str] = field(default_factory=lambda: tools("onnxruntime"))


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model that is not loaded yet, the digest of what it computes, and where it runs.

    Attributes:
        levels: the preprocessing that the device does by itself, which is given levels.
        run_time: the file by which the vendor's device prepares whole images.
    """

    digest: str
    path: Path
    precision: Precision = "fp32"
    backend: str = EMBEDDED
    host: Host = Host()  # noqa: RUF009 - frozen
    levels: tuple[ProcessOp, ...] | None = None
    run_time: Path | None = None

    def load(self, *, threads: int) -> Model:
        """Load it; ``threads`` are those of the embedded backend.

        Raises:
            RunError: it cannot be loaded.
            Unavailable: its backend is not here.
        """
        target = backend(self.backend, self.host)
        if self.backend == EMBEDDED:
            session: Session = onnxruntime.Session(self.path, threads=threads)
            return Model(self.digest, session, target.tools())
        if self.run_time is not None:
            assert isinstance(target, Vendor)
            session = target.session(self.path, precision=self.precision, run_time=self.run_time)
            return Model(self.digest, session, target.tools())
        session = target.session(self.path, precision=self.precision)
        if self.levels is not None:
            session = FromTensors(session, self.levels)
        return Model(self.digest, session, target.tools())


@dataclass(frozen=True, slots=True)
class FromTensors:
    """A session of levels that is given tensors."""

    session: Session
    ops: tuple[ProcessOp, ...]

    def logits(self, images: Floats) -> Floats:
        """Run images float32 (n, 3, height, width): float32 (n, classes).

        Raises:
            PreprocessError: they are no levels that the device's operators normalized.
            RunError: the backend refuses them.
        """
        return self.session.logits(levels_of(images, self.ops))


def measure_files(
    row: str, models: Mapping[str, ModelFile], maker: Maker, course: Course, *, threads: int = 1
) -> dict[str, Answers]:
    """As :func:`measure`, of files; sessions of the embedded backend have so many threads.

    Everything it takes and gives can be pickled, so that it may run in an isolated child.
    """
    loaded = {name: model.load(threads=threads) for name, model in models.items()}
    return measure(row, loaded, maker, course)


def measure(
    row: str, models: Mapping[str, Model], maker: Maker, course: Course
) -> dict[str, Answers]:
    """Evaluate models, by precision, on the same images.

    Returns:
        The answers to the images of the course, or to those that were known to all models when it
        was decided.

    Raises:
        HarnessError: another process evaluates the same; a file of the set was changed meanwhile;
            something cannot be written or built.
        RunError: a backend refuses the images.
        MeasureError: outputs that are no numbers; the image is named.
    """
    items = course.items
    identities = {
        precision: identity_of(row, precision, model, maker, course)
        for precision, model in models.items()
    }
    with ExitStack() as stack:
        runs: dict[str, Run] = {}
        for precision, model in models.items():
            folder = ResultsFolder(course.root, identities[precision])
            stack.enter_context(folder.held())
            runs[precision] = Run(model.session, folder, items)
        reached = _run(row, runs, items, maker, course)
    found = {precision: run.folder.answers() for precision, run in runs.items()}
    last = course.count or len(course.images)
    if course.until is not None:
        last = reached
    return {precision: answers.first(last) for precision, answers in found.items()}


def identity_of(row: str, precision: str, model: Model, maker: Maker, course: Course) -> Identity:
    """What the answers of one model depend on."""
    images = course.images
    own = {"code": code_digest("backends", "accuracy/predictions.py", "accuracy/running.py")}
    return Identity(
        row=row,
        precision=precision,
        model=model.digest,
        pipeline=maker.name,
        tensors=maker.key(files=images.digest).digest,
        dataset=images.digest,
        images=len(images),
        gap=images.gap,
        order=course.order,
        seed=course.seed,
        batch=course.batch,
        tools={**model.tools, **tools("numpy"), **own},
        shard=course.shard,
    )


def _run(
    row: str, runs: Mapping[str, Run], items: Sequence[Item], maker: Maker, course: Course
) -> int:
    """Evaluate until all is known, or decided; how many of the first images are known then."""
    every = list(runs.values())
    reached = known(every)
    watch = None
    if course.until is not None:
        population = stands_for(len(course.images))
        watch = Watch(runs["fp32"], runs["int8"], margin=course.until, population=population)
        if watch.decided(reached):
            return watch.places
    if reached >= course.stop:
        return reached
    label = f"{row} {' and '.join(runs)}" + ("" if course.shard.is_all else f" {course.shard}")
    with (
        _tensors(items, maker, course) as tensors,
        shown(label, total=course.stop, done=reached) as progress,
    ):
        steps = evaluate(every, tensors, stop=course.stop, batch=course.batch, progress=progress)
        with closing(steps):
            for reached in steps:
                if watch is not None and watch.decided(reached):
                    return watch.places
    return reached


@contextmanager
def _tensors(items: Sequence[Item], maker: Maker, course: Course) -> Iterator[Tensors]:
    """The tensors of the images that are wanted, and of as many as fill the last batch."""
    goal = min(-(-course.stop // course.batch) * course.batch, len(items))
    hashes = hashlib.sha256("".join(f"{item.sha256}\n" for item in items[:goal]).encode())
    paths = tuple(item.image.path for item in items[:goal])
    files = _files(paths, hashes.hexdigest(), course.workers)
    if isinstance(maker, WholeImages):
        yield Decoded(maker, files)
        return
    if course.cache is None:
        with Preprocessor(maker, workers=course.workers) as preprocessor:
            yield Streamed(preprocessor, files)
        return
    with TensorCache(course.cache, files, maker, workers=course.workers) as cache:
        yield cache


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
