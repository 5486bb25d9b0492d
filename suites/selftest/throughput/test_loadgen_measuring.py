"""Subjects are measured in turns, and what one of them does wrong is no figure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serving_stand_ins

from harness.backends.session import Load
from harness.errors import MeasureError, MismatchedOutput, RunError, RunHang, WrongOutput
from harness.judging.throughput import figures, speed_measurement
from harness.runtime.isolation import Worker
from harness.throughput import measuring
from harness.throughput.measuring import Effort, Workload, measure, reference_subject
from harness.throughput.reference import identity
from harness.throughput.serving import OpenSession

pytestmark = [
    pytest.mark.shows(
        "answers under load are dropped, doubled, mixed up or given before they are computed",
        by="LoadGen's log, and every answer against the image's own",
    )
]

SHORT = Effort(rounds=3, seconds=0.05, answer_timeout_s=20.0)
ONE = Load(instances=1, processes=1, batch=1)
PAIRS = Load(instances=2, processes=1, batch=2)
Make = Callable[..., Workload]


@pytest.fixture
def subject(images: Path) -> Make:
    def make(session: OpenSession, name: str = "candidate", load: Load = PAIRS) -> Workload:
        return Workload(name=name, open_session=session, images=images, load=load)

    return make


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """A stand-in beside a stand-in for the reference, in a child as the suite measures."""
    folder = tmp_path_factory.mktemp("measured")
    np.save(folder / "images.npy", serving_stand_ins.pictures())
    reference, candidate = (
        Workload(
            name=name,
            open_session=serving_stand_ins.Sleeping,
            images=folder / "images.npy",
            load=PAIRS,
            identity={"reference": "stand-in"},
        )
        for name in ("reference", "candidate")
    )
    with Worker() as worker:
        facts = worker.run(
            measure, [reference, candidate], SHORT, folder, timeout_s=100.0, stage=RunError
        )
    return facts, folder


def test_the_reference_is_measured_as_any_subject(tmp_path: Path) -> None:
    effort = Effort(rounds=1, seconds=0.05)
    facts = measure([reference_subject(tmp_path)], effort, tmp_path / "logs", ["Offline"])
    assert facts["subjects"]["reference"]["identity"] == identity()
    assert facts["scenarios"]["Offline"]["reference"]["served"]["checked"] >= 8


def test_facts_are_plain_json(measured: tuple[dict[str, Any], Path]) -> None:
    facts, _ = measured
    assert json.loads(json.dumps(facts, allow_nan=False))["loadgen"].startswith("6.")
    assert facts["subjects"]["reference"]["identity"] == {"reference": "stand-in"}


def test_every_round_is_kept_with_its_logs(measured: tuple[dict[str, Any], Path]) -> None:
    facts, folder = measured
    for scenario in ("SingleStream", "Offline"):
        for name in ("reference", "candidate"):
            found = facts["scenarios"][scenario][name]
            assert len(found["rounds"]) == 3
            assert found["served"]["checked"] > 3
            assert found["peak_bytes"] > 2**20
            for logs in ("accuracy", "round-01", "round-02", "round-03"):
                assert (folder / scenario / name / logs / "mlperf_log_detail.txt").exists()


def test_offline_is_loaded_as_asked_and_single_stream_one_by_one(
    measured: tuple[dict[str, Any], Path],
) -> None:
    facts, _ = measured
    loads = {name: found["candidate"]["load"] for name, found in facts["scenarios"].items()}
    assert loads["Offline"] == {"instances": 2, "processes": 1, "batch": 2}
    assert loads["SingleStream"] == {"instances": 1, "processes": 1, "batch": 1}


def test_facts_are_what_judging_takes(measured: tuple[dict[str, Any], Path]) -> None:
    facts, _ = measured
    found = speed_measurement(
        facts, "candidate", "Offline", reference="reference", machine="here", backend="stand-in"
    )
    assert found.name == "offline_speed_ratio"
    assert found.conditions["load"] == "-i 2 -p 1 -b 2"
    assert found.conditions["machine"] == "here"
    names = [one.name for one in figures(facts, "candidate", "SingleStream")]
    assert names[:3] == ["throughput", "latency_p50", "latency_p90"]
    assert names[-1] == "peak_memory"


def test_subjects_are_tested_in_turns_there_and_back(
    subject: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[str] = []
    run = measuring.run_trial

    def noted(trial: Any, lanes: Any, folder: Path) -> None:
        turns.append(f"{folder.parent.name} {folder.name}")
        run(trial, lanes, folder)

    monkeypatch.setattr(measuring, "run_trial", noted)
    both = [subject(serving_stand_ins.Sleeping, name) for name in ("one", "two")]
    measure(both, SHORT, tmp_path, ["Offline"])
    assert turns[:2] == ["one accuracy", "two accuracy"]
    first_tries = [turn.split()[0] for turn in turns[2:] if "." not in turn]  # too short: again
    assert first_tries == ["one", "two", "two", "one", "one", "two"]


def test_a_session_that_swaps_is_noticed(subject: Make, tmp_path: Path) -> None:
    with pytest.raises(MismatchedOutput, match="accuracy: answer 0"):
        measure([subject(serving_stand_ins.Swapping)], SHORT, tmp_path, ["Offline"])


def test_a_session_that_answers_before_it_has_computed_is_noticed(
    subject: Make, tmp_path: Path
) -> None:
    with pytest.raises((MismatchedOutput, WrongOutput)):
        measure([subject(serving_stand_ins.Early)], SHORT, tmp_path, ["SingleStream"])


def test_a_session_that_is_wrong_in_batches_only_is_noticed(subject: Make, tmp_path: Path) -> None:
    measure([subject(serving_stand_ins.Empty)], SHORT, tmp_path / "alone", ["SingleStream"])
    with pytest.raises(WrongOutput, match="is that of no image"):
        measure([subject(serving_stand_ins.Empty)], SHORT, tmp_path / "batches", ["Offline"])


def test_a_session_that_answers_all_alike_is_noticed(subject: Make, tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match="images 0 and 1 have the same answer"):
        measure([subject(serving_stand_ins.Alike)], SHORT, tmp_path, ["Offline"])


def test_a_session_that_hangs_under_load_is_noticed(subject: Make, tmp_path: Path) -> None:
    effort = Effort(rounds=3, seconds=0.05, answer_timeout_s=1.0)
    with pytest.raises(RunHang, match=r"candidate, SingleStream: no answer .* within 1 s"):
        measure([subject(serving_stand_ins.HangingLater)], effort, tmp_path, ["SingleStream"])


@pytest.fixture
def slow_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the first look, every session was far slower than it is."""
    monkeypatch.setattr(measuring, "_speed", lambda *_: 1.0)


@pytest.mark.usefixtures("slow_before")
def test_a_session_that_became_faster_is_tested_for_longer(subject: Make, tmp_path: Path) -> None:
    effort = Effort(rounds=1, seconds=0.1)
    facts = measure([subject(serving_stand_ins.Sleeping, load=ONE)], effort, tmp_path, ["Offline"])
    assert (tmp_path / "Offline/candidate/round-01.2").is_dir()
    (found,) = facts["scenarios"]["Offline"]["candidate"]["rounds"]
    assert found["duration_s"] >= 0.1
    assert not found["broken"]


@pytest.mark.usefixtures("slow_before")
def test_an_invalid_test_is_no_figure(
    subject: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "TRIES", 1)
    reason = (
        r"candidate, Offline: LoadGen finds the test INVALID: it was over too soon \(.*round-01\)"
    )
    with pytest.raises(MeasureError, match=reason):
        measure(
            [subject(serving_stand_ins.Sleeping)],
            Effort(rounds=1, seconds=1),
            tmp_path,
            ["Offline"],
        )


def test_too_few_queries_are_no_figure(subject: Make, tmp_path: Path) -> None:
    effort = Effort(rounds=1, seconds=0.005, queries=4)
    with pytest.raises(MeasureError, match=r"INVALID: it had too few queries"):
        measure([subject(serving_stand_ins.Sleeping)], effort, tmp_path, ["SingleStream"])


def test_a_session_that_cannot_be_opened_is_named_by_its_subject(
    subject: Make, tmp_path: Path
) -> None:
    both = [
        subject(serving_stand_ins.Sleeping, "one"),
        subject(serving_stand_ins.unloadable, "two"),
    ]
    with pytest.raises(RunError, match="two, Offline: raised ZeroDivisionError"):
        measure(both, SHORT, tmp_path, ["Offline"])


def test_nothing_to_measure_and_a_name_twice_are_refused(subject: Make, tmp_path: Path) -> None:
    for subjects in ([], [subject(serving_stand_ins.Sleeping)] * 2):
        with pytest.raises(ValueError, match="rounds of"):
            measure(subjects, SHORT, tmp_path)
