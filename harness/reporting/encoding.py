"""Results to strict JSON and back.

NaN and infinities become the texts "nan", "inf" and "-inf": JSON has no such numbers, and a
reader that takes them for numbers must stumble.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from harness.errors import quoted
from harness.records import KnownIssue, Measurement, Metric, Outcome, Verdict
from harness.reporting.results import (
    CaseOutcome,
    CaseResult,
    ChangedImage,
    ClaimResult,
    Header,
    Machine,
    PageTotals,
    ReportedDefect,
    StepCost,
)

Result = TypeVar("Result")


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
    pages = (PageTotals(**page | {"rows": tuple(page["rows"])}) for page in data["pages"])
    return _typed(
        Header(
            started=data["started"],
            machine=_typed(Machine(**data["machine"])),
            command=tuple(data["command"]),
            tools=dict(data["tools"]),
            options=dict(data["options"]),
            pages=tuple(map(_typed, pages)),
        )
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
        "defects": tuple(_typed(ReportedDefect(**item)) for item in data["defects"]),
        "changed": tuple(_typed(ChangedImage(**item)) for item in data.get("changed", ())),
        "steps": tuple(_step(item) for item in data.get("steps", ())),
    }
    return _typed(CaseResult(**{**data, **parts}))


def _verdict(data: Mapping[str, Any]) -> Verdict:
    return _typed(Verdict(Outcome(data["outcome"]), data["headline"], tuple(data["details"])))


def _claim(data: Mapping[str, Any]) -> ClaimResult:
    changes = {"metric": Metric(data["metric"]), "outcome": Outcome(data["outcome"])}
    return _typed(ClaimResult(**{**data, **changes}))


def _step(data: Mapping[str, Any]) -> StepCost:
    seconds = {name: float(data.get(name, 0.0)) for name in ("cpu_s", "waited_s")}
    return _typed(StepCost(**{**data, **seconds}))


def _measurement(data: Mapping[str, Any]) -> Measurement:
    return _typed(Measurement(**{**data, "value": float(data["value"])}))


def _issue(data: Mapping[str, Any]) -> KnownIssue:
    days = {key: date.fromisoformat(data[key]) for key in ("since", "expires")}
    return _typed(KnownIssue(**{**data, **days}))


def _typed(result: Result) -> Result:
    """A result whose every field is of its type: JSON may hold anything anywhere.

    Raises:
        TypeError: names the field and what stands there.
    """
    made: type = type(result)
    for name, kind in _hints(made).items():
        value = getattr(result, name)
        if not _is(value, kind):
            raise TypeError(f"{name} is {quoted(value)}")
    return result


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _is(value: object, kind: Any) -> bool:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_is(value, one) for one in inner)
    if origin is tuple:
        return isinstance(value, tuple) and all(_is(one, inner[0]) for one in value)
    if origin is not None:
        keys = isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
        return keys and all(_is(one, inner[1]) for one in value.values())  # type: ignore[attr-defined]
    if kind in (int, float) and isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < 2**63
    return kind is Any or isinstance(value, (int, float) if kind is float else kind)
