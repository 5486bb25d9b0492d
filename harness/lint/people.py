"""Findings as text for people, a line each that terminals and editors link."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from rich.text import Text

from harness.lint.findings import Finding, Severity
from harness.lint.places import Place
from harness.lint.zoo import Zoo

FEW: Final = 10
"""Findings up to which totals come at the end alone."""

MOST_ALSO: Final = 3
"""Further places of a finding that are named; JSON and SARIF have all."""

_LONG: Final = 100  # characters of an explanation that is told once
_STYLES: Final = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def as_text(findings: Sequence[Finding], zoo: Zoo) -> Text:
    """How many there are by rule, then what was found, the most harmful first.

    What one rule says in the same words of many places is told once, with its places.
    """
    parts: list[Text | str] = []
    groups = _grouped(findings)
    if len(findings) > FEW:
        parts += _totals(findings)
    told: dict[str, Place] = {}
    for group in groups:
        parts += _finding(group[0], told, also=[one.fault.place for one in group[1:]])
    parts.append(summary(findings, zoo) + "\n")
    return Text.assemble(*parts)


def _grouped(findings: Iterable[Finding]) -> list[list[Finding]]:
    groups: dict[object, list[Finding]] = {}
    for one in findings:
        fault = one.fault
        same = one.rule.id, one.severity, _without_figures(one)
        key = same if fault.evidence == () else (*same, fault.place, fault.about)
        groups.setdefault(key, []).append(one)
    return sorted(groups.values(), key=lambda group: -group[0].severity)


def _without_figures(finding: Finding) -> str:
    """What is said, without the name of the file that it is said of."""
    fault = finding.fault
    name = PurePosixPath(fault.place.path).name
    return f"{fault.message}|{fault.suggestion}".replace(name, "")


def _totals(findings: Sequence[Finding]) -> Iterator[str]:
    counts = Counter((-one.severity, one.rule.id) for one in findings)
    for (severity, rule), count in sorted(counts.items()):
        pages = len({one.fault.place.path for one in findings if one.rule.id == rule})
        yield f"{count:5} {Severity(-severity)} {rule}, in {_number(pages, 'file')}\n"
    yield "\n"


def summary(findings: Iterable[Finding], zoo: Zoo) -> str:
    """How many findings of each severity, in how many pages and rows.

    Rows and pages are told too, as nothing is found where nothing was read.
    """
    counts = Counter(finding.severity for finding in findings)
    found = ", ".join(
        _number(counts[severity], str(severity)) for severity in sorted(Severity, reverse=True)
    )
    rows = [row for _, row in zoo.rows()]
    known = sum(zoo.known(row).params is not None for row in rows)
    pages = f"{_number(len(zoo.pages), 'page')}, {_number(len(rows), 'row')}"
    return f"{found}; {pages}, true counts known of {known}"


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _finding(
    finding: Finding, told: dict[str, Place], *, also: Sequence[Place]
) -> list[Text | str]:
    """One finding; a long explanation that was ``told`` before is not told again."""
    fault, severity = finding.fault, finding.severity
    lines: list[Text | str] = [
        f"{fault.place}: ",
        Text(str(severity), style=_STYLES[severity]),
        f" {finding.rule.id}: {fault.message}\n",
    ]
    for evidence in fault.evidence:
        where = f" ({evidence.place})" if evidence.place else ""
        text = evidence.text
        if len(text) > _LONG and told.setdefault(text, fault.place) != fault.place:
            text = f"{text[:_LONG]}… (as at {told[text]})"
        lines.append(f"  because: {text}{where}\n")
    lines.append(f"  suggestion: {fault.suggestion}\n")
    lines += [f"  also: {place}\n" for place in also[:MOST_ALSO]]
    if rest := also[MOST_ALSO:]:
        lines.append(f"  also at {_number(len(rest), 'further place')}\n")
    return lines
