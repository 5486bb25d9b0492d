"""``expected/baselines/*.toml``: the last accepted measurements, written by one command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import tomli_w

from harness.errors import ExpectationError
from harness.records import Measurement
from harness.runtime import atomic
from harness.runtime.document import ExpectedTable

SCHEMA = 1
"""Version of the file's layout."""

_HEADER = "# Accepted measurements. Written by the accept command; do not edit.\n\n"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was accepted, by case and by the measurement's name, and on what machine and tools."""

    measurements: Mapping[str, Mapping[str, Measurement]] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)

    def accepted(self, case: str, name: str) -> Measurement | None:
        """The accepted measurement, or None where there is none yet."""
        return self.measurements.get(case, {}).get(name)


def parity_file(expected: Path, *, backend: str) -> Path:
    """Where the accepted parity of a backend's int8 models is."""
    return expected / "baselines" / f"parity-{backend}.toml"


def speed_file(expected: Path, *, backend: str, machine: str) -> Path:
    """Where the accepted speeds of a backend's models on a kind of machine are."""
    name = re.sub(r"[^a-z0-9]+", "-", f"{backend} {machine}".lower()).strip("-")
    return expected / "baselines" / f"speed-{name}.toml"


def read_baseline(path: Path) -> Baseline:
    """Read a file of accepted measurements.

    Raises:
        UnknownKey: a key that does not exist.
        ExpectationError: the file is missing, of another schema, or not as it was written.
    """
    document = ExpectedTable.load(path)
    document.only(("schema", "conditions", "case"))
    if document.values.get("schema") != SCHEMA:
        raise document.wrong("schema", str(SCHEMA))
    cases = document.table("case")
    return Baseline(
        {case: _measurements(cases.table(case)) for case in cases.values},
        document.table("conditions").texts(),
    )


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Replace the file, all or nothing; the same baseline gives the same bytes.

    Raises:
        ExpectationError: a value is NaN or infinite, or stands under another name than its own.
        HarnessError: the file cannot be written.
    """
    cases = {
        case: {
            name: _entry(case, name, measurement)
            for name, measurement in sorted(baseline.measurements[case].items())
        }
        for case in sorted(baseline.measurements)
    }
    document = {
        "schema": SCHEMA,
        "conditions": dict(sorted(baseline.conditions.items())),
        "case": cases,
    }
    atomic.write_bytes(path, (_HEADER + tomli_w.dumps(document)).encode())


def _entry(case: str, name: str, measurement: Measurement) -> dict[str, object]:
    if name != measurement.name:
        raise ExpectationError(f"{case}: {measurement.name} would be accepted as {name}")
    if not measurement.is_number:
        raise ExpectationError(
            f"{case}: {name} is {measurement.value}, and only a finite number can be accepted"
        )
    return {
        "value": float(measurement.value),
        "unit": measurement.unit,
        "conditions": dict(sorted(measurement.conditions.items())),
    }


def _measurements(table: ExpectedTable) -> dict[str, Measurement]:
    found = {}
    for name in table.values:
        entry = table.table(name)
        entry.only(("value", "unit", "conditions"))
        found[name] = Measurement(
            name,
            float(entry.number("value")),
            entry.written("unit"),
            entry.table("conditions").texts(),
        )
    return found
