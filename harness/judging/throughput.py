"""Whether a model is as fast as it was, whatever its machine did meanwhile.

A model's speed is divided by that of a reference workload which was tested in turns with it, round
by round. The logarithms of these ratios have a mean and a spread. What was accepted has its own.
The two means may differ by a margin, for what two runs of the same model differ by, and by the
noise: Welch's interval (Biometrika 34 (1947) 28-35) for the difference of two means.

* A model whose speed has moved by no more than the margin is flagged with probability
  :data:`ALPHA` at most, and one that has not moved at all far more rarely.
* One that has moved by the margin and twice the noise or more is flagged with probability
  1 - ALPHA / 2 at least. Where the noise is above :data:`MOST_NOISE` nothing passes.

This holds for normal noise; single rounds that are far off widen the interval and seldom flag.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import fmean, median, stdev
from typing import Any

from scipy.stats import t as student

from harness.errors import ExpectationError, MeasureError
from harness.judging.accuracy.risks import ALPHA
from harness.judging.verdicts import against_baseline
from harness.records import Measurement, Outcome, Verdict

MARGIN = 0.05
"""Share by which two runs of one model on one machine may differ, apart from noise between rounds:
memory is laid out anew, and the reference feels the machine a little otherwise than the model."""

MOST_NOISE = 0.10
"""Share; where the noise is larger nothing passes. So what passes has not changed by a quarter."""

LEAST_ROUNDS = 3  # fewer have no spread to speak of

RATIOS = {"Offline": "offline_speed_ratio", "SingleStream": "single_stream_speed_ratio"}
"""LoadGen's scenario to the measurement that is accepted."""

SPEED_UP = "int8_speed_up"

SINGLE_STREAM_PERCENTILE = "50"
"""Of latency, that is judged. LoadGen's own figure is the 90th, which is reported: beside other
processes it spreads five times as much, as it is about the machine's worst moments."""

SAME = ("machine", "backend", "load", "reference", "numpy", "blas")
"""Conditions without which a ratio says nothing about another one."""

REFERENCE_SPEED = "reference_speed"
"""The condition that says how fast the machine was: the reference's images a second."""

ACCEPT = "python -m harness baseline accept RUNLOG"


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as fast one subject is as another, from rounds in which both were tested.

    Attributes:
        value: geometric mean over the rounds.
        spread: standard deviation of the logarithm between rounds.
        rounds: their number.
    """

    value: float
    spread: float
    rounds: int

    @property
    def variance(self) -> float:
        """Of the mean logarithm."""
        return self.spread**2 / self.rounds

    def noise(self) -> float:
        """Half the width of the interval of the logarithm, with probability 1 - ALPHA."""
        return _half(self.variance, self.rounds - 1)


def speeds(facts: Mapping[str, Any], subject: str, scenario: str) -> list[float]:
    """Each round's speed: images a second offline, else the inverse of the median latency.

    ``facts``: as ``harness.loadgen.measuring.measure`` gives them.
    """
    rounds = facts["scenarios"][scenario][subject]["rounds"]
    if scenario == "Offline":
        return [one["samples_per_second"] for one in rounds]
    return [1000.0 / one["latency_ms"][SINGLE_STREAM_PERCENTILE] for one in rounds]


def paired_ratio(subject: Sequence[float], other: Sequence[float], *, case: str = "") -> Ratio:
    """The ratio of two subjects' speeds, round by round.

    Raises:
        MeasureError: there are too few rounds, not as many of both, or a speed is not above 0.
    """
    if len(subject) != len(other) or len(subject) < LEAST_ROUNDS:
        raise MeasureError(
            f"{len(subject)} and {len(other)} rounds, expected as many of both and at least "
            f"{LEAST_ROUNDS}",
            case=case,
        )
    if not all(0 < speed < math.inf for speed in (*subject, *other)):
        raise MeasureError(f"speeds {list(subject)}, {list(other)}: not all above 0", case=case)
    logarithms = [math.log(one / two) for one, two in zip(subject, other, strict=True)]
    return Ratio(math.exp(fmean(logarithms)), stdev(logarithms), len(logarithms))


def speed_measurement(
    facts: Mapping[str, Any], subject: str, scenario: str, *, reference: str, **conditions: str
) -> Measurement:
    """A subject's speed in units of the reference workload's, with all that a later run needs.

    ``conditions``: ``machine``, ``backend``, and what else may explain a change, as versions.

    Raises:
        MeasureError: as :func:`paired_ratio`.
    """
    ratio = paired_ratio(
        speeds(facts, subject, scenario), speeds(facts, reference, scenario), case=subject
    )
    load = facts["scenarios"][scenario][subject]["load"]
    machine = median(speeds(facts, reference, scenario))
    return Measurement(
        RATIOS[scenario],
        _rounded(ratio.value),
        "",
        {
            **conditions,
            **facts["subjects"][reference]["identity"],
            "load": f"-i {load['instances']} -p {load['processes']} -b {load['batch']}",
            "spread": str(_rounded(ratio.spread)),
            "rounds": str(ratio.rounds),
            REFERENCE_SPEED: str(_rounded(machine)),
        },
    )


def figures(
    facts: Mapping[str, Any], subject: str, scenario: str, **conditions: str
) -> tuple[Measurement, ...]:
    """What is reported and not judged: medians over the rounds, and the peak of memory.

    Percentiles of latency are told of SingleStream alone; offline they are waiting times.
    """
    found = facts["scenarios"][scenario][subject]
    rounds = found["rounds"]
    values = [("throughput", median(one["samples_per_second"] for one in rounds), "img/s")]
    if scenario == "SingleStream":
        values += [
            (f"latency_p{name}", median(one["latency_ms"][name] for one in rounds), "ms")
            for name in rounds[0]["latency_ms"]
        ]
    values.append(("peak_memory", found["peak_bytes"] / 2**20, "MiB"))
    samples = sum(one["samples"] for one in rounds)
    told = {"scenario": scenario, "samples": str(samples), **conditions}
    return tuple(Measurement(name, _rounded(value), unit, told) for name, value, unit in values)


def ratio_of(measurement: Measurement) -> Ratio:
    """The ratio that a measurement was made of.

    Raises:
        ExpectationError: it does not say its spread and rounds, or they are no numbers.
    """
    try:
        spread = float(measurement.conditions["spread"])
        rounds = int(measurement.conditions["rounds"])
        if not (measurement.value > 0 and 0 <= spread < math.inf and rounds >= LEAST_ROUNDS):
            raise ValueError(f"{measurement.value}, spread {spread}, {rounds} rounds")
    except (KeyError, ValueError) as error:
        raise ExpectationError(
            f"{measurement.name}: no ratio with the conditions spread and rounds: {error}"
        ) from error
    return Ratio(measurement.value, spread, rounds)


def speed_verdict(
    measurement: Measurement, accepted: Measurement | None, *, where: str, command: str = ""
) -> Verdict:
    """Whether a model is as fast as accepted, in units of the reference; faster fails too.

    Not measured without an accepted figure of the same machine, backend, load and reference.
    Inconclusive where the noise is above :data:`MOST_NOISE` and no change is sure.

    Args:
        measurement: as :func:`speed_measurement` makes it.
        accepted: the same of the run that was accepted, or None.
        where: ends the headline.
        command: repeats just this judgement.

    Raises:
        ExpectationError: what was accepted is no such measurement.
        MeasureError: the two are of different scenarios.
    """
    other = _otherwise(measurement, accepted, SAME)
    if accepted is None or other:
        problem = "nothing accepted yet" if accepted is None else f"accepted with {other}"
        return Verdict(
            Outcome.NOT_MEASURED,
            f"{measurement.name} = {measurement.value:g}, {problem} {where}",
            (f"accept: {ACCEPT}",),
        )
    now, before = ratio_of(measurement), ratio_of(accepted)
    noise = math.expm1(_difference_noise(now, before))
    share = MARGIN + noise
    change = now.value / before.value - 1
    verdict = against_baseline(
        measurement,
        accepted,
        band=Decimal(repr(_rounded(before.value * share))),
        where=where,
        cause=_cause(change, _otherwise(measurement, accepted, None)),
        command=command,
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
        repeat = (f"repeat: {command}",) if command else ()
        details = (band, told, *_machine(measurement, accepted), *repeat)
        return Verdict(Outcome.INCONCLUSIVE, verdict.headline, details)
    way = "faster" if change > 0 else "slower"
    moved = f"{abs(change):.1%} {way} than accepted, the machine's own speed taken out"
    told_of_machine = _machine(measurement, accepted)
    return replace(verdict, details=(moved, band, *told_of_machine, *verdict.details))


def int8_verdict(ratio: Ratio, *, where: str, command: str = "") -> Verdict:
    """Whether int8 is at least as fast as fp32 in the same backend, both tested in turns.

    Surely slower does not conform. At most :data:`MARGIN` slower for sure conforms; anything else
    is inconclusive.
    """
    half = ratio.noise()
    low, high = ratio.value * math.exp(-half), ratio.value * math.exp(half)
    headline = (
        f"{SPEED_UP} = {ratio.value:.2f} ({1 - ALPHA:.0%} interval {low:.3f} to {high:.3f}), "
        f"at least 1 {where}"
    )
    repeat = (f"repeat: {command}",) if command else ()
    if high < 1:
        cause = (
            "likely cause: operators that the backend has no int8 code for, conversions around "
            "each of them, or a processor without int8 dot products"
        )
        return Verdict(Outcome.DOES_NOT_CONFORM, headline, (cause, *repeat))
    if low >= 1 - MARGIN:
        return Verdict(Outcome.CONFORMS, headline)
    told = f"the noise of {ratio.rounds} rounds is too large to say: more rounds"
    return Verdict(Outcome.INCONCLUSIVE, headline, (told, *repeat))


def _difference_noise(now: Ratio, before: Ratio) -> float:
    """Half the width of Welch's interval for the difference of the mean logarithms."""
    variance = now.variance + before.variance
    parts = sum(one.variance**2 / (one.rounds - 1) for one in (now, before))
    return _half(variance, variance**2 / parts if parts else math.inf)


def _half(variance: float, freedom: float) -> float:
    return float(student.ppf(1 - ALPHA / 2, freedom)) * math.sqrt(variance)


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


def _rounded(value: float) -> float:
    """To four significant digits, as figures stand in files."""
    return float(f"{value:.4g}")
