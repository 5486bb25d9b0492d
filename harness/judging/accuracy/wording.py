"""What a verdict about int8 against fp32 says, whichever test it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.judging.accuracy.risks import Margin
from harness.records import Outcome, Verdict

NAME = "int8_top1_loss"
"""The measurement, as ``expected/tolerances.toml`` names it."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen and what it is worth.

    Attributes:
        losses, gains: images that fp32, or int8, alone gets right.
        images: how many were evaluated; the loss is NaN where none was.
        evidence: in words.
        more: how many further images would decide, if the loss stays what it is.
        exact: all images of the population are known.
    """

    losses: int
    gains: int
    images: int
    evidence: str
    more: int
    exact: bool

    @property
    def loss_points(self) -> float:
        """fp32 minus int8, in points."""
        return 100.0 * (self.losses - self.gains) / self.images if self.images else math.nan


def worded(
    outcome: Outcome,
    finding: Observation,
    margin: Margin,
    *,
    name: str,
    cause: str = "",
) -> Verdict:
    """The verdict with loss, margin and risks in its headline, and what to make of it below."""
    risks = f"alpha {margin.risks.alpha:g}, beta {margin.risks.beta:g}"
    if finding.exact:
        risks = "all images known"
    shown = f"{finding.loss_points:.2f}" if finding.images else "NaN"
    headline = f"{name} = {shown} points, margin {margin}, {risks}"
    details = [
        f"lost {finding.losses}, gained {finding.gains} of {finding.images} images; "
        f"{finding.evidence}"
    ]
    if outcome is Outcome.INCONCLUSIVE:
        details.append(f"undecided: about {finding.more} more images, if the loss stays as it is")
    if outcome is Outcome.DOES_NOT_CONFORM:
        if not finding.exact:
            details += _ruled_out(finding, margin)
        if cause:
            details.append(f"likely cause: {cause}")
    return Verdict(outcome, headline, tuple(details))


def outcome_of(*, passes: bool, fails: bool) -> Outcome:
    """Both decisions as one word."""
    if passes:
        return Outcome.CONFORMS
    return Outcome.DOES_NOT_CONFORM if fails else Outcome.INCONCLUSIVE


def _ruled_out(finding: Observation, margin: Margin) -> list[str]:
    acceptable, points = (f"{one.normalize():f}" for one in (margin.acceptable, margin.points))
    told = [f"a loss of {acceptable} points or less is ruled out"]
    if finding.loss_points < margin.points:
        told.append(
            f"a loss of {points} points is not shown; should less be acceptable, raise the "
            "margin's acceptable loss and evaluate more images"
        )
    return told
