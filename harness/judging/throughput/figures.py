"""LoadGen's facts as measurements: what is reported, and what is held against a baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median
from typing import Any

from harness.errors import ExpectationError
from harness.judging.throughput.ratios import LEAST_ROUNDS, Ratio, paired_ratio
from harness.records import Measurement

RATIOS = {"Offline": "offline_speed_ratio", "SingleStream": "single_stream_speed_ratio"}
"""LoadGen's scenario to the measurement that is accepted."""

SINGLE_STREAM_PERCENTILE = "50"
"""Of latency, that is judged. LoadGen's own figure is the 90th, which is reported: beside other
processes it spreads five times as much, as it is about the machine's worst moments."""

REFERENCE_SPEED = "reference_speed"
"""The condition that says how fast the machine was: the reference's images a second."""


def speeds(facts: Mapping[str, Any], subject: str, scenario: str) -> list[float]:
    """Each round's speed: images a second offline, else the inverse of the median latency.

    ``facts``: as ``harness.throughput.measuring.measure`` gives them.
    """
    rounds = facts["scenarios"][scenario][subject]["rounds"]
    if scenario == "Offline":
        return [one["samples_per_second"] for one in rounds]
    return [1000.0 / one["latency_ms"][SINGLE_STREAM_PERCENTILE] for one in rounds]


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
        rounded(ratio.value),
        "",
        {
            **conditions,
            **facts["subjects"][reference]["identity"],
            "load": f"-i {load['instances']} -p {load['processes']} -b {load['batch']}",
            "spread": str(rounded(ratio.spread)),
            "rounds": str(ratio.rounds),
            REFERENCE_SPEED: str(rounded(machine)),
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
    return tuple(Measurement(name, rounded(value), unit, told) for name, value, unit in values)


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


def rounded(value: float) -> float:
    """A value to four significant digits, as figures stand in files."""
    return float(f"{value:.4g}")
