"""Which upstream network and weights stand behind a documented name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ExpectationError
from harness.runtime.document import ExpectedTable, Gathered, suggestion

_KEYS = ("model", "weights", "network", "source", "input_size", "params")
_UNRESOLVED = "unresolved"  # stands alone


@dataclass(frozen=True, slots=True)
class Variant:
    """One upstream network, pinned, or the reason why none is.

    Attributes:
        row: the row's id.
        source: the adapter that builds it; as documented, where the entry names no other.
        model: its name in the source library, exact to the weights.
        weights: the published weights file's name.
        network: the architecture's name; equal names are the same computation.
        input_size: height and width in pixels, or None where the page's claim says it.
        params: number of parameters, or None where the row's expected complexity says it.
        unresolved: why no upstream network is known for the row, or "" where one is; model,
            weights and network are "" then.
    """

    row: str
    source: str
    model: str
    weights: str
    network: str
    input_size: int | None = None
    params: int | None = None
    unresolved: str = ""


def read_variants(path: Path, *, rows: Iterable[str] | None = None) -> dict[str, Variant]:
    """Read the pinned variants, keyed by row id.

    ``rows``: the ids that must be there; others may be.

    Raises:
        ExpectationError: the file cannot be read, entries are incomplete or of the wrong type, or
            rows have no entry; all of them are told.
        UnknownKey: a key that means nothing.
    """
    document = ExpectedTable.load(path)
    document.only(("rows",))
    entries = document.table("rows")
    variants, faults = dict[str, Variant](), Gathered()
    for row in entries.values:
        with faults.one():
            variants[row] = _variant(entries.table(row), row)
    for row in rows or ():
        with faults.one():
            if row not in entries.values:
                hint = suggestion(row, entries.values)
                missing = f"{entries.where(row)} is missing, expected its variant{hint}"
                raise ExpectationError(missing)
    faults.require_none()
    return variants


def _variant(entry: ExpectedTable, row: str) -> Variant:
    parts = row.split("/")
    if len(parts) != 3 or not all(parts):
        raise ExpectationError(f"{entry.where()}: expected an id of the form page/source/name")
    if _UNRESOLVED in entry.values:
        entry.only((_UNRESOLVED,), "key beside a reason")
        return Variant(row, parts[1], "", "", "", unresolved=entry.text(_UNRESOLVED))
    entry.only(_KEYS)
    return Variant(
        row,
        entry.optional_text("source") or parts[1],
        entry.text("model"),
        entry.text("weights"),
        entry.text("network"),
        entry.optional_count("input_size"),
        entry.optional_count("params"),
    )
