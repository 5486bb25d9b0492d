"""Whether a model is as fast as it was, whatever its machine did meanwhile.

A model's speed in units of a reference workload may differ from the accepted one by a margin, for
what two runs of one model differ by, and by the noise of both (see ``ratios``).

* A model whose speed has moved by no more than the margin is flagged with probability
  :data:`ALPHA` at most, and one that has not moved at all far more rarely.
* One that has moved by the margin and twice the noise is flagged about as surely. Where the noise
  is above :data:`MOST_NOISE` nothing passes.

Simulated, 10 rounds, 200,000 times: moved by the margin, 0.2 to 0.95 % are flagged. 10 % slower,
all but 0.004 % are flagged in rounds that spread by 1.2 % (a quiet machine), 16 % by 5 %. 30 %
slower, all are flagged up to 5 %; by 15 %, 46 % are, the others are inconclusive, none passes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from harness.judging.accuracy.risks import ALPHA
from harness.judging.throughput.figures import REFERENCE_SPEED, ratio_of, rounded
from harness.judging.throughput.ratios import Ratio, difference_noise
from harness.judging.verdicts import against_baseline
from harness.records import Measurement, Outcome, Verdict

MARGIN = 0.05
"""Share by which two runs of one model on one machine may differ, apart from noise between rounds:
memory is laid out anew, and the reference feels the machine a little otherwise than the model. Five
runs of ResNeXt-50 on a shared machine, without the inconclusive ones, were 4.5 % apart at most,
noise included."""

MOST_NOISE = 0.10
"""Share; where the noise is larger nothing passes. So what passes has not changed by a quarter."""

SPEED_UP = "int8_speed_up"

SAME = ("machine", "backend", "load", "reference", "numpy", "blas")
"""Conditions without which a ratio says nothing about another one."""

ACCEPT = "python -m harness baseline accept RUNLOG"


def acceptable(measurement: Measurement) -> bool:
    """Whether a ratio is steady enough for later ones to be held against it.

    Raises:
        ExpectationError: it is no ratio.
    """
    return math.expm1(ratio_of(measurement).noise()) <= MOST_NOISE / 2


def speed_verdict(measurement: Measurement, accepted: Measurement | None) -> Verdict:
    """Whether a model is as fast as accepted, in units of the reference; faster fails too.

    Not measured without an accepted figure of the same machine, backend, load and reference.
    Inconclusive where the noise is above :data:`MOST_NOISE` and no change is sure.

    Args:
        measurement: as :func:`speed_measurement` makes it.
        accepted: the same of the run that was accepted, or None.

    Raises:
        ExpectationError: what was accepted is no such measurement.
        MeasureError: the two are of different scenarios.
    """
    other = _otherwise(measurement, accepted, SAME)
    if accepted is None or other:
        problem = "nothing accepted yet" if accepted is None else f"accepted with {other}"
        return Verdict(
            Outcome.NOT_MEASURED,
            f"{measurement.name} = {measurement.value:g}, {problem}",
            (f"accept: {ACCEPT}",),
        )
    now, before = ratio_of(measurement), ratio_of(accepted)
    noise = math.expm1(difference_noise(now, before))
    share = MARGIN + noise
    change = now.value / before.value - 1
    verdict = against_baseline(
        measurement,
        accepted,
        band=Decimal(repr(rounded(before.value * share))),
        cause=_cause(change, _otherwise(measurement, accepted, None)),
        accept=ACCEPT,
    )
    band = (
        f"band: {share:.1%} = {MARGIN:.1%} between runs + {noise:.1%} noise ({1 - ALPHA:.0%}; "
        f"{now.rounds} rounds that spread by {now.spread:.1%}, accepted: {before.rounds} by "
        f"{before.spread:.1%})"
    )
    if verdict.outcome is Outcome.CONFORMS:
        if noise <= MOST_NOISE:
            return replace(verdict, details=(band,))
        told = f"noise above {MOST_NOISE:.0%}: more rounds, or a machine with less else to do"
        details = (band, told, *_machine(measurement, accepted))
        return Verdict(Outcome.INCONCLUSIVE, verdict.headline, details)
    way = "faster" if change > 0 else "slower"
    moved = f"{abs(change):.1%} {way} than accepted, the machine's own speed taken out"
    told_of_machine = _machine(measurement, accepted)
    return replace(verdict, details=(moved, band, *told_of_machine, *verdict.details))


def int8_verdict(ratio: Ratio, *, other: str = "fp32") -> Verdict:
    """Whether int8 is at least as fast as fp32 in the same backend, both tested in turns.

    Surely slower does not conform. At most :data:`MARGIN` slower for sure conforms; anything else
    is inconclusive.
    """
    half = ratio.noise()
    low, high = ratio.value * math.exp(-half), ratio.value * math.exp(half)
    headline = (
        f"{SPEED_UP} = {ratio.value:.2f} ({1 - ALPHA:.0%} interval {low:.3f} to {high:.3f}), "
        f"at least 1 against {other}"
    )
    if high < 1:
        cause = (
            "likely cause: operators that the backend has no int8 code for, conversions around "
            "each of them, or a processor without int8 dot products"
        )
        return Verdict(Outcome.DOES_NOT_CONFORM, headline, (cause,))
    if low >= 1 - MARGIN:
        return Verdict(Outcome.CONFORMS, headline)
    told = f"the noise of {ratio.rounds} rounds is too large to say: more rounds"
    return Verdict(Outcome.INCONCLUSIVE, headline, (told,))


def _otherwise(now: Measurement, before: Measurement | None, names: Sequence[str] | None) -> str:
    """The conditions that differ, as ``name before -> now``; None: all but the run's own."""
    if before is None:
        return ""
    both = sorted({*now.conditions, *before.conditions} - {"spread", "rounds", REFERENCE_SPEED})
    return ", ".join(
        f"{name} {before.conditions.get(name, 'unknown')} -> {now.conditions.get(name, 'unknown')}"
        for name in (both if names is None else names)
        if now.conditions.get(name) != before.conditions.get(name)
    )


def _machine(now: Measurement, before: Measurement) -> tuple[str, ...]:
    """How fast the machine was, where both measurements say so."""
    try:
        speed, accepted = (float(one.conditions[REFERENCE_SPEED]) for one in (now, before))
        return (f"the machine ran the reference at {speed / accepted:.0%} of its accepted speed",)
    except (KeyError, ValueError, ZeroDivisionError):
        return ()


def _cause(change: float, changed: str) -> str:
    if changed:
        return f"changed since then: {changed}"
    if change < 0:
        return "the model or its compilation does more work, or runs on fewer threads"
    return "the model or its compilation does less work, or runs on more threads"
