"""Findings as plain JSON, for scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence

from harness.lint.findings import Finding
from harness.lint.places import Place


def as_json(findings: Sequence[Finding]) -> str:
    """A list of findings; each has rule, severity, place, message, evidence and suggestion."""
    listed = [
        {
            "rule": finding.rule.id,
            "severity": str(finding.severity),
            **_place(finding.fault.place),
            "about": finding.fault.about,
            "message": finding.fault.message,
            "evidence": [
                {"text": evidence.text, **(_place(evidence.place) if evidence.place else {})}
                for evidence in finding.fault.evidence
            ],
            "suggestion": finding.fault.suggestion,
        }
        for finding in findings
    ]
    return json.dumps(listed, indent=2, ensure_ascii=False) + "\n"


def _place(place: Place) -> dict[str, str | int]:
    return {"path": place.path, "line": place.line, "column": place.column}
