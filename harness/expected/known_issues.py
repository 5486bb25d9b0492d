"""``expected/known_issues.toml``: what is known not to hold, where exactly, and until when.

::

    [[issue]]
    case = "suites/test_export.py::test_onnx[resnext-ppcls-resnext101_32x48d_wsl-*]"
    stage = "export"
    error = "ExportError"
    reason = "…"
    since = 2030-01-01
    expires = 2030-06-30
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from harness import errors
from harness.errors import (
    ExpectationError,
    ExpiredKnownIssue,
    NonConformance,
    Regression,
    StageError,
    UnmatchedKnownIssue,
)
from harness.records import KnownIssue
from harness.runtime.document import ExpectedTable, Gathered, suggestion

FIELDS = ("case", "stage", "error", "reason", "since", "expires", "message")

JUDGE = "judge"
"""The stage of the two assertions, which no step of the pipeline raises."""

ERRORS: Mapping[str, type[BaseException]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type)
    and (
        kind in (NonConformance, Regression)
        or (issubclass(kind, StageError) and kind is not StageError)
    )
}
"""The errors a known issue may name: precise ones that a case fails with. What is merely not here
is skipped, and what is wrong with the expectations is nobody's known issue."""

_CASE = re.compile(r"[^*?]+::[^*?\[]+(\[.*\])?", re.DOTALL)


def stage_of(error: str) -> str:
    """The stage that an error named in :data:`ERRORS` belongs to."""
    return str(getattr(ERRORS[error], "stage", JUDGE))


def read_known_issues(path: Path, *, today: date) -> tuple[KnownIssue, ...]:
    """Read and validate a file of known issues; none is fine. An issue lives through ``expires``.

    Raises:
        UnknownKey: a field, stage or error that does not exist, with the nearest that does.
        ExpiredKnownIssue: ``today`` is later than an issue's last day.
        ExpectationError: a field is missing or wrong, stage and error do not belong together, or
            a pattern covers more than one test function or all of its cases.
    """
    document = ExpectedTable.load(path)
    document.only(("issue",))
    faults = Gathered()
    issues = faults.of(_issue, document.tables("issue"), today)
    faults.require_none()
    return issues


def match(issues: Iterable[KnownIssue], case_ids: Iterable[str]) -> dict[str, KnownIssue]:
    """The issue of each case that has one. In patterns only ``*`` and ``?`` are special.

    Args:
        issues: as read.
        case_ids: *all* test ids of the suite, not only the selected ones.

    Raises:
        UnmatchedKnownIssue: an issue matches no case; names the nearest one.
        ExpectationError: two issues match one case.
    """
    cases = tuple(case_ids)
    matched: dict[str, KnownIssue] = {}
    for issue in issues:
        pattern = _compiled(issue.case)
        hits = [case for case in cases if pattern.fullmatch(case)]
        if not hits:
            raise UnmatchedKnownIssue(
                f"known issue {issue.case!r} matches no case{suggestion(issue.case, cases)}: "
                "correct the pattern, or remove the issue"
            )
        for case in hits:
            if case in matched:
                raise ExpectationError(
                    f"{case} is matched by two known issues, {matched[case].case!r} "
                    f"and {issue.case!r}"
                )
            matched[case] = issue
    return matched


def _issue(table: ExpectedTable, today: date) -> KnownIssue:
    table.only(FIELDS)
    issue = KnownIssue(
        case=_pattern(table),
        stage=table.one_of("stage", sorted({stage_of(error) for error in ERRORS})),
        error=table.one_of("error", ERRORS),
        reason=table.text("reason"),
        since=table.day("since"),
        expires=table.day("expires"),
        message=table.optional_text("message") or "",
    )
    if issue.stage != stage_of(issue.error):
        raise ExpectationError(
            f"{table.where('stage')} is {issue.stage!r}, "
            f"but {issue.error} is raised at {stage_of(issue.error)!r}"
        )
    if issue.expires < issue.since:
        raise ExpectationError(
            f"{table.where('expires')} is {issue.expires}, before since = {issue.since}"
        )
    if issue.expires < today:
        raise ExpiredKnownIssue(
            f"{table.where('expires')}: {issue.case!r} was known until {issue.expires} "
            f"({issue.reason}): mend it, or decide on a new date"
        )
    return issue


def _pattern(table: ExpectedTable) -> str:
    pattern = table.text("case")
    if not _CASE.fullmatch(pattern):
        raise table.wrong("case", "'file.py::test_name[…]' with wildcards inside the brackets only")
    parameters = pattern.partition("[")[2].removesuffix("]")
    if "[" in pattern and not re.search(r"\w", parameters):
        raise table.wrong("case", "a pattern that does not cover every case of the test")
    return pattern


def _compiled(pattern: str) -> re.Pattern[str]:
    # fnmatch would read the brackets of a test id as a set of characters.
    parts = ({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.compile("".join(parts), re.DOTALL)
