"""One test by MLCommons LoadGen. Its state is the process's: one test at a time in a process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from harness.errors import Unavailable
from harness.throughput.instances import Lane
from harness.throughput.serving import Floats
from harness.throughput.system import System

Scenario = Literal["SingleStream", "Offline"]
Mode = Literal["PerformanceOnly", "AccuracyOnly"]

SEEDS = {
    "qsl_rng_seed": 1001,
    "sample_index_rng_seed": 1002,
    "schedule_rng_seed": 1003,
    "accuracy_log_rng_seed": 1004,
}
"""Any numbers, always the same: every test of a scenario has its samples in the same order."""

LOGGED_SAMPLES = 512
"""Answers of a performance test that LoadGen logs, drawn at random, for them to be looked at."""

EXPECTED_SHARE = 0.25
"""Of the latency seen before, that LoadGen prepares queries for; a faster session than that would
have it run out of queries, and end early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadGenTest:
    """What LoadGen is asked for.

    Attributes:
        scenario: one sample after the other, or all of them as one query.
        mode: whether each sample is served once and logged, or served and timed for a while.
        images: how many images there are to draw samples from.
        batch: most images in a batch.
        min_seconds: LoadGen finds a shorter test invalid.
        min_queries: and one with fewer queries; offline, the number of samples of its one query.
        expected_per_s: samples a second, as far as known.
    """

    scenario: Scenario
    mode: Mode
    images: int
    batch: int
    min_seconds: float
    min_queries: int
    expected_per_s: float


def run_trial(trial: LoadGenTest, lanes: Sequence[Lane], folder: Path) -> None:
    """Run a test to its end; LoadGen leaves its logs in the folder, which is made.

    Raises:
        Unavailable: LoadGen is not installed.
        RunError: a session failed, crashed or hung.
    """
    loadgen = _loadgen()
    folder.mkdir(parents=True, exist_ok=True)

    def complete(ids: Sequence[int], outputs: Floats) -> None:
        answer(loadgen, ids, outputs)

    system = System(lanes, trial.batch, complete)
    under_test = loadgen.ConstructSUT(system.issue, system.flush)
    # all images are in the instances' memory from their start, so there is nothing to load
    library = loadgen.ConstructQSL(trial.images, trial.images, lambda _: None, lambda _: None)
    try:
        loadgen.StartTestWithLogSettings(
            under_test,
            library,
            _settings(loadgen, trial),
            _log_settings(loadgen, folder),
            str(folder / "audit.config"),  # else one in the working directory would be obeyed
        )
    finally:
        loadgen.DestroyQSL(library)
        loadgen.DestroySUT(under_test)
    if system.failure is not None:
        raise system.failure


def answer(loadgen: Any, ids: Sequence[int], outputs: Floats) -> None:
    """Answer samples with one row of outputs each; LoadGen copies what it logs before it returns.

    ``outputs`` is C-contiguous.
    """
    start, step = outputs.ctypes.data, outputs.strides[0]
    size = outputs[0].nbytes
    loadgen.QuerySamplesComplete(
        [
            loadgen.QuerySampleResponse(one, start + place * step, size)
            for place, one in enumerate(ids)
        ]
    )


def _loadgen() -> Any:
    try:
        return import_module("mlperf_loadgen")
    except ImportError as error:
        raise Unavailable(f"MLCommons LoadGen (mlcommons-loadgen) is not here: {error}") from error


def _settings(loadgen: Any, trial: LoadGenTest) -> Any:
    settings = loadgen.TestSettings()
    settings.scenario = getattr(loadgen.TestScenario, trial.scenario)
    settings.mode = getattr(loadgen.TestMode, trial.mode)
    settings.min_duration_ms = round(1000 * trial.min_seconds)
    settings.min_query_count = trial.min_queries
    settings.offline_expected_qps = trial.expected_per_s
    settings.single_stream_expected_latency_ns = round(EXPECTED_SHARE * 1e9 / trial.expected_per_s)
    settings.accuracy_log_sampling_target = LOGGED_SAMPLES
    for name, seed in SEEDS.items():
        setattr(settings, name, seed)
    return settings


def _log_settings(loadgen: Any, folder: Path) -> Any:
    settings, output = loadgen.LogSettings(), loadgen.LogOutputSettings()
    output.outdir = str(folder)
    output.copy_summary_to_stdout = False
    settings.log_output = output
    settings.enable_trace = False
    return settings
