"""The accuracy of a row, composed: its pipeline, its models, its answers, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import cast

from harness.accuracy.calibrating import CalibratedImages
from harness.accuracy.judging import Judgement, Question, judge
from harness.accuracy.measuring import EvaluationPlan, ModelFile, measure_files
from harness.accuracy.predictions import Predictions
from harness.accuracy.preprocessors import named_preprocessor
from harness.backends.backend import Precision
from harness.backends.registry import EMBEDDED
from harness.errors import ExpectationError, HarnessError, MissingDataset, RunError
from harness.exporting import canonical
from harness.images import vdsp
from harness.images.datasets import CalibrationSet
from harness.images.tensors import Preprocessor
from harness.judging.accuracy.risks import Margin, relative_margin
from harness.pipeline import keys
from harness.pipeline.catalogue import DocumentedModel
from harness.pipeline.declared import Step
from harness.pipeline.embedded import EmbeddedImages
from harness.pipeline.limits import RUN_COPIES, seconds_for
from harness.pipeline.pipeline import Pipeline
from harness.records import Claim, Metric, Row
from harness.runtime.store import Entry, LazyArtifact
from harness.sources.forms import require_as_promised

EVALUATE = Step("run", measure_files, RunError, RUN_COPIES)
ACCURACIES = (Metric.TOP1, Metric.TOP5)

PAGES = "page"  # the pipeline that the page states
DEFAULT_MARGIN = Decimal(1)  # points, where the page documents no accuracy to take a share of


@dataclass(frozen=True, slots=True)
class Allowed:
    """What int8 may lose, in points: ``margin`` (None: MLPerf's share of the documented top-1)."""

    margin: Decimal | None = None
    acceptable: Decimal = Decimal(0)

    def of(self, row: Row) -> Margin:
        """The margin of a row, the same before any image was seen.

        Raises:
            HarnessError: ``acceptable`` is not below it.
        """
        top1 = row.claim(Metric.TOP1)
        try:
            if self.margin is not None:
                return Margin(self.margin, self.acceptable)
            if top1 is None:
                return Margin(DEFAULT_MARGIN, self.acceptable)
            return replace(relative_margin(top1.figure.value), acceptable=self.acceptable)
        except ValueError as error:
            raise HarnessError(f"{row.id}: {error}") from error


def accuracy_claims(row: Row) -> tuple[Claim, ...]:
    """What the page claims of a row's accuracy."""
    return tuple(claim for metric in ACCURACIES if (claim := row.claim(metric)) is not None)


def preprocessor_of(model: DocumentedModel, *, asked: str | None = None) -> Preprocessor:
    """How a row's images become tensors: as its claim was measured, at the size that is exported.

    Args:
        asked: a pipeline's id, or a build config's path, in place of the row's own.

    Raises:
        HarnessError: there is no such pipeline.
    """
    if asked is not None or model.pipelines is None:
        return named_preprocessor(asked or PAGES)
    return named_preprocessor(model.pipelines.claim_at_input_size)


def calibrate_on(
    pipeline: Pipeline, calibration: CalibrationSet, preprocessor: Preprocessor, *, workers: int
) -> None:
    """Have the pipeline calibrate on these photographs and not on the embedded scenes."""
    embedded = pipeline.images
    if isinstance(embedded, CalibratedImages):
        embedded = embedded.embedded
    images = CalibratedImages(embedded, calibration, preprocessor, pipeline.store, workers)
    pipeline.images = cast(EmbeddedImages, images)


def model_file(
    pipeline: Pipeline,
    model: DocumentedModel,
    precision: Precision,
    backend: str = EMBEDDED,
    *,
    run_times: Path | None = None,
) -> tuple[Entry, ModelFile]:
    """A row's model for a backend: exported, and compiled where the backend compiles.

    Hold the entry for as long as the file is used. ``run_times``: a folder of the zoo's run-time
    files, by which a device that can prepares whole images.

    Raises:
        Unavailable: weights, a library, or photographs to calibrate on are missing.
        StageError: a step failed.
        ExpectationError: see :func:`shipped_file`.
    """
    if precision == "int8" and not isinstance(pipeline.images, CalibratedImages):
        raise MissingDataset(
            "int8 accuracy needs photographs to calibrate on, --calibration: embedded scenes "
            "do not stand for them"
        )
    target = pipeline.backend(backend)
    form = pipeline.form_for(model, backend)
    file = target.compiles(precision)
    if file is None:
        entry, path = LazyArtifact(lambda: pipeline.compilable(model, backend), form.file).opened()
        require_as_promised(entry.facts, form, model.variant, size=model.size)
    else:
        entry, path = LazyArtifact(
            lambda: pipeline.compiled_row(model, backend, precision), file
        ).opened()
    ops = pipeline.config_at(model.size, precision).process_ops
    host = pipeline.settings.host
    if run_times is not None and target.runner.resizes:
        host = replace(host, run_time=shipped_file(model, run_times))
    digest = keys.model_identity(entry)
    if backend == EMBEDDED and file is not None:
        digest = pipeline.worker.run(
            canonical.canonical_digest,
            path,
            timeout_s=seconds_for(model.variant),
            stage=RunError,
            case=model.id,
        )
    return entry, ModelFile(digest, path, precision, backend, host, ops)


def shipped_file(model: DocumentedModel, folder: Path) -> Path:
    """A row's run-time file as the zoo ships it.

    Args:
        folder: of files named ``<source>-<model>-vdsp_params.json``.

    Raises:
        ExpectationError: there is none for the row, it cannot be read, or crops to another size.
    """
    path = folder / vdsp.file_name(model.documented.source, model.documented.name)
    crop, size = vdsp.read_vdsp_params(path).crop, model.size
    if crop != (size, size):
        raise ExpectationError(
            f"{path}: OimageHeight, OimageWidth: {crop}, expected {(size, size)}, the input size "
            f"of {model.where}"
        )
    return path.absolute()


def measure_row(
    pipeline: Pipeline,
    model: DocumentedModel,
    precisions: Sequence[Precision],
    preprocessor: Preprocessor,
    plan: EvaluationPlan,
    *,
    threads: int = 1,
) -> dict[str, Predictions]:
    """Answers of a row's models, by precision, evaluated in this process.

    Raises:
        Unavailable, StageError: see :func:`model_file`.
        HarnessError: see :func:`harness.accuracy.measuring.measure`.
    """
    found = {one: model_file(pipeline, model, one) for one in precisions}  # held till the end
    models: dict[str, ModelFile] = {one: file for one, (_, file) in found.items()}
    return measure_files(model.id, models, preprocessor, plan, threads=threads)


def judge_row(
    model: DocumentedModel,
    answers: dict[str, Predictions],
    margin: Margin,
    *,
    until: bool,
    in_int8: tuple[Claim, ...] = (),
) -> Judgement:
    """What the answers of a row come to; see :func:`harness.accuracy.judging.judge`.

    ``in_int8``: claims of what its device does in int8, which the answers are those of.
    """
    claims = (*accuracy_claims(model.row), *in_int8)
    question = Question(claims, margin, until_decided=until)
    low = next((one for precision, one in answers.items() if precision != "fp32"), None)
    return judge(question, fp32=answers.get("fp32"), int8=low)
