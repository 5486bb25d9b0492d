"""The same gives the same: in another batch, order, session, thread, process or compilation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import numpy.typing as npt

from harness.backends.backend import Precision
from harness.backends.kit.under_test import Exam
from harness.backends.session import Session

Floats = npt.NDArray[np.float32]

CALLS = 4  # an executor that optimizes after its first calls has done so by then
THREAD_RUNS = 8


def batch_invariance(exam: Exam, precision: Precision) -> None:
    """An image alone gives what it gives in a batch."""
    session, together = exam.session(precision), exam.logits(precision)
    alone = np.concatenate([session.logits(image[None]) for image in exam.images])
    bound = exam.terms.bounds[precision].batch
    what = "images alone, and as one batch"
    exam.require_near(together, alone, precision, bound=bound, what=what)


def order(exam: Exam, precision: Precision) -> None:
    """Images in another order give the same logits in that order."""
    images = exam.images
    moved = np.roll(np.arange(len(images))[::-1], 1)
    outputs = exam.session(precision).logits(np.ascontiguousarray(images[moved]))
    exam.require_near(
        exam.logits(precision)[moved],
        outputs,
        precision,
        bound=exam.terms.bounds[precision].batch,
        what="images in another order",
    )


def determinism(exam: Exam, precision: Precision) -> None:
    """Calls of one session give the same, and so does another session."""
    bound = exam.terms.bounds[precision].repeat
    for _ in range(CALLS):
        again = exam.session(precision).logits(exam.images)
        exam.require_near(
            exam.logits(precision), again, precision, bound=bound, what="two calls of one session"
        )
    other = exam.new_session(precision).logits(exam.images)
    exam.require_near(
        exam.logits(precision), other, precision, bound=bound, what="two sessions of one model"
    )


def compiled_again(exam: Exam, precision: Precision) -> None:
    """A second compilation, in another process, gives a model that says the same."""
    again = exam.recompiled(precision)
    if again is not None:
        bound = exam.terms.bounds[precision].repeat
        exam.require_near(
            exam.alone(precision), again.logits, precision, bound=bound, what="two compilations"
        )


def threads(exam: Exam, precision: Precision) -> None:
    """Two sessions in two threads give what each gives alone."""
    halves = exam.images[0::2].copy(), exam.images[1::2].copy()
    sessions = exam.new_session(precision), exam.new_session(precision)
    alone = [one.logits(half).copy() for one, half in zip(sessions, halves, strict=True)]
    start = Barrier(2)

    def run(session: Session, half: npt.NDArray[np.float32]) -> list[Floats]:
        start.wait()
        return [session.logits(half).copy() for _ in range(THREAD_RUNS)]

    with ThreadPoolExecutor(2) as both:
        found = list(both.map(run, sessions, halves))
    for expected, outputs in zip(alone, found, strict=True):
        for one in outputs:
            exam.require_near(
                expected,
                one,
                precision,
                bound=exam.terms.bounds[precision].repeat,
                what="a session alone, and beside one in another thread",
            )


def processes(exam: Exam, precision: Precision) -> None:
    """Two processes that run at the same time give what each gives alone."""
    halves = zip(exam.halves(precision), exam.halves_beside(precision), strict=True)
    for alone, beside in halves:
        for outputs in beside:
            exam.require_near(
                alone,
                outputs,
                precision,
                bound=exam.terms.bounds[precision].repeat,
                what="a process alone, and beside another",
            )
