"""What was found of a page, in words: for people, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.records import Claim
from harness.resolving.counting import FigureOrigin
from harness.resolving.drafts import uncountable
from harness.resolving.page import PageResolution, Resolved
from harness.resolving.uses import named, odd, share


def as_json(resolution: PageResolution) -> dict[str, Any]:
    """Everything found: ``rows`` by id, and ``columns`` in the order of the page."""
    reasons = uncountable(resolution)
    return {
        "page": resolution.page.name,
        "rows": {
            one.row.id: _row(one, reasons.get(one.row.id, one.uncountable))
            for one in (*resolution.rows, *resolution.failures)
        },
        "columns": list(_columns(resolution)),
    }


def _row(one: Resolved, uncountable: str) -> dict[str, Any]:
    return {
        "line": one.row.line,
        "model": one.variant.model,
        "weights": one.variant.weights,
        "evidence": one.evidence,
        "unresolved": one.variant.unresolved,
        "uncountable": "" if one.variant.unresolved else uncountable,
    }


def _columns(resolution: PageResolution) -> Iterator[dict[str, Any]]:
    """By source and column: how many figures each rule reproduces, and those that none does."""
    rows = {one.row.id: one for one in resolution.rows}
    groups: dict[tuple[str, str], list[FigureOrigin]] = {}
    for finding in (*resolution.operations.values(), *resolution.params.values()):
        key = (rows[finding.row].variant.source, finding.claim.header)
        groups.setdefault(key, []).append(finding)
    for (source, header), findings in groups.items():
        sound = [one for one in findings if one.reproduced]
        used: dict[tuple[str, int, str], list[FigureOrigin]] = {}
        for one in sound:
            key_ = (one.use.rule, one.divisor, str(one.use.scale.printing))
            used.setdefault(key_, []).append(one)
        yield {
            "source": source,
            "column": header,
            "rules": [
                {
                    "rule": rule,
                    "divisor": divisor,
                    "printing": printing,
                    "rows": len(given),
                    "by_chance": max(float(one.chance) for one in given),
                }
                for (rule, divisor, printing), given in sorted(
                    used.items(), key=lambda each: -len(each[1])
                )
            ],
            "zeros_added": sum(one.padded for one in findings),
            "not_reproduced": [_off(one) for one in findings if one not in sound],
        }


def _off(finding: FigureOrigin) -> dict[str, Any]:
    claim: Claim = finding.claim
    return {
        "row": finding.row,
        "line": claim.line,
        "documented": f"{claim.figure.text} {claim.unit}",
        "nearest": f"{finding.printed} {claim.unit}",
        "rule": finding.use.rule,
        "divisor": finding.divisor,
        "printing": str(finding.use.scale.printing),
        "other_size": finding.other_size or None,
        "copied_from": finding.copied_from or None,
        "other_network": finding.other_network or None,
        "by_chance": float(finding.chance),
        "candidates": [named(use, finding.unit) for use in finding.candidates],
    }


def lines(found: Mapping[str, Any], *, path: str) -> Iterator[str]:
    """The same in lines: what is unresolved or uncountable, then column by column.

    Args:
        found: as :func:`as_json` gives it.
        path: the page's file.
    """
    for row, one in found["rows"].items():
        for reason in (one["unresolved"], one["uncountable"]):
            if reason:
                yield f"{path}:{one['line']}: {row}: {reason}"
    for column in found["columns"]:
        rules = ", ".join(
            f"{one['rule']}/{one['divisor']:.6g}{odd(one['printing'])} "
            f"({one['rows']} rows, by chance {share(one['by_chance'])})"
            for one in column["rules"]
        )
        zeros = f", {column['zeros_added']} of them with zeros added" * bool(column["zeros_added"])
        yield f"{column['source']} {column['column']}: {rules or 'no rule'}{zeros}"
        for off in column["not_reproduced"]:
            yield f"{path}:{off['line']}: {off['row']}: {_told(off)}"


def _told(off: Mapping[str, Any]) -> str:
    """A figure that is not reproduced: what is behind it, or what may be."""
    rule = f"{off['rule']}/{off['divisor']:.6g}{odd(off['printing'])}"
    by_chance = share(off["by_chance"])
    if off["other_size"]:
        return (
            f"{off['documented']} is {rule} at {off['other_size']} px (by chance {by_chance}); at "
            f"the documented size it is {off['nearest']}"
        )
    if belongs := off["copied_from"] or off["other_network"]:
        return f"{off['documented']} is the figure of {belongs}; {rule} gives {off['nearest']}"
    told = f"no rule reproduces {off['documented']}; nearest is {rule} with {off['nearest']}"
    if off["candidates"]:
        told += (
            f"; {' or '.join(off['candidates'])} would, which no other figure bears out: "
            f"{by_chance} of all figures fit by chance"
        )
    return told
