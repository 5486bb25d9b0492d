"""Drafts into files that are kept by hand: what stands there stays, what is missing is added."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomli_w

from harness.runtime.document import LARGEST_FILE, ExpectedTable
from harness.runtime.foreign import read_text

_BLOCKS: Final = re.compile(r"\n{2,}")
_HEADING: Final = re.compile(r"^\[rows\.(?P<key>.+)\]$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Merged:
    """A kept file with what a draft adds to it.

    Attributes:
        text: the file's new content.
        added: the rows that it had no entry for.
        differing: entries that were kept and that the draft has otherwise: row, key, both values.
        gone: entries of rows that the page has no more.
    """

    text: str
    added: tuple[str, ...]
    differing: tuple[tuple[str, str, Any, Any], ...]
    gone: tuple[str, ...]


def _table(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A table of a kept file; what is none is refused when the merged file is read."""
    found = values.get(key, {})
    return found if isinstance(found, dict) else {}


def merge(kept: Path, draft: str, *, rows: frozenset[str]) -> Merged:
    """Add to a kept file the entries of a draft that it has not.

    Args:
        kept: a file of ``expected/variants``, ``complexity`` or ``pipelines``.
        draft: the same for the page as it is, as text.
        rows: the ids of all rows and documented failures of the page.

    Raises:
        ExpectationError: the kept file cannot be read.
    """
    old = ExpectedTable.load(kept).values
    text = read_text(kept, most=LARGEST_FILE)
    new = tomllib.loads(draft)
    entries = _table(old, "rows")
    found: Mapping[str, Any] = new.get("rows", {})
    blocks = _blocks(draft)
    added = tuple(row for row in found if row not in entries and row not in _table(old, "unknown"))
    kinds = {
        defect["kind"]: new["kinds"][defect["kind"]]
        for row in added
        for defect in found[row].get("defects", ())
        if defect["kind"] not in _table(old, "kinds")
    }
    uncountable = {
        row: reason
        for row, reason in new.get("unknown", {}).items()
        if row not in entries and row not in _table(old, "unknown")
    }
    text = _with_lines(_with_lines(text, "kinds", kinds), "unknown", uncountable)
    shipped = {found[row]["ships"] for row in added if "ships" in found[row]}
    for name in sorted(shipped - set(_table(old, "run_time"))):
        run_time = tomli_w.dumps({"run_time": {name: new["run_time"][name]}})
        text = f"{text.rstrip()}\n\n{run_time}"
    for row in added:
        text = f"{text.rstrip()}\n\n{blocks[row]}\n"
    differing = tuple(_differing(entries, found))
    gone = tuple(row for row in (*entries, *_table(old, "unknown")) if row not in rows)
    return Merged(text, (*added, *uncountable), differing, gone)


def _blocks(draft: str) -> dict[str, str]:
    """The entry of each row as it is written, with the comment above it."""
    found = {}
    for block in _BLOCKS.split(draft):
        if (heading := _HEADING.search(block)) is not None:
            (row,) = tomllib.loads(f"{heading['key']} = 0")
            found[row] = block.strip()
    return found


def _with_lines(text: str, table: str, values: Mapping[str, str]) -> str:
    """The text with lines added to a table of texts, which is made where there is none."""
    if not values:
        return text
    lines = tomli_w.dumps(values)
    heading = re.search(rf"^\[{table}\][^\n]*\n", text, re.MULTILINE)
    if heading is None:
        return f"{text.rstrip()}\n\n[{table}]\n{lines}"
    return text[: heading.end()] + lines + text[heading.end() :]


def _differing(
    kept: Mapping[str, Any], found: Mapping[str, Any]
) -> Iterator[tuple[str, str, Any, Any]]:
    for row, entry in kept.items():
        for key, value in found.get(row, entry).items():
            old = entry.get(key)
            if key == "defects" and _without_kinds(old) == _without_kinds(value):
                continue
            if old != value and key != "unresolved":  # people know what libraries do not
                yield row, key, old, value


def _without_kinds(defects: Any) -> list[dict[str, Any]]:
    """Defects without what people call them."""
    return [{key: one[key] for key in one if key != "kind"} for one in defects or ()]
