"""What all self-tests need of their process."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator

import pytest

from harness.errors import MissingSource
from harness.reporting.history import VARIABLE


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call() -> Generator[None]:
    """What a case of the gate may do, a self-test may not: skip because a source is missing.

    All source libraries are there, so that a model which none of them knows is a mistake.
    """
    try:
        yield
    except MissingSource as error:
        raise AssertionError(f"not available to a self-test: {error}") from error


@pytest.fixture(autouse=True, scope="session")
def _forgotten() -> Iterator[None]:
    """No run that a test starts is kept among the user's past ones."""
    kept = os.environ.pop(VARIABLE, None)
    yield
    if kept is not None:
        os.environ[VARIABLE] = kept


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> Iterator[None]:
    """What a test starts can be interrupted, also where this process was started to ignore that.

    A script's job in the background and ``nohup`` are; child processes inherit it.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
