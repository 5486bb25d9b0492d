"""LoadGen's own test notices a system that serves wrongly; and it survives one that fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from serving_stand_ins import (
    IMAGES,
    Early,
    Floats,
    Lane,
    Sleeping,
    forgetful_trial,
    pictures,
    repeating_trial,
    right,
    trial,
)

from harness.errors import (
    MeasureError,
    MismatchedOutput,
    PartialOutput,
    RunError,
    Unavailable,
    WrongOutput,
)
from harness.runtime.isolation import Worker
from harness.throughput import trials
from harness.throughput.logs import read_performance, read_served, require_no_errors
from harness.throughput.served import require_right
from harness.throughput.trials import LOGGED_SAMPLES, SEEDS, LoadGenTest, Mode, run_trial

Answer = Callable[[object, Sequence[int], Floats], None]
WrongAnswers = Callable[[Callable[..., None]], None]


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker() as worker:
        yield worker


@pytest.fixture
def wrong_answers(monkeypatch: pytest.MonkeyPatch) -> WrongAnswers:
    """Make the system under test answer by a stand-in, which is given the right function first."""

    def use(wrong: Callable[..., None]) -> None:
        right_one = trials.answer
        monkeypatch.setattr(trials, "answer", lambda *args: wrong(right_one, *args))

    return use


def offline(**other: object) -> LoadGenTest:
    return trial(scenario="Offline", min_seconds=0.05, expected_per_s=1000.0, **other)


def check(folder: Path, *, each_once: bool = False) -> float:
    return require_right(read_served(folder), right(pictures()), each_once=each_once, log=folder)


def test_single_stream_is_timed_by_loadgen(valid_logs: Path) -> None:
    found = read_performance(valid_logs)
    assert not found.broken
    assert found.queries == found.samples >= 64
    assert found.latency_ms["50"] >= 2.0  # the stand-in sleeps for that long
    assert sorted(found.latency_ms.values()) == list(found.latency_ms.values())
    assert found.version.startswith("6.")
    assert check(valid_logs) == 0


def test_offline_serves_one_query_in_batches_on_all_lanes(tmp_path: Path) -> None:
    # 90 batches of 2 ms on each of two lanes
    run_trial(offline(batch=4, min_queries=720), [Lane(), Lane()], tmp_path)
    found = read_performance(tmp_path)
    assert (found.queries, found.samples, found.broken) == (1, 720, ())
    assert LOGGED_SAMPLES / 2 < len(read_served(tmp_path)) <= LOGGED_SAMPLES
    assert check(tmp_path) == 0


@pytest.mark.parametrize("scenario", ["SingleStream", "Offline"])
def test_accuracy_mode_serves_every_image_once(scenario: str, tmp_path: Path) -> None:
    run_trial(trial(scenario=scenario, mode="AccuracyOnly", batch=3), [Lane()] * 2, tmp_path)
    require_no_errors(tmp_path)
    assert sorted(one.position for one in read_served(tmp_path)) == list(range(IMAGES))
    assert check(tmp_path, each_once=True) == 0


def test_the_same_samples_come_in_the_same_order(tmp_path: Path) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        run_trial(offline(batch=8, min_queries=400), [Lane()], folder)
    first, second = map(read_served, folders)
    assert len(first) == 400
    assert first == second
    detail = (folders[0] / "mlperf_log_detail.txt").read_text()
    assert all(f'"requested_{name}", "value": {seed}' in detail for name, seed in SEEDS.items())


@pytest.mark.parametrize("mode", ["PerformanceOnly", "AccuracyOnly"])
def test_a_second_answer_is_noticed(mode: Mode, worker: Worker, tmp_path: Path) -> None:
    worker.run(repeating_trial, tmp_path, mode, timeout_s=20.0, stage=RunError)
    with pytest.raises(MeasureError, match="Attempted to complete a sample twice"):
        require_no_errors(tmp_path)


def test_loadgen_itself_finds_a_test_with_a_second_answer_valid(
    worker: Worker, tmp_path: Path
) -> None:
    worker.run(repeating_trial, tmp_path, "PerformanceOnly", timeout_s=20.0, stage=RunError)
    assert "Result is : VALID" in (tmp_path / "mlperf_log_summary.txt").read_text()
    with pytest.raises(MeasureError, match="twice"):
        read_performance(tmp_path)


def test_swapped_answers_are_noticed(wrong_answers: WrongAnswers, tmp_path: Path) -> None:
    def swapped(answer: Answer, loadgen: object, ids: Sequence[int], outputs: Floats) -> None:
        answer(loadgen, ids[::-1], outputs)

    wrong_answers(swapped)
    run_trial(trial(scenario="Offline", mode="AccuracyOnly", batch=4), [Lane()], tmp_path)
    with pytest.raises(MismatchedOutput, match=r"answer 0, to image \d, is that of image \d"):
        check(tmp_path, each_once=True)


def test_an_answer_given_before_it_is_computed_is_noticed(
    wrong_answers: WrongAnswers, tmp_path: Path
) -> None:
    def early(answer: Answer, loadgen: object, ids: Sequence[int], outputs: Floats) -> None:
        answer(loadgen, ids, outputs * 0)

    wrong_answers(early)
    run_trial(trial(), [Lane()], tmp_path)
    with pytest.raises(WrongOutput, match="is that of no image"):
        check(tmp_path)


def test_a_stale_answer_is_noticed(tmp_path: Path) -> None:
    run_trial(trial(), [Lane(Early(calls=IMAGES))], tmp_path)
    with pytest.raises((WrongOutput, MismatchedOutput)):
        check(tmp_path)


def test_a_sample_that_is_never_answered_is_a_named_error(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="did not finish within 3 s"):
        worker.run(forgetful_trial, tmp_path, timeout_s=3.0, stage=RunError)


class Failing:
    """A lane that fails at its third batch."""

    def __init__(self) -> None:
        self.calls = 0

    def logits(self, positions: Sequence[int]) -> Floats:
        self.calls += 1
        if self.calls >= 3:
            raise PartialOutput("a stand-in gives up")
        return right(pictures()[list(positions)])


@pytest.mark.parametrize("scenario", ["SingleStream", "Offline"])
def test_a_failing_session_ends_the_test_and_not_the_process(scenario: str, tmp_path: Path) -> None:
    failing = Failing()
    with pytest.raises(PartialOutput, match="gives up"):
        run_trial(trial(scenario=scenario), [failing], tmp_path / "first")
    assert failing.calls == 3  # what came later was not computed
    run_trial(trial(), [Lane()], tmp_path / "second")
    assert not read_performance(tmp_path / "second").broken


def test_too_few_queries_are_invalid(tmp_path: Path) -> None:
    run_trial(trial(min_queries=5, min_seconds=0.01), [Lane()], tmp_path)
    found = read_performance(tmp_path)
    assert found.broken == ("it had too few queries for its percentile (early stopping)",)
    assert not found.too_short


def test_a_test_that_is_over_too_soon_is_invalid(tmp_path: Path) -> None:
    run_trial(
        trial(scenario="Offline", min_seconds=5, min_queries=8, expected_per_s=1.0),
        [Lane()],
        tmp_path,
    )
    found = read_performance(tmp_path)
    assert found.broken == ("it was over too soon",)
    assert found.too_short


def test_running_out_of_queries_is_invalid_with_loadgens_words(tmp_path: Path) -> None:
    run_trial(trial(min_seconds=2, expected_per_s=1.0), [Lane(Sleeping(0.0005))], tmp_path)
    found = read_performance(tmp_path)
    assert found.too_short
    assert any("Ending early" in reason for reason in found.broken)


def test_a_missing_loadgen_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "mlperf_loadgen", None)
    with pytest.raises(Unavailable, match="mlcommons-loadgen"):
        run_trial(trial(), [Lane()], tmp_path)
