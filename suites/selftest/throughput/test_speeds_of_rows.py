"""A row's speed is held against what was accepted for it: backend, machine and precision."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from harness.backends.backend import Host
from harness.backends.registry import backend_names
from harness.errors import MissingBackend, RunError
from harness.expected.baselines import Baseline, speed_file
from harness.expected.standards import read_standards
from harness.pipeline.building import Settings
from harness.pipeline.catalogue import EXPECTED, DocumentedModel, read_catalogue
from harness.pipeline.pipeline import Pipeline
from harness.plugin.options import Gate
from harness.plugin.throughput import Throughputs
from harness.records import Measurement, Outcome
from harness.reporting import machine
from harness.throughput.rows import REFERENCE, OpenModel, Speeds

BACKEND = "onnxruntime"
ROUNDS = (1.0, 1.01, 0.99, 1.0, 1.005, 0.995)
LOAD = {"instances": 1, "processes": 1, "batch": 8}
Made = Callable[..., Throughputs]


@pytest.fixture(scope="module")
def subject() -> DocumentedModel:
    return read_catalogue().one("resnext/timm/resnext50_32x4d")


def facts(**speeds: float) -> Mapping[str, Any]:
    """What LoadGen would have found of subjects of these speeds, in images a second."""

    def rounds(speed: float) -> list[dict[str, Any]]:
        return [
            {
                "samples_per_second": speed * factor,
                "samples": 100,
                "latency_ms": {"50": 1000 / (speed * factor), "90": 1100 / speed},
            }
            for factor in ROUNDS
        ]

    found = {
        name: {"load": LOAD, "rounds": rounds(speed), "peak_bytes": 2**28}
        for name, speed in {REFERENCE: 60.0, **speeds}.items()
    }
    return {
        "subjects": {name: {"identity": {"reference": "made up"}} for name in found},
        "scenarios": {"Offline": found, "SingleStream": found},
    }


@pytest.fixture
def made(tmp_path: Path, subject: DocumentedModel) -> Made:
    """The plugin's measurer, which has measured a row already."""
    expected = tmp_path / "expected"
    shutil.copytree(EXPECTED, expected)
    settings = Settings(expected / "build" / "embedded.yaml", store=tmp_path / "store")
    catalogue = read_catalogue(expected)
    ids = [one.id for one in catalogue.models]
    gate = Gate(
        expected=expected,
        catalogue=catalogue,
        standards=read_standards(
            expected,
            pages=catalogue.pages,
            models=ids,
            backends=backend_names(),
            today=date(2026, 1, 1),
        ),
        selected=(subject,),
        settings=settings,
        backends={BACKEND: ("fp32", "int8")},
        precisions=("fp32", "fp16", "bf16", "int8"),
        required=frozenset(),
        required_backends=frozenset(),
        cards_required=False,
        throughput=True,
        layers=False,
    )

    def measurer(**speeds: float) -> Throughputs:
        cost = {"int8": (Measurement("artifact_size", 24.5, "MiB"),)}
        measured = {(subject.id, BACKEND): Speeds(facts(**speeds), cost)}
        return Throughputs(gate, Pipeline(settings), 6, 1.0, 176, tmp_path, measured)

    return measurer


def accept(throughputs: Throughputs, subject: DocumentedModel, *precisions: str) -> None:
    """Make what was measured the accepted state."""
    for precision in precisions:
        ratios = throughputs.ratios(subject, BACKEND, precision)
        cases = {f"{subject.id} {precision}": {one.name: one for one in ratios}}
        told = ratios[0].conditions
        name = speed_file(Path(), backend=BACKEND, machine=told["machine"]).name
        throughputs.gate.standards.baselines[name] = Baseline(cases)


def outcome_of(
    throughputs: Throughputs, subject: DocumentedModel, precision: str = "int8"
) -> Outcome:
    ratios = throughputs.ratios(subject, BACKEND, precision)
    assert len(ratios) == 2
    return throughputs.verdict(ratios, subject).outcome


def test_the_accepted_speed_conforms(made: Made, subject: DocumentedModel) -> None:
    accept(made(fp32=24.0, int8=40.0), subject, "int8")
    assert outcome_of(made(fp32=24.0, int8=40.4), subject) is Outcome.CONFORMS


@pytest.mark.parametrize("speed", [28.0, 55.0], ids=["slower", "faster"])
def test_another_speed_does_not(made: Made, subject: DocumentedModel, speed: float) -> None:
    accept(made(fp32=24.0, int8=40.0), subject, "int8")
    assert outcome_of(made(fp32=24.0, int8=speed), subject) is Outcome.DOES_NOT_CONFORM


@pytest.mark.shows("a slow machine passes for a slow model, or hides one")
def test_a_slower_machine_is_no_slower_model(made: Made, subject: DocumentedModel) -> None:
    accept(made(fp32=24.0, int8=40.0), subject, "int8")
    slow = {REFERENCE: 30.0, "fp32": 12.0, "int8": 20.0}
    assert outcome_of(made(**slow), subject) is Outcome.CONFORMS


def test_what_was_accepted_for_another_precision_says_nothing(
    made: Made, subject: DocumentedModel
) -> None:
    accept(made(fp32=24.0, int8=40.0), subject, "fp32")
    assert outcome_of(made(fp32=24.0, int8=40.0), subject) is Outcome.NOT_MEASURED


def test_what_was_accepted_on_another_machine_says_nothing(
    made: Made, subject: DocumentedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(made(fp32=24.0, int8=40.0), subject, "int8")
    other = replace(machine.describe(), cpu="another processor")
    monkeypatch.setattr("harness.plugin.throughput.machine.describe", lambda: other)
    assert outcome_of(made(fp32=24.0, int8=40.0), subject) is Outcome.NOT_MEASURED


@pytest.mark.parametrize(
    ("int8", "outcome"),
    [(40.0, Outcome.CONFORMS), (24.1, Outcome.CONFORMS), (20.0, Outcome.DOES_NOT_CONFORM)],
)
def test_int8_has_to_be_as_fast_as_fp32(
    made: Made, subject: DocumentedModel, int8: float, outcome: Outcome
) -> None:
    verdict = made(fp32=24.0, int8=int8).int8_verdict(subject, BACKEND)
    assert verdict.outcome is outcome
    assert "against fp32" in verdict.headline


def test_figures_name_backend_precision_and_cost(made: Made, subject: DocumentedModel) -> None:
    figures = made(fp32=24.0, int8=40.0).figures(subject, BACKEND, "int8")
    names = [one.name for one in figures]
    assert {"throughput", "latency_p50", "latency_p90", "peak_memory", "artifact_size"} <= set(
        names
    )
    (offline,) = (
        one
        for one in figures
        if one.name == "throughput" and one.conditions["scenario"] == "Offline"
    )
    assert offline.value == pytest.approx(40, rel=0.01)
    assert offline.conditions["precision"] == "int8"


def test_a_model_is_opened_where_it_is_served(tmp_path: Path) -> None:
    opened = pickle.loads(pickle.dumps(OpenModel(BACKEND, Host(), "fp32", tmp_path / "gone.onnx")))
    with pytest.raises(RunError, match=r"cannot load gone\.onnx"):
        opened()
    with pytest.raises(MissingBackend, match="no backend 'onnxrt', meant 'onnxruntime'"):
        replace(opened, backend="onnxrt")()


def test_the_speed_of_tools_that_stand_in_is_not_judged(
    made: Made, subject: DocumentedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    throughputs = made(fp32=24.0, int8=20.0)
    accept(made(fp32=24.0, int8=40.0), subject, "int8")
    target = throughputs.pipeline.backend(BACKEND)
    told = {**target.tools(), "vamp": "vamp stand-in 1"}
    ratios = throughputs.ratios(subject, BACKEND, "int8")
    monkeypatch.setattr(target, "tools", lambda: told)
    verdicts = (
        throughputs.verdict(ratios, subject),
        throughputs.int8_verdict(subject, BACKEND),
    )
    assert {one.outcome for one in verdicts} == {Outcome.NOT_MEASURED}
    assert all("vamp only stands in" in one.headline for one in verdicts)
