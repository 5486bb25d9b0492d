"""Findings as text for people, a line each that terminals and editors link."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from rich.text import Text

from harness.lint.findings import Finding, Place, Severity
from harness.lint.zoo import Zoo

_LONG: Final = 100  # characters of an explanation that is told once
_STYLES: Final = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def as_text(findings: Sequence[Finding], zoo: Zoo) -> Text:
    """All findings with their evidence and suggestion, and how many there are."""
    parts: list[Text | str] = []
    told: dict[str, Place] = {}
    for finding in findings:
        parts += _finding(finding, told)
    parts.append(summary(findings, zoo) + "\n")
    return Text.assemble(*parts)


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


def _finding(finding: Finding, told: dict[str, Place]) -> list[Text | str]:
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
    return lines
