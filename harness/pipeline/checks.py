"""The checks of the suites, as functions of what was measured: they judge, and lead to the cause.

Nothing here builds or runs anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.backends.backend import Precision
from harness.counting.counts import Counts
from harness.errors import CompileError, ExportError, NonConformance, Unavailable
from harness.expected.baselines import Baseline
from harness.expected.float_operators import FloatOperator
from harness.expected.tolerances import Tolerances
from harness.exporting.faults import faults
from harness.exporting.torchscript_faults import torchscript_faults
from harness.judging.agreement import Agreement, FloatTolerance, agree, float_tolerance
from harness.judging.causes import likely_causes
from harness.judging.parity import Parity, compare
from harness.judging.quantization import RECOMPUTED_MODE, problem
from harness.judging.verdicts import Limit, Side, against_baseline, conforms
from harness.pipeline.catalogue import Subject
from harness.pipeline.count_claims import judge_claim
from harness.pipeline.pipeline import Reference
from harness.records import Claim, Measurement, Metric, Outcome, Verdict
from harness.sources import source
from harness.sources.forms import Form

Array = npt.NDArray[Any]

CLASSES = 1000
INPUT_NAME = "input"

PARITY_MEASURES = ("centred_sqnr", "centred_cosine_min", "decision_agreement", "top1_agreement")
"""What int8 parity is judged by; each has its tolerance."""

FRAMEWORKS_AGREE = Decimal("3e-5")
"""Largest difference between frameworks over the largest logit. They differ by 1.9e-6 to 7.2e-6
on published weights, and by 3.3e-7 to 1.1e-5 (Swin) on seeded ones of 28 networks; with another
epsilon of the norms (1e-3) by 3e-2, with another padding of the first convolution by 0.13."""

SAME_BITS_DB = 200.0
"""Stands for the infinite SQNR of outputs that are the same bit for bit."""

PARITY_BAND_DB = Decimal("0.3")
"""How far centred SQNR may lie from the accepted one. The same build on the same machine gives the
same figure; one activation scale halved near the output costs 0.34 and more on every row of the
page, per-tensor weights 3.4 and more (``bench sensitivity``)."""


def claim_of(subject: Subject, metric: Metric) -> Claim:
    """The row's claim.

    Raises:
        NonConformance: the page makes none any more.
    """
    claim = subject.row.claim(metric)
    if claim is None:
        raise NonConformance(f"the page documents no {metric} {subject.where}")
    return claim


def top_order_verdict(subject: Subject, *, command: str) -> Verdict:
    """Whether documented top-1 is at most top-5: whoever is right at once is right within five."""
    top1, top5 = claim_of(subject, Metric.TOP1).figure, claim_of(subject, Metric.TOP5).figure
    headline = f"top1 = {top1.text}, at most top5 = {top5.text} {subject.where}"
    if top1.value <= top5.value:
        return Verdict(Outcome.CONFORMS, headline)
    cause = "likely cause: the two cells are swapped"
    return Verdict(Outcome.DOES_NOT_CONFORM, headline, (cause, f"repeat: {command}"))


def complexity_verdict(
    subject: Subject, claim: Claim, counts: Mapping[str, Counts], *, command: str
) -> Verdict:
    """Whether a documented count is what its pinned rule gives on the real network."""
    expected = subject.expected_complexity
    of_params = claim.metric is Metric.PARAMS
    pinned = expected.params if of_params else expected.operations
    counted = counts[pinned.counter]
    return judge_claim(
        claim,
        counted.params if of_params else counted.operations,
        pinned,
        expected.defect(claim.metric),
        where=subject.where,
        command=command,
    )


def worst_of(verdicts: Sequence[Verdict]) -> Verdict:
    """The gravest of some verdicts, at least one, followed by the headlines of the others."""
    order = (Outcome.DOES_NOT_CONFORM, Outcome.INCONCLUSIVE, Outcome.NOT_MEASURED, Outcome.CONFORMS)
    gravest, *rest = sorted(verdicts, key=lambda one: order.index(one.outcome))
    return replace(gravest, details=(*gravest.details, *(one.headline for one in rest)))


# ── exports ───────────────────────────────────────────────────────────────────────────────────


def require_as_promised(
    facts: Mapping[str, Any], form: Form, subject: Subject, *, command: str
) -> None:
    """Hold what was seen of an exported file against what was asked for.

    Raises:
        ExportError: naming everything that is not as promised.
    """
    shape = (None, 3, subject.size, subject.size)
    if form.format == "torchscript":
        found = torchscript_faults(facts)
    else:
        found = faults(
            facts,
            opset=form.opset,
            input_name=INPUT_NAME,
            output_name=source(subject.variant.source).output_name,
            input_shape=shape,
            classes=CLASSES,
        )
    if found:
        raise ExportError(
            f"{form.id} is not what was asked for: {'; '.join(found)}",
            case=subject.place,
            command=command,
        )


def input_size_verdict(
    facts: Mapping[str, Any], claim: Claim, subject: Subject, *, command: str
) -> Verdict:
    """Whether the exported model's input is as high and wide as documented."""
    inputs = facts.get("inputs") or [{}]
    shape = inputs[0].get("shape") or [None, None, None, None]
    sides = set(shape[2:])
    headline = (
        f"input_size = {'x'.join(str(side) for side in shape[2:])} px, documented "
        f"{claim.figure.text} ± 0 (exact) {subject.where}"
    )
    if sides == {int(claim.figure.value)}:
        return Verdict(Outcome.CONFORMS, headline)
    cause = "likely cause: exported for another size than documented, or with free height and width"
    return Verdict(Outcome.DOES_NOT_CONFORM, headline, (cause, f"repeat: {command}"))


def require_repeatable(facts: Mapping[str, Any], subject: Subject, *, command: str) -> None:
    """Require that a second export was the same computation as the first.

    Raises:
        NonConformance: it was not, or none was made.
    """
    if facts.get("repeats") is not True:
        raise NonConformance(
            f"exported twice, the two models differ {subject.where}\n"
            "  likely cause: random initialisation or training mode at export, or state that the "
            f"first export left behind\n  repeat: {command}"
        )


def compare_floats(
    reference: Reference, outputs: Array, subject: Subject
) -> tuple[Agreement, FloatTolerance]:
    """How far an export is from its source framework, and how far it may be."""
    exact = reference.logits64
    tolerance = float_tolerance(reference.logits[: len(exact)], exact, case=subject.id)
    return agree(reference.probes, outputs, case=subject.id), tolerance


def float_verdict(
    agreement: Agreement, tolerance: FloatTolerance, subject: Subject, *, command: str
) -> Verdict:
    """Whether an export computes the same as its source framework."""
    measured = Measurement("float_difference", agreement.max_abs, "logits")
    limit = Limit(Side.AT_MOST, Decimal(repr(tolerance.absolute)), tolerance.reason)
    cause = (
        f"largest at image {agreement.image}, class {agreement.class_index}. A difference on the "
        "first image alone points to batch statistics (training mode); one on all others, which "
        "run as a batch, to a batch size that tracing has fixed; one on all images to weights, "
        "layout or an operator"
    )
    return conforms(measured, limit, where=subject.where, cause=cause, command=command)


def framework_verdict(
    theirs: Array, own: Array, other: str, subject: Subject, *, command: str
) -> Verdict:
    """Whether two frameworks give the same for the same network and weights.

    Raises:
        MeasureError: the two cannot be compared.
    """
    agreement = agree(theirs, own, case=subject.id)
    relative = agreement.max_abs / float(np.abs(theirs).max())
    return conforms(
        Measurement("relative_difference", relative),
        Limit(Side.AT_MOST, FRAMEWORKS_AGREE, f"between float32 frameworks, against {other}"),
        where=subject.where,
        cause="a layer, its padding, its order or its weights differ between the sources",
        command=command,
    )


# ── int8 ──────────────────────────────────────────────────────────────────────────────────────


def require_quantized(
    facts: Mapping[str, Any],
    subject: Subject,
    *,
    declared: Sequence[FloatOperator] = (),
    command: str,
) -> None:
    """Require that every convolution and matrix product is int8, in the file and when run.

    ``declared``: those that may be, and then have to be, in floating point.

    Raises:
        Unavailable: the backend does not tell.
        CompileError: one is not, or there is nothing to quantize; the operators are named.
        NonConformance: what is declared to be in floating point is not.
    """
    if not {"heavy", "unquantized", "floating"} <= set(facts):
        raise Unavailable(
            "the compiler does not tell what it left in floating point; parity has a ceiling, so "
            "that nothing is int8 at all shows there, and that one layer is not does not"
        )
    left = list(facts["unquantized"])
    for one in declared:
        if not any(fnmatchcase(name, one.name) for name in left):
            raise NonConformance(
                f"{one.place}: declared to be in floating point, but no such operator is: "
                f"{one.name} {subject.where}\n  repeat: {command}"
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
        raise CompileError(f"silent fallback: {problem}", case=subject.place, command=command)


def require_parameters(facts: Mapping[str, Any], subject: Subject, *, command: str) -> None:
    """Require that scales, zero points and codes follow from calibration images and weights.

    Raises:
        Unavailable: the backend does not tell them, or calibrates in a way that is not computed
            anew; weights are judged all the same.
        CompileError: one does not follow; layer and tensor are named, and a likely cause.
    """
    if "parameters" not in facts:
        raise Unavailable(
            "the compiler does not tell the scales and zero points that it chose; how good they "
            "are shows in parity alone"
        )
    mode = facts.get("calibrate_mode", RECOMPUTED_MODE)
    if found := problem(facts["parameters"], calibrate_mode=mode):
        raise CompileError(found, case=subject.place, command=command)
    if mode != RECOMPUTED_MODE:
        raise Unavailable(
            f"ranges by calibrate_mode {mode!r} are not computed anew, as those of "
            f"{RECOMPUTED_MODE!r} are; weights and biases are as they should be"
        )


def parity_verdict(
    reference: Array,
    candidate: Array,
    tolerances: Tolerances,
    subject: Subject,
    *,
    precision: Precision,
    command: str,
) -> Verdict:
    """Whether every parity figure is within its tolerance; what equals fp32 never is."""
    parity = compare(reference, candidate, case=subject.id)
    if parity.identical:
        return Verdict(
            Outcome.DOES_NOT_CONFORM,
            f"{precision} equals fp32 bit for bit {subject.where}",
            ("likely cause: silent fallback, it was computed in fp32", f"repeat: {command}"),
        )
    too_good = ceiling_verdict(parity, tolerances, subject, precision=precision, command=command)
    if too_good.outcome is not Outcome.CONFORMS:
        return too_good
    verdicts = [
        conforms(
            measured,
            tolerances.limit(measured.name, row=subject.row, precision=precision),
            where=subject.where,
        )
        for measured in parity.measurements()
        if measured.name in PARITY_MEASURES
    ]
    failed = [one.headline for one in verdicts if one.outcome is not Outcome.CONFORMS]
    if not failed:
        return Verdict(Outcome.CONFORMS, "; ".join(one.headline for one in verdicts))
    causes = "; ".join(str(cause) for cause in likely_causes(reference, candidate))
    return Verdict(
        Outcome.DOES_NOT_CONFORM,
        failed[0],
        (
            *failed[1:],
            f"worst image {parity.worst_image} at {parity.worst_image_sqnr_db:.1f} dB",
            f"likely cause: {causes or 'noise without a pattern: a scale, or per-tensor weights'}",
            "the fp32 half is judged by test_fp32_in_the_backend_agrees_with_its_source",
            f"repeat: {command}",
        ),
    )


def ceiling_verdict(
    parity: Parity, tolerances: Tolerances, subject: Subject, *, precision: Precision, command: str
) -> Verdict:
    """Whether a precision is no nearer to fp32 than its bits allow."""
    measured = next(one for one in parity.measurements() if one.name == "centred_sqnr")
    return conforms(
        measured,
        tolerances.limit("centred_sqnr_ceiling", row=subject.row, precision=precision),
        where=subject.where,
        cause=f"silent fallback: it was computed in something finer than {precision}",
        command=command,
    )


def same_model_agreement(
    embedded: Array, other: Array, subject: Subject
) -> tuple[Measurement, ...]:
    """How near two backends are on one int8 model."""
    parity = compare(embedded, other, case=subject.id)
    return (
        Measurement("same_model_sqnr", min(parity.centred_sqnr_db, SAME_BITS_DB), "dB"),
        Measurement("same_model_top1_agreement", parity.top1_agreement, "share"),
    )


def same_model_verdict(
    agreement: Sequence[Measurement], tolerances: Tolerances, subject: Subject, *, command: str
) -> Verdict:
    """Whether another backend computes the embedded backend's int8 model, and not another one."""
    measured = agreement[0]
    return conforms(
        measured,
        tolerances.limit(measured.name, row=subject.row, precision="int8"),
        where=subject.where,
        cause="another model, images in another order, or int8 sums that saturate (no VNNI)",
        command=command,
    )


def baseline_verdict(
    parity: Parity, baseline: Baseline, subject: Subject, *, weights: str, command: str
) -> Verdict:
    """Whether centred SQNR is where it was accepted. Known on seeded weights only."""
    measured = next(one for one in parity.measurements() if one.name == "centred_sqnr")
    if weights != "seeded":
        return Verdict(
            Outcome.NOT_MEASURED, f"parity is accepted on seeded weights only {subject.where}"
        )
    return against_baseline(
        measured,
        baseline.accepted(subject.id, measured.name),
        band=PARITY_BAND_DB,
        where=subject.where,
        cause="the quantizer, the calibration images, the seeded weights or the processor changed",
        command=command,
        accept="python -m harness baseline accept RUNLOG",
    )
