"""Documented, fp32, int8: which half broke. Two that break together agree, and still fail."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from harness.records import Outcome, Verdict

COLLAPSED = 0.5
"""Share of the documented accuracy below which a half has collapsed. No resize filter, crop or
honest quantization of a trained network comes near it."""

GUESSING = 0.005
"""Share of the way from chance to always right up to which answers say nothing about the images."""


class Culprit(StrEnum):
    """Which part the verdicts point to."""

    NOBODY = "nobody"
    FLOAT = "the float model"
    QUANTIZATION = "quantization"
    DEVICE = "quantization or the device's preprocessing"
    BOTH = "the float model and quantization"
    SHARED = "what both halves share"
    UNKNOWN = "unknown"


CAUSES = {
    Culprit.FLOAT: "other weights or another variant than documented, or another preprocessing "
    "(input size, crop, resize filter, mean and deviation); quantization has no part in it",
    Culprit.QUANTIZATION: "calibration images unlike the evaluated ones, calibrated with another "
    "preprocessing, weights quantized per tensor, or a layer that cannot bear 8 bits",
    Culprit.DEVICE: "a run-time file that prepares images otherwise than the row's pipeline (size, "
    "crop, scale, channel order), or quantization; without --vdsp-params both halves get the same "
    "tensors, which tells the two apart",
    Culprit.BOTH: "mend the float model first; int8 then loses more than it may beside that",
    Culprit.SHARED: "both read the same images, labels and preprocessing: ",
}
"""What is likely, for each culprit that has a cause."""

_GUESSED = "labels in another class order, or shifted by one (a background class)"
_FAR_OFF = "channel order, scale or normalization of the input, or the wrong weights"


@dataclass(frozen=True, slots=True)
class Blame:
    """The judgement on all three, and whom it blames."""

    culprit: Culprit
    verdict: Verdict


def assign_blame(
    *,
    documented: Decimal | None,
    fp32_percent: float,
    int8_percent: float,
    fp32: Verdict,
    int8: Verdict,
    classes: int = 1000,
    differs: str = "",
) -> Blame:
    """Say which half broke, from the verdict on each and from both accuracies.

    Args:
        documented: top-1 in percent, or None where the page makes no claim; a collapse is then
            told from chance alone.
        fp32_percent: top-1 of the float model; a NaN or infinity never conforms.
        int8_percent: likewise, of the quantized one on the same images.
        fp32: the float model against its claim (not measured where the images are no part of the
            set that the claim is about).
        int8: int8 against fp32, paired.
        classes: guessing is right once in that many.
        differs: what differs between the halves beside precision, in a sentence.

    Raises:
        ValueError: there is no class.
    """
    if classes < 1:
        raise ValueError(f"classes = {classes}, expected at least 1")
    halves = (fp32_percent, int8_percent)
    outcomes = (fp32.outcome, int8.outcome)
    guessing = [_is_guessing(half, classes) for half in halves]
    fails, cause = Outcome.DOES_NOT_CONFORM, ""
    if not all(map(math.isfinite, halves)):
        outcome, culprit, cause = fails, Culprit.UNKNOWN, "an accuracy is no finite number"
    elif all(
        g or _is_far_below(half, documented) for g, half in zip(guessing, halves, strict=True)
    ):
        outcome, culprit = fails, Culprit.SHARED
        cause = CAUSES[culprit] + (_GUESSED if all(guessing) else _FAR_OFF)
    elif fails in outcomes:
        outcome, culprit = fails, _culprit(*(one is fails for one in outcomes))
        if culprit is Culprit.QUANTIZATION and differs:
            culprit = Culprit.DEVICE
        cause = CAUSES[culprit]
    elif all(one is Outcome.CONFORMS for one in outcomes):
        outcome, culprit = Outcome.CONFORMS, Culprit.NOBODY
    else:
        inconclusive = Outcome.INCONCLUSIVE in outcomes
        outcome = Outcome.INCONCLUSIVE if inconclusive else Outcome.NOT_MEASURED
        culprit = Culprit.UNKNOWN
    headline = f"documented {documented or 'nothing'}, fp32 {halves[0]:.2f}, int8 {halves[1]:.2f}"
    details = [] if outcome is Outcome.CONFORMS else [fp32.headline, int8.headline]
    if differs and outcome is not Outcome.CONFORMS:
        details.append(differs)
    if outcome is fails:
        headline += f": {culprit}"
        details.append(f"likely cause: {cause}")
    return Blame(culprit, Verdict(outcome, headline, tuple(details)))


def _culprit(float_fails: bool, quantized_fails: bool) -> Culprit:
    if float_fails and quantized_fails:
        return Culprit.BOTH
    return Culprit.FLOAT if float_fails else Culprit.QUANTIZATION


def _is_far_below(percent: float, documented: Decimal | None) -> bool:
    return documented is not None and percent < COLLAPSED * float(documented)


def _is_guessing(percent: float, classes: int) -> bool:
    chance = 100.0 / classes
    return percent <= chance + GUESSING * (100.0 - chance)
