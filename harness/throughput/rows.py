"""The speed of a row on a backend: all its precisions and the reference, in turns, by LoadGen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.backends.backend import Backend, Host, Precision
from harness.backends.registry import backend
from harness.backends.session import Load, Session
from harness.errors import MeasureError
from harness.pipeline.catalogue import DocumentedModel as Row
from harness.pipeline.declared import Step
from harness.pipeline.embedded import sized
from harness.pipeline.limits import RUN_COPIES
from harness.pipeline.pipeline import Pipeline
from harness.pipeline.variant_pipeline import exported_file
from harness.records import Measurement
from harness.runtime.store import Entry, LazyArtifact
from harness.throughput.measuring import REFERENCE, Effort, Workload, measure, reference_subject
from harness.throughput.trials import Scenario

MIB = 2**20
BATCH = 8  # images of an Offline batch on the CPU
TEST_SECONDS = 60.0  # of one test of one workload, beyond which it is taken to hang
JOB_IMAGES = 176
"""Of a job of a backend that loads its device by itself: as many as a ``Load`` has in flight."""

MEASURE = Step("run", measure, MeasureError, RUN_COPIES)
LEAST_DOUBLED = 3  # images given twice: they are not counted, and cost time


@dataclass(frozen=True, slots=True)
class OpenModel:
    """Opens a session of a model, in the process that serves it."""

    backend: str
    host: Host
    precision: Precision
    path: Path

    def __call__(self) -> Session:
        """Load the model.

        Raises:
            RunError, Unavailable: see ``Backend.session``.
        """
        return backend(self.backend, self.host).session(self.path, precision=self.precision)


@dataclass(frozen=True, slots=True)
class Speeds:
    """What LoadGen found of one row on one backend, and what its models took to make.

    ``facts``: as ``harness.throughput.measuring.measure`` gives them, workloads named by precision.
    """

    facts: Mapping[str, Any]
    costs: Mapping[str, tuple[Measurement, ...]]

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Those that were measured."""
        return tuple(self.facts["scenarios"])


def measure_speeds(
    pipeline: Pipeline,
    row: Row,
    name: str,
    precisions: Sequence[Precision],
    effort: Effort,
    folder: Path,
    *,
    job_images: int = JOB_IMAGES,
) -> Speeds:
    """Measure a row on a backend, alone on this machine as far as the suite is concerned.

    Args:
        folder: where LoadGen's logs are kept; made anew.
        job_images: of one job, of a backend that loads its device by itself. Each job is a process
            that has to start, and is given up to four images again.

    Raises:
        Unavailable: the backend, LoadGen or memory is not here.
        StageError: a step failed, or LoadGen finds the measurement invalid.
    """
    target = pipeline.backend(name)
    folder.mkdir(parents=True, exist_ok=True)
    images, jobs = _images(pipeline, row, target, folder), target.runner.jobs
    load = Load(instances=1, processes=1, batch=job_images if jobs else BATCH)
    scenarios: tuple[Scenario, ...] = ("Offline",) if jobs else ("SingleStream", "Offline")
    workloads = [reference_subject(folder)]
    costs: dict[str, tuple[Measurement, ...]] = {}
    held: list[Entry] = []  # till the end
    for precision in precisions:
        entry, path, costs[precision] = _model(pipeline, row, name, precision)
        held.append(entry)
        host = replace(pipeline.settings.host, doubled=LEAST_DOUBLED)
        opened = OpenModel(name, host, precision, path)
        workloads.append(Workload(name=precision, open_session=opened, images=images, load=load))
    tests = len(scenarios) * len(workloads) * (effort.rounds + 2)
    facts: Mapping[str, Any] = pipeline.builder.run_apart(
        MEASURE,
        row.variant,
        tuple(workloads),
        effort,
        folder,
        scenarios,
        seconds=tests * (effort.seconds + TEST_SECONDS),
        alone=True,
    )
    return Speeds(facts, costs)


def _images(pipeline: Pipeline, row: Row, target: Backend, folder: Path) -> Path:
    """The evaluation images as the backend's sessions are given them."""
    path = pipeline.images.files(row.size).evaluation
    images = np.load(path, allow_pickle=False)
    prepared = target.runner.prepare(images, sized(pipeline.config, row.size).process_ops)
    if prepared is images:
        return path
    np.save(folder / "images.npy", prepared)
    return folder / "images.npy"


def _model(
    pipeline: Pipeline, row: Row, name: str, precision: Precision
) -> tuple[Entry, Path, tuple[Measurement, ...]]:
    """A model's entry and main file, and what it took to compile it."""
    target = pipeline.backend(name)
    file = target.compiles(precision)
    if file is None:
        exported = LazyArtifact(lambda: pipeline.compilable(row, name), exported_file(target))
        return *exported.opened(), ()
    entry, path = LazyArtifact(lambda: pipeline.compiled_row(row, name, precision), file).opened()
    conditions = {"backend": name, "precision": precision}
    figures = [("artifact_size", entry.facts.get("bytes"), MIB, "MiB")]
    figures.append(("compile_time", entry.facts.get("seconds", entry.facts.get("cpu_s")), 1, "s"))
    return (
        entry,
        path,
        tuple(
            Measurement(figure, round(value / scale, 3), unit, conditions)
            for figure, value, scale, unit in figures
            if isinstance(value, int | float)
        ),
    )


__all__ = ["REFERENCE", "Effort", "OpenModel", "Speeds", "measure_speeds"]
