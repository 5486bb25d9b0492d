"""Whether int8 parity means something: how far known faults move the figures of each model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from numpy.typing import ArrayLike

from benchmarks.faults import FAULTS, SWAPPED_CHANNELS, QuantizerFault
from benchmarks.sensitivity_steps import faulty_logits, faulty_parameters
from harness.errors import MeasureError, RunError
from harness.judging.parity import compare
from harness.pipeline.catalogue import DocumentedModel
from harness.pipeline.limits import RUN_COPIES, bytes_for
from harness.pipeline.pipeline import Pipeline
from harness.runtime.store import LazyArtifact
from harness.sources.forms import EACH_ONCE

LEAST_DB: Final = 0.3
"""What a fault must take from the centred SQNR, in dB. The figure itself is the same to the last
digit in every run on a machine, so half a decibel is a change and no noise."""

LIMIT_S: Final = 900.0  # of one fault; on 44 million parameters it takes 2
MODEL: Final = "model.onnx"


@dataclass(frozen=True, slots=True)
class Figures:
    """Parity with the float model: SQNR in dB, agreement as a share."""

    centred_sqnr_db: float
    worst_image_sqnr_db: float
    top1_agreement: float

    @classmethod
    def of(cls, reference: ArrayLike, candidate: ArrayLike, *, case: str) -> Self:
        """Compare logits of shape (images, classes).

        Raises:
            MeasureError: they cannot be compared; NaN is among the reasons.
        """
        found = compare(reference, candidate, case=case)
        return cls(found.centred_sqnr_db, found.worst_image_sqnr_db, found.top1_agreement)


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault and what parity says of it.

    Attributes:
        where: the tensor at fault, or "" for all layers.
        figures: None where the fault could not be injected or run.
        problem: why, or "".
        parameters: what the compiled model's parameters say of it, "" where they show nothing; None
            for what is not in the model.
    """

    fault: QuantizerFault
    where: str = ""
    figures: Figures | None = None
    problem: str = ""
    parameters: str | None = None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What the faults do to one compiled model.

    Attributes:
        rows: ids of the rows that are compiled to this very model.
        model: SHA-256 of its file, in hexadecimal.
    """

    rows: tuple[str, ...]
    model: str
    clean: Figures
    injected: tuple[Injected, ...]

    def change_db(self, figures: Figures) -> float:
        """By how much a fault moved the centred SQNR; negative where it fell."""
        return figures.centred_sqnr_db - self.clean.centred_sqnr_db

    def shortcomings(self, *, least_db: float) -> Iterator[str]:
        """A sentence for each required fault that takes less than this from the centred SQNR.

        A figure that rises, and a fault that could not be injected, are shortcomings too; and so is
        any fault of the model that its parameters do not show.
        """
        for one in self.injected:
            if one.parameters == "":
                yield (
                    f"fault {one.fault.name!r} [{', '.join(self.rows)}]: scales, zero points and "
                    "codes are called right"
                )
            if not one.fault.required:
                continue
            case = f"fault {one.fault.name!r} [{', '.join(self.rows)}]"
            if one.figures is None:
                yield f"{case}: not measured: {one.problem}"
            elif not (change := self.change_db(one.figures)) <= -least_db:
                yield (
                    f"{case}: centred SQNR {self.clean.centred_sqnr_db:.2f} dB, with the fault "
                    f"{one.figures.centred_sqnr_db:.2f} ({change:+.2f}), expected at most "
                    f"{-least_db:+.2f}"
                )


def distinct_models(
    pipeline: Pipeline, subjects: Iterable[DocumentedModel]
) -> dict[str, tuple[DocumentedModel, ...]]:
    """The rows of each compiled model, by the SHA-256 of its file; missing ones are built."""
    rows: dict[str, tuple[DocumentedModel, ...]] = {}
    for row in subjects:
        digest = pipeline.compiled_row(row).digest(MODEL)
        rows[digest] = (*rows.get(digest, ()), row)
    return rows


def measure(
    pipeline: Pipeline,
    model: str,
    rows: Sequence[DocumentedModel],
    *,
    faults: Sequence[QuantizerFault] = FAULTS,
) -> Sensitivity:
    """Inject each fault into a copy of the rows' model and compare its logits with the float ones.

    Raises:
        StageError: the model cannot be built or run, clean or faulty.
    """
    first = rows[0]
    reference = pipeline.float_outputs(first)
    return Sensitivity(
        tuple(row.id for row in rows),
        model,
        Figures.of(reference, pipeline.int8_outputs(first), case=first.id),
        tuple(_injected(pipeline, first, fault, reference) for fault in faults),
    )


def _injected(
    pipeline: Pipeline, row: DocumentedModel, fault: QuantizerFault, reference: ArrayLike
) -> Injected:
    _held, compiled = LazyArtifact(lambda: pipeline.compiled_row(row), MODEL).opened()
    images = pipeline.images.files(row.size).evaluation
    memory_bytes = bytes_for(RUN_COPIES, row.variant)
    try:
        with pipeline.builder.reservations.reserve(memory_bytes, owner=f"{fault.name} {row.id}"):
            where, logits = pipeline.worker.run(
                faulty_logits,
                compiled,
                images,
                fault.name,
                EACH_ONCE,
                timeout_s=LIMIT_S,
                stage=RunError,
                case=row.id,
            )
            told = None
            if fault is not SWAPPED_CHANNELS:
                told = _told(pipeline, row, fault, compiled)
        figures = Figures.of(reference, logits, case=row.id)
        return Injected(fault, where, figures, parameters=told)
    except MeasureError as error:
        return Injected(fault, problem=error.message)


def _told(pipeline: Pipeline, row: DocumentedModel, fault: QuantizerFault, compiled: Path) -> str:
    _held, model = LazyArtifact(lambda: pipeline.compilable(row), MODEL).opened()
    return pipeline.worker.run(
        faulty_parameters,
        model,
        compiled,
        pipeline.images.files(row.size).calibration,
        fault.name,
        pipeline.config_at(row.size, "int8"),
        timeout_s=LIMIT_S,
        stage=RunError,
        case=row.id,
    )
