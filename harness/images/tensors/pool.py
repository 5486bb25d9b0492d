"""Worker processes that make tensors, and go on when a file hangs or kills them."""

from __future__ import annotations

import logging
import queue
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Self, TypeVar

from harness.errors import PreprocessError
from harness.images.tensors.coding import Coding
from harness.images.tensors.preprocessor import Preprocessor, make, prepare
from harness.runtime.isolation import CHILD_ENVIRONMENT, Worker

LOG = logging.getLogger(__name__)
T = TypeVar("T")
J = TypeVar("J")

FILE_SECONDS: Final = 30.0  # of one file; the slowest of ImageNet takes a tenth of a second
START_SECONDS: Final = 300.0  # for a worker's imports, on a busy machine with a cold disk
ONE_THREAD: Final = {**CHILD_ENVIRONMENT, "MKL_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}


@dataclass(frozen=True, slots=True)
class Job:
    """Files, and where their tensors go: rows of a file, from ``offset`` in bytes."""

    paths: tuple[Path, ...]
    target: Path
    offset: int


@dataclass(frozen=True, slots=True)
class Bad:
    """Why a file has no tensor.

    ``ended`` says that it did not finish, or ended its process, twice: another machine, or this
    one on a better day, may still read it.
    """

    reason: str
    ended: bool = False


class PreprocessingPool:
    """A number of worker processes, started when first needed, with one thread each.

    They end with :meth:`close`, with the ``with`` block, and when this process is killed.
    """

    def __init__(
        self,
        preprocessor: Preprocessor,
        *,
        workers: int,
        compact: bool = False,
        file_limit_s: float = FILE_SECONDS,
    ) -> None:
        """``compact``: make tensors in the smallest form that keeps them, not in float32.

        ``file_limit_s``: seconds after which a file that is being read counts as bad.

        Raises:
            ValueError: ``workers`` is below one, or the limit is not above zero.
        """
        if workers < 1:
            raise ValueError(f"workers must be at least 1, got {workers}")
        if not file_limit_s > 0:
            raise ValueError(f"file_limit_s must be above 0, got {file_limit_s}")
        self.preprocessor = preprocessor
        self.workers = workers
        self._compact = compact
        self._file_limit_s = file_limit_s
        self._coding: Coding | None = None
        self._all = [Worker(environment=ONE_THREAD) for _ in range(workers)]
        self._cpu_s = dict.fromkeys(self._all, 0.0)
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        for worker in self._all:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(self.threads, thread_name_prefix="preprocess")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers, once the files are done that they are at."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._all:
            worker.close()

    @property
    def threads(self) -> int:
        """How many jobs are under way at most: one for each worker, and one being taken over."""
        return self.workers + 1

    @property
    def cpu_s(self) -> float:
        """Processor seconds that the workers have spent on files, imports left out."""
        return sum(self._cpu_s.values())

    @property
    def coding(self) -> Coding:
        """The form in which tensors are made; the first call asks a worker.

        Raises:
            MissingSource: the pipeline's library is not installed.
            PreprocessError: importing or building the pipeline fails.
        """
        if self._coding is None:
            worker = self._idle.get()
            try:
                self._coding = self._ready(worker)
            finally:
                self._idle.put(worker)
        return self._coding

    def start(self) -> None:
        """Start every worker and wait until all have imported what they need."""
        for started in [self._threads.submit(self._start, worker) for worker in self._all]:
            started.result()

    def run(self, job: Job) -> dict[int, Bad]:
        """Make a job's tensors in one worker and wait for it; which rows have none, and why.

        Where the worker dies or does not finish, each of the files is done once more, alone. A
        file that ends its worker then too is bad.

        Raises:
            PreprocessError: the pipeline cannot be built, or the target cannot be written.
        """
        coding = self.coding
        worker = self._idle.get()
        try:
            found = self._attempt(worker, coding, job)
            if isinstance(found, dict):
                return found
            LOG.warning(
                "a worker at %s: %s; its %d files are done again, alone",
                *(job.paths[0], found, len(job.paths)),
            )
            bad = {}
            for row, path in enumerate(job.paths):
                alone = Job((path,), job.target, job.offset + row * coding.image_bytes)
                again = self._attempt(worker, coding, alone)
                if isinstance(again, str):
                    bad[row] = Bad(f"{again}, at the second attempt too", ended=True)
                elif again:
                    bad[row] = again[0]
            return bad
        finally:
            self._idle.put(worker)

    def in_order(
        self, function: Callable[[J], T], jobs: Iterable[J], *, ahead: int
    ) -> Generator[T, None, None]:
        """``function`` of each job, in threads that may wait for :meth:`run`, in the jobs' order.

        ``ahead``: how many jobs may be begun or done beyond the one that is handed out. What is
        under way when the iterator is closed is waited for and dropped.
        """
        pending: deque[Future[T]] = deque()
        try:
            for job in jobs:
                pending.append(self._threads.submit(function, job))
                if len(pending) > ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
            wait(pending)

    def _attempt(self, worker: Worker, coding: Coding, job: Job) -> dict[int, Bad] | str:
        """Which rows are bad, or in words how the worker ended."""
        self._ready(worker)
        call = (self.preprocessor, coding, job.paths, job.target, job.offset)
        try:
            found = worker.run(
                make, *call, timeout_s=self._file_limit_s, stage=PreprocessError, case=self._case
            )
        except PreprocessError as failure:
            if worker.pid is not None:  # the function raised, its process lives
                raise
            return failure.message
        self._cpu_s[worker] += worker.last_cpu_s  # nobody else has this worker now
        return {row: Bad(reason) for row, reason in found.items()}

    def _start(self, worker: Worker) -> None:
        self._ready(worker)

    def _ready(self, worker: Worker) -> Coding:
        """Have a worker that has imported everything, so that its limit is about files alone."""
        if worker.pid is None or self._coding is None:
            self._coding = worker.run(
                partial(prepare, self.preprocessor, compact=self._compact),
                timeout_s=START_SECONDS,
                stage=PreprocessError,
                case=self._case,
            )
        return self._coding

    @property
    def _case(self) -> str:
        return self.preprocessor.name
