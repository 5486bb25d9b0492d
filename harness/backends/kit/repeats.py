"""The same gives the same: in another batch, order, session, thread, process or compilation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import numpy.typing as npt

from harness.backends.backend import Precision
from harness.backends.kit.under_test import BackendUnderTest
from harness.backends.session import Session

Floats = npt.NDArray[np.float32]

CALLS = 4  # an executor that optimizes after its first calls has done so by then
THREAD_RUNS = 8


def batch_invariance(under_test: BackendUnderTest, precision: Precision) -> None:
    """An image alone gives what it gives in a batch."""
    session, together = under_test.session(precision), under_test.logits(precision)
    alone = np.concatenate([session.logits(image[None]) for image in under_test.images])
    bound = under_test.terms.bounds[precision].batch
    what = "images alone, and as one batch"
    under_test.require_near(together, alone, precision, bound=bound, what=what)


def order(under_test: BackendUnderTest, precision: Precision) -> None:
    """Images in another order give the same logits in that order."""
    images = under_test.images
    moved = np.roll(np.arange(len(images))[::-1], 1)
    outputs = under_test.session(precision).logits(np.ascontiguousarray(images[moved]))
    under_test.require_near(
        under_test.logits(precision)[moved],
        outputs,
        precision,
        bound=under_test.terms.bounds[precision].batch,
        what="images in another order",
    )


def determinism(under_test: BackendUnderTest, precision: Precision) -> None:
    """Calls of one session give the same, and so does another session."""
    bound = under_test.terms.bounds[precision].repeat
    for _ in range(CALLS):
        again = under_test.session(precision).logits(under_test.images)
        under_test.require_near(
            under_test.logits(precision),
            again,
            precision,
            bound=bound,
            what="two calls of one session",
        )
    other = under_test.new_session(precision).logits(under_test.images)
    under_test.require_near(
        under_test.logits(precision),
        other,
        precision,
        bound=bound,
        what="two sessions of one model",
    )


def compiled_again(under_test: BackendUnderTest, precision: Precision) -> None:
    """A second compilation, in another process, gives a model that says the same."""
    again = under_test.recompiled(precision)
    if again is not None:
        bound = under_test.terms.bounds[precision].repeat
        under_test.require_near(
            under_test.alone(precision),
            again.logits,
            precision,
            bound=bound,
            what="two compilations",
        )


def threads(under_test: BackendUnderTest, precision: Precision) -> None:
    """Two sessions in two threads give what each gives alone."""
    halves = under_test.images[0::2].copy(), under_test.images[1::2].copy()
    sessions = under_test.new_session(precision), under_test.new_session(precision)
    alone = [one.logits(half).copy() for one, half in zip(sessions, halves, strict=True)]
    start = Barrier(2)

    def run(session: Session, half: npt.NDArray[np.float32]) -> list[Floats]:
        start.wait()
        return [session.logits(half).copy() for _ in range(THREAD_RUNS)]

    with ThreadPoolExecutor(2) as both:
        found = list(both.map(run, sessions, halves))
    for expected, outputs in zip(alone, found, strict=True):
        for one in outputs:
            under_test.require_near(
                expected,
                one,
                precision,
                bound=under_test.terms.bounds[precision].repeat,
                what="a session alone, and beside one in another thread",
            )


def processes(under_test: BackendUnderTest, precision: Precision) -> None:
    """Two processes that run at the same time give what each gives alone."""
    halves = zip(under_test.halves(precision), under_test.halves_beside(precision), strict=True)
    for alone, beside in halves:
        for outputs in beside:
            under_test.require_near(
                alone,
                outputs,
                precision,
                bound=under_test.terms.bounds[precision].repeat,
                what="a process alone, and beside another",
            )
