"""What LoadGen wrote of a test: read strictly, held to its own rules.

``mlperf_log_detail.txt`` has an event a line, as JSON behind a mark; ``mlperf_log_summary.txt``
ends with how many errors there were; ``mlperf_log_accuracy.json`` has outputs in hexadecimal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from harness.errors import MeasureError

DETAIL = "mlperf_log_detail.txt"
SUMMARY = "mlperf_log_summary.txt"
OUTPUTS = "mlperf_log_accuracy.json"

MARK = ":::MLLOG "
NO_ERRORS = "No errors encountered during test."
MOST_BYTES = 256 * 2**20  # of one log; ten times what 512 logged outputs of 1000 classes take

PERCENTILES = ("50", "90", "95", "97", "99", "99.9")

RULES = {
    "result_min_duration_met": "it was over too soon",
    "result_min_queries_met": "it had too few queries",
    "early_stopping_met": "it had too few queries for its percentile (early stopping)",
}
"""Why LoadGen finds a test invalid: the event that says so, and in words."""


@dataclass(frozen=True, slots=True)
class Performance:
    """A test's figures, by LoadGen's own reckoning.

    Attributes:
        version: of LoadGen.
        broken: in words, the rules by which it is invalid; none for a valid one.
        too_short: it is invalid for its duration alone, and a longer one may not be.
        samples_per_second: images a second.
        latency_ms: percentile to milliseconds; offline, from the one query's beginning.
        queries: how many; offline 1.
        samples: how many.
        duration_s: seconds from the first query's issue to the last answer.
    """

    version: str
    broken: tuple[str, ...]
    too_short: bool
    samples_per_second: float
    latency_ms: Mapping[str, float]
    queries: int
    samples: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class Served:
    """A logged answer: the position of its image, and the bytes that came."""

    position: int
    data: bytes


def read_performance(folder: Path) -> Performance:
    """Read a performance test, valid or not.

    Raises:
        MeasureError: a log is missing, cut off or malformed, the two contradict each other, or
            LoadGen noticed an error that is none of its rules, such as a second answer to a sample.
    """
    events = read_events(folder / DETAIL)
    validity = events.one("result_validity")
    if f"Result is : {validity}" not in _summary(folder / SUMMARY):
        raise MeasureError(f"{folder / SUMMARY}: not {validity!r}, as {events.path} says")
    broken = tuple(words for key, words in RULES.items() if events.one(key) is not True)
    if validity != "VALID":
        broken = (*(broken or ("LoadGen gives no reason",)), *events.errors)
    else:
        require_no_errors(folder, events)
    offline = events.one("requested_scenario") == "Offline"
    queries = events.number("result_query_count")
    samples = queries * events.number("generated_samples_per_query")
    rate = events.number(
        "result_samples_per_second" if offline else "result_qps_with_loadgen_overhead"
    )
    if rate <= 0:
        raise MeasureError(f"{events.path}: {rate} samples a second")
    return Performance(
        version=str(events.one("loadgen_version")),
        broken=broken,
        too_short=bool(broken) and events.one("result_min_duration_met") is not True,
        samples_per_second=rate,
        latency_ms={
            percentile: events.number(f"result_{float(percentile):.2f}_percentile_latency_ns") / 1e6
            for percentile in PERCENTILES
        },
        queries=int(queries),
        samples=int(samples),
        duration_s=samples / rate,
    )


def read_served(folder: Path) -> tuple[Served, ...]:
    """The answers that LoadGen logged: all of an accuracy test, some of a performance test.

    Raises:
        MeasureError: the log is missing, cut off or malformed.
    """
    path = folder / OUTPUTS
    try:
        return tuple(
            Served(int(entry["qsl_idx"]), bytes.fromhex(entry["data"]))
            for entry in json.loads(_text(path))
        )
    except (ValueError, KeyError, TypeError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise MeasureError(f"{path}: cut off, or no log of outputs: {problem}") from error


def require_no_errors(folder: Path, events: Events | None = None) -> None:
    """Require that LoadGen came to its end and noticed no error. It calls such a test valid.

    Raises:
        MeasureError: it noticed one, or a log is missing, cut off or malformed.
    """
    events = events or read_events(folder / DETAIL)
    last = _summary(folder / SUMMARY)[-1:]
    if events.errors or last != (NO_ERRORS,):
        told = "; ".join(events.errors) or f"{folder / SUMMARY} ends with {' '.join(last)!r}"
        raise MeasureError(f"LoadGen noticed errors in {events.path}: {told}")


@dataclass(frozen=True, slots=True)
class Events:
    """A detail log: the values of each key in their order, and what was an error."""

    path: Path
    values: Mapping[str, Sequence[Any]]
    errors: tuple[str, ...]

    def one(self, key: str) -> Any:
        """The value of a key that has to stand there once.

        Raises:
            MeasureError: it does not.
        """
        found = self.values.get(key, ())
        if len(found) != 1:
            raise MeasureError(
                f"{self.path}: {key} stands there {len(found)} times, expected once: LoadGen "
                "did not come to its end, or the log is cut off"
            )
        return found[0]

    def number(self, key: str) -> float:
        """The same where it has to be a finite number."""
        value = self.one(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise MeasureError(f"{self.path}: {key} is {value!r}, expected a number")
        return float(value)


def read_events(path: Path) -> Events:
    """Read a detail log.

    Raises:
        MeasureError: it is missing, empty, cut off within a line, or a line is no event.
    """
    *lines, rest = _text(path).split("\n")
    if not lines or rest:
        raise MeasureError(f"{path}: {'cut off within its last line' if rest else 'empty'}")
    values: dict[str, list[Any]] = {}
    errors = []
    for number, line in enumerate(lines, start=1):
        try:
            if not line.startswith(MARK):
                raise ValueError(f"does not begin with {MARK.strip()}")
            event = json.loads(line.removeprefix(MARK))
            values.setdefault(event["key"], []).append(event["value"])
            if event["metadata"]["is_error"]:
                errors.append(str(event["value"]))
        except (ValueError, KeyError, TypeError) as error:
            problem = f"{type(error).__name__}: {error}"
            raise MeasureError(f"{path}:{number}: no event of LoadGen: {problem}") from error
    return Events(path, values, tuple(errors))


def _summary(path: Path) -> tuple[str, ...]:
    return tuple(line.strip() for line in _text(path).splitlines() if line.strip())


def _text(path: Path) -> str:
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise MeasureError(f"{path}: {size} bytes, expected at most {MOST_BYTES}")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise MeasureError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise MeasureError(f"{path}: not UTF-8 at byte {error.start}") from error
