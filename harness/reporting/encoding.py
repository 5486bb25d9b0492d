"""Results to strict JSON and back.

NaN and infinities become the texts "nan", "inf" and "-inf": JSON has no such numbers, and a
reader that takes them for numbers must stumble.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

from harness.records import KnownIssue, Measurement, Metric, Outcome, Verdict
from harness.reporting.results import (
    CaseOutcome,
    CaseResult,
    ClaimResult,
    Defect,
    Header,
    Machine,
    PageTotals,
)


def encode(value: object) -> Any:
    """A result, or a part of one, in JSON's own types.

    Raises:
        TypeError: it holds something that a result may not hold.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, bool | int):
        return value
    raise TypeError(f"{type(value).__name__} {value!r} has no place in a run log")


def header(data: Mapping[str, Any]) -> Header:
    """A header from its JSON.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: the JSON is not that of a header.
    """
    return Header(
        started=str(data["started"]),
        machine=Machine(**data["machine"]),
        command=tuple(data["command"]),
        tools=dict(data["tools"]),
        options=dict(data["options"]),
        pages=tuple(PageTotals(**page | {"rows": tuple(page["rows"])}) for page in data["pages"]),
    )


def case_result(data: Mapping[str, Any]) -> CaseResult:
    """A case's result from its JSON.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: the JSON is not that of a result.
    """
    parts = {
        "outcome": CaseOutcome(data["outcome"]),
        "duration_s": float(data["duration_s"]),
        "verdict": None if data["verdict"] is None else _verdict(data["verdict"]),
        "claims": tuple(_claim(item) for item in data["claims"]),
        "measurements": tuple(_measurement(item) for item in data["measurements"]),
        "known_issue": None if data["known_issue"] is None else _issue(data["known_issue"]),
        "defects": tuple(Defect(**item) for item in data["defects"]),
    }
    return CaseResult(**{**data, **parts})


def _verdict(data: Mapping[str, Any]) -> Verdict:
    return Verdict(Outcome(data["outcome"]), data["headline"], tuple(data["details"]))


def _claim(data: Mapping[str, Any]) -> ClaimResult:
    changes = {"metric": Metric(data["metric"]), "outcome": Outcome(data["outcome"])}
    return ClaimResult(**{**data, **changes})


def _measurement(data: Mapping[str, Any]) -> Measurement:
    return Measurement(**{**data, "value": float(data["value"])})


def _issue(data: Mapping[str, Any]) -> KnownIssue:
    days = {key: date.fromisoformat(data[key]) for key in ("since", "expires")}
    return KnownIssue(**{**data, **days})
