"""What was found of a page, in the form of the files below ``expected/``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import tomli_w

from harness.counting.claims import UNITS
from harness.counting.counts import Printing, reproduces
from harness.counting.operators import KINDS
from harness.counting.rules import TRUE
from harness.errors import ExpectationError, quoted
from harness.expected.complexity import check_row
from harness.records import Metric
from harness.resolving.counting import FigureOrigin
from harness.resolving.defects import Found, defect_of
from harness.resolving.page import PageResolution, Resolved
from harness.resolving.scales import PLAIN
from harness.resolving.uses import Use, named, share

_VARIANTS: Final = """\
# The exact upstream variant behind each documented name. Drafted by `python -m harness update`,
# each with what speaks for it; kept by hand.
"""
_COMPLEXITY: Final = """\
# How each documented count comes about. Drafted by `python -m harness update`: the counting rules
# that reproduce the figures, and what of the figures is wrong; kept by hand.
"""
_DEFAULT_UNITS: Final = {"operations": UNITS["G"], "params": UNITS["M"]}
_UNIT_NAMES: Final = {unit: name for name, unit in UNITS.items()}


def variants(resolution: PageResolution) -> str:
    """``expected/variants/<page>.toml``."""
    blocks = variant_blocks(resolution)
    return "\n".join([_VARIANTS, *blocks.values()])


def variant_blocks(resolution: PageResolution) -> dict[str, str]:
    """The entry of each row and each documented failure, as text."""
    rows = {one.row.id: _variant(one, failure=False) for one in resolution.rows}
    return rows | {one.row.id: _variant(one, failure=True) for one in resolution.failures}


def _variant(one: Resolved, *, failure: bool) -> str:
    variant = one.variant
    reason = variant.unresolved or (one.uncountable if failure else "")
    if failure and not reason and one.true_params <= 0:
        reason = f"{variant.model} has no parameters that are counted"
    if reason:
        return _block(one.row.id, {"unresolved": reason})
    entry: dict[str, Any] = {
        "model": variant.model,
        "weights": variant.weights,
        "network": variant.network,
    }
    if variant.source != one.row.id.split("/")[1]:
        entry["source"] = variant.source
    if failure or one.row.claim(Metric.INPUT_SIZE) is None:
        entry["input_size"] = one.size
    if failure:
        entry["params"] = one.true_params
    return _block(one.row.id, entry, comment=one.evidence)


def complexity(resolution: PageResolution) -> str:
    """``expected/complexity/<page>.toml``."""
    kinds = complexity_kinds(resolution)
    parts = [_COMPLEXITY]
    if kinds:
        parts.append(tomli_w.dumps({"kinds": kinds}))
    unknown = uncountable(resolution)
    if unknown:
        parts.append(tomli_w.dumps({"unknown": unknown}))
    blocks = complexity_blocks(resolution)
    return "\n".join([*parts, *(blocks.values() or ["[rows]\n"])])


def complexity_kinds(resolution: PageResolution) -> dict[str, str]:
    """The kinds of defect that the page has, with the cause of each."""
    missing = uncountable(resolution)
    counted = [one for one in resolution.rows if one.row.id not in missing]
    defects = [defect for one in counted for defect in _defects(one, resolution)]
    return {defect.kind: defect.cause for defect in sorted(defects, key=lambda each: each.kind)}


def uncountable(resolution: PageResolution) -> dict[str, str]:
    """The rows that have no counts, and why."""
    reasons = {one.row.id: _uncountable(one, resolution) for one in resolution.rows}
    return {row: reason for row, reason in reasons.items() if reason}


def _uncountable(one: Resolved, resolution: PageResolution) -> str:
    """Why a row has no counts, or ""; an entry that its reader would refuse is none."""
    if one.variant.unresolved or one.uncountable:
        return one.variant.unresolved or one.uncountable
    for what, count in (("parameters", one.true_params), ("multiply-accumulates", one.true_macs)):
        if count <= 0:
            return f"{one.variant.model} has no {what} that are counted"
    causes = {defect.kind: defect.cause for defect in _defects(one, resolution)}
    try:
        check_row(one.row.id, complexity_entry(one, resolution), causes)
    except ExpectationError as error:
        return f"what was found of its counts contradicts itself: {error}"
    return ""


def complexity_blocks(resolution: PageResolution) -> dict[str, str]:
    """The entry of each row that can be counted, as text."""
    missing = uncountable(resolution)
    return {
        one.row.id: _block(
            one.row.id, complexity_entry(one, resolution), comment=_borne_out(one, resolution)
        )
        for one in resolution.rows
        if one.row.id not in missing
    }


def _borne_out(one: Resolved, resolution: PageResolution) -> str:
    """How far the figures of a row prove what is pinned for them."""
    told = []
    for what in (resolution.operations, resolution.params):
        finding = what.get(one.row.id)
        if finding is None:
            continue
        figure = f"{finding.claim.figure.text} {finding.claim.unit}"
        by_chance = share(float(finding.chance))
        if finding.reproduced:
            told.append(f"{figure} is reproduced, by chance in {by_chance}")
        elif finding.candidates:
            uses = " or ".join(named(use, finding.unit) for use in finding.candidates)
            told.append(f"{figure} may be {uses}, by chance in {by_chance}")
    return "; ".join(told)


def complexity_entry(one: Resolved, resolution: PageResolution) -> dict[str, Any]:
    """How one row's counts come about; a column that the page does not have is the true count."""
    operations, params = resolution.operations.get(one.row.id), resolution.params.get(one.row.id)
    entry: dict[str, Any] = {
        "operations": _pinned("operations", operations, one.true_macs),
        "params": _pinned("params", _unless_true(params, one.true_params), one.true_params),
        "true": {"params": one.true_params, "macs": one.true_macs},
        "layers": {kind: one.layers[kind] for kind in KINDS if kind in one.layers},
    }
    if defects := list(_defects(one, resolution)):
        entry["defects"] = [
            {"column": str(d.column), "printed": d.printed, "kind": d.kind, "true": d.true}
            for d in defects
        ]
    return entry


def _unless_true(finding: FigureOrigin | None, true: int) -> FigureOrigin | None:
    """How a figure comes about; where the true count prints it too, that it is the true count."""
    if finding is None or (finding.raw == true and finding.reproduced):
        return finding
    if reproduces(finding.claim.figure, true, finding.unit):
        return replace(finding, use=Use(TRUE, PLAIN), raw=true, reproduced=True)
    return finding


def _pinned(what: str, finding: FigureOrigin | None, true: int) -> dict[str, Any]:
    if finding is None:
        return {"counter": "true", "divisor": _DEFAULT_UNITS[what], "raw": true}
    pinned: dict[str, Any] = {
        "counter": finding.use.rule,
        "divisor": finding.divisor,
        "raw": finding.raw,
    }
    if finding.use.scale.printing is not Printing.ROUNDED:
        pinned["printing"] = str(finding.use.scale.printing)
    if finding.unit != _DEFAULT_UNITS[what]:
        pinned["unit"] = _UNIT_NAMES[finding.unit]
    return pinned


def _defects(one: Resolved, resolution: PageResolution) -> Iterator[Found]:
    for findings in (resolution.operations, resolution.params):
        finding = findings.get(one.row.id)
        defect = defect_of(finding, one) if finding is not None else None
        if defect is not None:
            yield defect


def _block(row: str, entry: Mapping[str, Any], *, comment: str = "") -> str:
    """One table, its own tables in lines of their own, below what speaks for it."""
    told = " ".join(quoted(comment)[1:-1].split())  # no line end leaves a comment
    lines = [f"# {comment if comment.isprintable() else told}"] if comment else []
    lines.append(f"[rows.{_quoted(row)}]")
    for key, value in entry.items():
        if key == "layers":  # each kind in a line of its own
            lines += [f"{key}.{kind} = {_quoted(told)}" for kind, told in value.items()]
        else:
            lines += _assignment(key, value)
    return "\n".join(lines) + "\n"


def _assignment(key: str, value: object) -> list[str]:
    if isinstance(value, list):
        return [f"{key} = [", *(f"  {_inline(each)}," for each in value), "]"]
    return [f"{key} = {_inline(value)}"]


def _inline(value: object) -> str:
    match value:
        case dict():
            return (
                "{ " + ", ".join(f"{key} = {_inline(each)}" for key, each in value.items()) + " }"
            )
        case str():
            return _quoted(value)
        case _:
            return f"{value:_}"


def _quoted(text: str) -> str:
    return tomli_w.dumps({"x": text}).partition("=")[2].strip()
