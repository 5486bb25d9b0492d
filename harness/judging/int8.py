"""int8 models: is every layer int8, are its parameters right, and is what it computes near fp32."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from harness.errors import Unavailable
from harness.judging.agreement import company_verdict
from harness.judging.causes import likely_causes
from harness.judging.parity import Parity, compare
from harness.judging.quantization import RECOMPUTED_MODE, judge_parameters
from harness.judging.verdicts import Limit, Side, against_baseline, conforms, worst_of
from harness.records import Measurement, Outcome, Verdict

PARITY_MEASURES = ("centred_sqnr", "centred_cosine_min", "decision_agreement", "top1_agreement")
"""What parity has to be judged by; other figures of it are where they have a limit."""

CEILING = "centred_sqnr_ceiling"
"""The limit of what a precision can reach; more was computed in a finer one."""

SAME_MODEL = "same_model_sqnr"
"""How near another backend is on the default one's int8 model."""

SAME_BITS_DB = 200.0
"""Stands for the infinite SQNR of outputs that are the same bit for bit."""

OFF_THE_GRID = Decimal("0.001")
"""Of a step: float32 leaves 1e-5 after 255 of them."""
PARITY_BAND_DB = Decimal("0.3")
"""How far centred SQNR may lie from the accepted one. The same build on the same machine gives the
same figure; one activation scale halved near the output costs 0.34 and more on every row of the
page, per-tensor weights 3.4 and more (``python -m benchmarks sensitivity``)."""


@dataclass(frozen=True, slots=True)
class FloatOperator:
    """Operators of some rows, by patterns, that one backend's compiler leaves in floating point."""

    row: str
    backend: str
    name: str
    reason: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """A low precision against fp32 on the same images, compared once.

    Attributes:
        reference, candidate: logits of shape (images, classes).
    """

    reference: ArrayLike
    candidate: ArrayLike
    parity: Parity

    @classmethod
    def of(cls, reference: ArrayLike, candidate: ArrayLike) -> Compared:
        """See :func:`harness.judging.parity.compare`."""
        return cls(reference, candidate, compare(reference, candidate))

    def measurement(self, name: str) -> Measurement:
        """One figure of parity."""
        return next(one for one in self.parity.measurements() if one.name == name)


def quantized_verdict(
    facts: Mapping[str, Any], *, declared: Sequence[FloatOperator] = ()
) -> Verdict:
    """Whether every convolution and matrix product is int8, in the file and when run.

    ``declared``: those that may be, and then have to be, in floating point.

    Raises:
        Unavailable: the backend does not tell.
    """
    if not {"heavy", "unquantized", "floating"} <= set(facts):
        raise Unavailable(
            "the compiler does not tell what it left in floating point; parity has a ceiling, so "
            "that nothing is int8 at all shows there, and that one layer is not does not"
        )
    left = list(facts["unquantized"])
    for one in declared:
        if not any(fnmatchcase(name, one.name) for name in left):
            return Verdict(
                Outcome.DOES_NOT_CONFORM,
                f"{one.place}: declared to be in floating point, but no such operator is: "
                f"{one.name}",
            )
    silent = [name for name in left if not any(fnmatchcase(name, one.name) for one in declared)]
    floating: Mapping[str, int] = facts["floating"]
    problem = ""
    if not facts["heavy"]:
        problem = "the compiled model has no convolution or matrix product at all"
    elif silent:
        names = ", ".join(silent[:5])
        problem = f"{len(silent)} of {facts['heavy']} heavy operators are float: {names}"
    elif sum(floating.values()) > len(left):
        problem = f"the runtime executes float operators: {floating}"
    if problem:
        return Verdict(Outcome.DOES_NOT_CONFORM, f"silent fallback: {problem}")
    told = f", {len(left)} in floating point as declared" if left else ""
    return Verdict(Outcome.CONFORMS, f"{facts['heavy']} heavy operators = int8{told}")


def parameters_verdict(facts: Mapping[str, Any]) -> Verdict:
    """Whether scales, zero points and codes follow from calibration images and weights.

    Where one does not, layer and tensor are named, and a likely cause.

    Raises:
        Unavailable: the backend does not tell them, or calibrates in a way that is not computed
            anew; weights are judged all the same.
    """
    if "parameters" not in facts:
        raise Unavailable(
            "the compiler does not tell the scales and zero points that it chose; how good they "
            "are shows in parity alone"
        )
    mode = facts.get("calibrate_mode", RECOMPUTED_MODE)
    verdict = judge_parameters(facts["parameters"], calibrate_mode=mode)
    if verdict.outcome is Outcome.CONFORMS and mode != RECOMPUTED_MODE:
        raise Unavailable(
            f"ranges by calibrate_mode {mode!r} are not computed anew, as those of "
            f"{RECOMPUTED_MODE!r} are; weights and biases are as they should be"
        )
    return verdict


def grid_verdict(outputs: ArrayLike, scale: float) -> Verdict:
    """Whether logits that are stored in int8 are whole numbers of their scale.

    Args:
        outputs: of any shape.
        scale: the step between two values that a logit can have.
    """
    steps = np.asarray(outputs, np.float64) / scale
    off = np.abs(steps - np.rint(steps))
    largest = float(off.max()) if np.isfinite(off).all() else math.inf
    return conforms(
        Measurement("off_the_grid", largest, "steps"),
        Limit(Side.AT_MOST, OFF_THE_GRID, f"of {scale:.6g} logits, by which int8 logits are apart"),
        cause="the runtime returns something else than what the model has as its output",
    )


def exact_verdict(
    outputs: ArrayLike, batches: Sequence[Sequence[int]], scale: float | None
) -> Verdict:
    """Whether a runtime of which that is known computes int8 to the bit, whatever the batch.

    ``outputs``, ``batches``: see :func:`company_verdict`. ``scale``: of the logits, where they are
    stored in int8.
    """
    found = [company_verdict(outputs, batches)]
    return worst_of(found if scale is None else [*found, grid_verdict(outputs, scale)])


def parity_verdict(compared: Compared, limits: Mapping[str, Limit], *, precision: str) -> Verdict:
    """Whether every parity figure is within its limit; what equals fp32 never is.

    Args:
        limits: for each of :data:`PARITY_MEASURES`, for :data:`CEILING`, and for whatever figure
            of parity is to be judged besides.
    """
    parity = compared.parity
    if parity.identical:
        return Verdict(
            Outcome.DOES_NOT_CONFORM,
            f"{precision} equals fp32 bit for bit",
            ("likely cause: silent fallback, it was computed in fp32",),
        )
    finer = f"silent fallback: it was computed in something finer than {precision}"
    too_good = conforms(compared.measurement("centred_sqnr"), limits[CEILING], cause=finer)
    if too_good.outcome is not Outcome.CONFORMS:
        return too_good
    verdicts = [
        conforms(measured, limits[measured.name])
        for measured in parity.measurements()
        if measured.name in limits
    ]
    failed = [one.headline for one in verdicts if one.outcome is not Outcome.CONFORMS]
    if not failed:
        return Verdict(Outcome.CONFORMS, "; ".join(one.headline for one in verdicts))
    causes = "; ".join(
        str(cause) for cause in likely_causes(compared.reference, compared.candidate)
    )
    return Verdict(
        Outcome.DOES_NOT_CONFORM,
        failed[0],
        (
            *failed[1:],
            f"worst image {parity.worst_image} at {parity.worst_image_sqnr_db:.1f} dB",
            f"likely cause: {causes or 'noise without a pattern: a scale, or per-tensor weights'}",
        ),
    )


def same_model_agreement(ours: ArrayLike, other: ArrayLike) -> tuple[Measurement, ...]:
    """How near two backends are on one int8 model, from logits of shape (images, classes)."""
    parity = compare(ours, other)
    return (
        Measurement(SAME_MODEL, min(parity.centred_sqnr_db, SAME_BITS_DB), "dB"),
        Measurement("same_model_top1_agreement", parity.top1_agreement, "share"),
    )


def same_model_verdict(agreement: Sequence[Measurement], limits: Mapping[str, Limit]) -> Verdict:
    """Whether another backend computes the default backend's int8 model, and not another one."""
    measured = agreement[0]
    return conforms(
        measured,
        limits[measured.name],
        cause="another model, images in another order, or int8 sums that saturate (no VNNI)",
    )


def baseline_verdict(compared: Compared, accepted: Measurement | None, *, weights: str) -> Verdict:
    """Whether centred SQNR is where it was accepted. Known on seeded weights only.

    Args:
        accepted: the centred SQNR that was, or None.
        weights: "seeded" or "published".
    """
    if weights != "seeded":
        return Verdict(Outcome.NOT_MEASURED, "parity is accepted on seeded weights only")
    return against_baseline(
        compared.measurement("centred_sqnr"),
        accepted,
        band=PARITY_BAND_DB,
        cause="the quantizer, the calibration images, the seeded weights or the processor changed",
        accept="python -m harness baseline accept RUNLOG",
    )
