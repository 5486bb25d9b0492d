"""Findings in SARIF 2.1.0, which code hosts show on pull requests.

Written as plain JSON: what is needed of the format is one run of one tool, and the libraries for it
are generated bindings of the whole schema.
Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import quote

from harness.lint.findings import Finding, LintRule
from harness.lint.places import Place

SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
ROOT: Final = "%SRCROOT%"
"""What relative addresses are relative to: the folder that the command ran in."""

Json: TypeAlias = str | int | bool | Sequence["Json"] | Mapping[str, "Json"] | None


def as_sarif(findings: Sequence[Finding], rules: Sequence[LintRule], *, here: Path) -> str:
    """One run, with all rules that were asked and everything they found.

    Args:
        here: the folder to which addresses are relative; a file elsewhere is given in full.
    """
    places = {rule.id: at for at, rule in enumerate(rules)}
    told: Counter[tuple[str, str]] = Counter()
    results: list[Json] = []
    for finding in findings:
        about = finding.rule.id, finding.fault.about
        told[about] += 1
        results.append(_result(finding, places[finding.rule.id], told[about], here))
    run: Json = {
        "tool": {
            "driver": {
                "name": "zoo-conformance lint",
                "version": _version(),
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"uri": f"{here.resolve().as_uri()}/"}},
        "results": results,
    }
    document: Json = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: LintRule) -> Json:
    return {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.help},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": str(rule.severity)},
    }


def _result(finding: Finding, rule: int, time: int, here: Path) -> Json:
    fault = finding.fault
    related = [
        {"id": at, **_location(evidence.place, here), "message": {"text": evidence.text}}
        for at, evidence in enumerate(fault.evidence)
        if evidence.place
    ]
    told = [f"because: {evidence.text}" for evidence in fault.evidence]
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": rule,
        "level": str(finding.severity),
        "message": {"text": "\n".join([fault.message, *told, f"suggestion: {fault.suggestion}"])},
        "locations": [_location(fault.place, here)],
        **({"relatedLocations": related} if related else {}),
        "partialFingerprints": {"about/v1": _fingerprint(finding, time)},
        "properties": {"suggestion": fault.suggestion, "about": fault.about},
    }


def _location(place: Place, here: Path) -> dict[str, Json]:
    return {
        "physicalLocation": {
            "artifactLocation": _address(place.path, here),
            "region": {"startLine": place.line, "startColumn": place.column},
        }
    }


def _address(path: str, here: Path) -> Json:
    resolved = Path(path).resolve()
    if resolved.is_relative_to(here.resolve()):
        relative = resolved.relative_to(here.resolve()).as_posix()
        return {"uri": quote(relative), "uriBaseId": ROOT}
    return {"uri": resolved.as_uri()}


def _fingerprint(finding: Finding, time: int) -> str:
    """The same for the same fault wherever its line has moved to; ``time`` tells equal ones apart,
    as a name that is wrong in two commands."""
    about = f"{finding.rule.id}\0{finding.fault.about}\0{time}"
    return hashlib.sha256(about.encode()).hexdigest()[:32]


def _version() -> str:
    try:
        return version("zoo-conformance")
    except PackageNotFoundError:
        return "0"
