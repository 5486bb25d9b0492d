"""Rules put to a zoo."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches

from harness.errors import HarnessError
from harness.lint.findings import Finding, LintRule, Severity
from harness.lint.zoo import Zoo


def lint(zoo: Zoo, rules: Iterable[LintRule]) -> tuple[Finding, ...]:
    """What the rules find, in the order of files, lines and columns."""
    found = [Finding(rule, fault) for rule in rules for fault in rule.check(zoo)]
    return tuple(sorted(found, key=_place))


def without(rules: Sequence[LintRule], ignored: Collection[str]) -> tuple[LintRule, ...]:
    """The rules that are not ignored.

    Raises:
        HarnessError: an ignored rule does not exist.
    """
    known = [rule.id for rule in rules]
    for name in ignored:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise HarnessError(f"no rule {name!r}; {hint}")
    return tuple(rule for rule in rules if rule.id not in ignored)


def reaches(findings: Iterable[Finding], severity: Severity) -> bool:
    """Whether any finding weighs as much as that."""
    return any(finding.severity >= severity for finding in findings)


def _place(finding: Finding) -> tuple[str, int, int, str]:
    place = finding.fault.place
    return place.path, place.line, place.column, finding.rule.id
