"""Which upstream network and weights stand behind a documented name."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from harness.errors import ExpectationError, UnknownKey

_REQUIRED = {"model", "weights", "network"}
_OPTIONAL = {"input_size", "params"}
_UNRESOLVED = "unresolved"  # stands alone
_KEYS = _REQUIRED | _OPTIONAL | {"source", _UNRESOLVED}


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
        ExpectationError: the file cannot be read, an entry is incomplete or of the wrong type, or
            a row has no entry.
        UnknownKey: a key that means nothing.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ExpectationError(f"{path}: {error}") from error
    entries = data.pop("rows", None)
    if data:
        raise UnknownKey(f"{path}: unknown key {sorted(data)[0]!r}, expected 'rows'")
    if not isinstance(entries, dict):
        raise ExpectationError(f"{path}: rows: expected a table for each row")
    variants = {row: _variant(path, row, entry) for row, entry in entries.items()}
    for row in rows or ():
        if row not in variants:
            near = get_close_matches(row, variants, n=1)
            hint = f"; the nearest entry is {near[0]!r}" if near else ""
            raise ExpectationError(f"{path}: no variant is pinned for {row!r}{hint}")
    return variants


def _variant(path: Path, row: str, entry: object) -> Variant:
    where = f'{path}: rows."{row}"'
    parts = row.split("/")
    if len(parts) != 3 or not all(parts):
        raise ExpectationError(f"{where}: expected an id of the form page/source/name")
    if not isinstance(entry, dict):
        raise ExpectationError(f"{where}: expected a table")
    for key in entry:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1)
            raise UnknownKey(f"{where}.{key}: unknown" + (f", meant {near[0]!r}?" if near else ""))
    if _UNRESOLVED in entry:
        reason = entry[_UNRESOLVED]
        if len(entry) > 1 or not isinstance(reason, str) or not reason:
            raise ExpectationError(f"{where}.{_UNRESOLVED}: expected a reason, and nothing beside")
        return Variant(row, parts[1], "", "", "", unresolved=reason)
    for key in sorted({*_REQUIRED, *(entry.keys() & {"source"})}):
        if not isinstance(entry.get(key), str) or not entry[key]:
            raise ExpectationError(f"{where}.{key}: expected text")
    for key in sorted(_OPTIONAL):
        value = entry.get(key)
        if value is not None and (
            not isinstance(value, int) or isinstance(value, bool) or value < 1
        ):
            raise ExpectationError(f"{where}.{key}: expected a positive whole number")
    return Variant(
        row,
        entry.get("source", parts[1]),
        entry["model"],
        entry["weights"],
        entry["network"],
        entry.get("input_size"),
        entry.get("params"),
    )
