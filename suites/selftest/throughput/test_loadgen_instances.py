"""Instances run in processes of their own, and whatever becomes of these is a named error."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
import serving_stand_ins
from serving_stand_ins import pictures, right

from harness.backends.session import Load
from harness.errors import MissingBackend, PartialOutput, RunError, RunHang, StageError
from harness.throughput.instances import Instances
from harness.throughput.serving import OpenSession

Start = Callable[..., AbstractContextManager[Instances]]
ONE = Load(instances=1, processes=1, batch=1)


@pytest.fixture
def start(images: Path) -> Start:
    def instances(
        session: OpenSession, load: Load = ONE, answer_timeout_s: float = 20.0
    ) -> Instances:
        return Instances(session, images, load, answer_timeout_s=answer_timeout_s)

    return instances


def test_every_lane_answers_by_positions(start: Start) -> None:
    before = set(psutil.Process().children())
    with start(serving_stand_ins.Sleeping, Load(instances=2, processes=2, batch=1)) as instances:
        assert len(instances.lanes) == 4
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda lane: lane.logits([3, 0, 3]), instances.lanes))
    assert all((one == right(pictures()[[3, 0, 3]])).all() for one in found)
    assert set(psutil.Process().children()) == before


def test_peak_memory_is_that_of_the_processes(start: Start) -> None:
    with start(serving_stand_ins.Sleeping) as one:
        one.lanes[0].logits([0])
    with start(serving_stand_ins.Sleeping, Load(instances=1, processes=2, batch=1)) as two:
        two.lanes[0].logits([0])
    assert 10 * 2**20 < one.peak_bytes < two.peak_bytes < 4 * one.peak_bytes


def test_instances_have_one_thread_each(start: Start) -> None:
    with start(partial(serving_stand_ins.Environment, "OMP_NUM_THREADS")) as instances:
        assert instances.lanes[0].logits([0]) == np.float32(1)


def test_a_session_that_cannot_be_opened_says_why(start: Start) -> None:
    with pytest.raises(MissingBackend, match="no such device"), start(serving_stand_ins.missing):
        pass


def test_a_session_that_drops_an_answer_is_noticed(start: Start) -> None:
    with start(serving_stand_ins.Dropping) as instances:
        assert len(instances.lanes[0].logits([0])) == 1
        with pytest.raises(PartialOutput, match=r"a batch of 3 images gave outputs \(2, 12\)"):
            instances.lanes[0].logits([0, 1, 2])


def test_a_session_that_does_not_answer_is_noticed(start: Start) -> None:
    with (
        start(serving_stand_ins.Hanging, answer_timeout_s=0.2) as instances,
        pytest.raises(RunHang, match=r"no answer to a batch of 1 image within 0.2 s"),
    ):
        instances.lanes[0].logits([0])


def test_a_session_that_crashes_is_noticed(start: Start) -> None:
    with (
        start(serving_stand_ins.Crashing) as instances,
        pytest.raises(RunError, match="killed by SIGABRT"),
    ):
        instances.lanes[0].logits([0])


def test_an_error_of_a_session_is_told_with_its_trace(start: Start) -> None:
    with start(serving_stand_ins.Raising, Load(instances=2, processes=1, batch=1)) as instances:
        with pytest.raises(StageError, match="ZeroDivisionError: integer division"):
            instances.lanes[1].logits([0])
        with pytest.raises(StageError, match="ZeroDivisionError"):
            instances.lanes[0].logits([0])
