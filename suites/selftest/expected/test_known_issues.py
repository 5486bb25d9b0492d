"""A known issue is precise, dated and alive, or the run does not start."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from harness.errors import ExpectationError, ExpiredKnownIssue, UnknownKey, UnmatchedKnownIssue
from harness.expected.known_issues import match, read_known_issues
from harness.records import KnownIssue

pytestmark = [
    pytest.mark.shows(
        "a known issue hides another fault, or outlives its mending",
        by="strict, typed, dated; has to match a case",
    )
]

SHIPPED = Path(__file__).resolve().parents[3] / "expected" / "known_issues.toml"
TODAY = date(2030, 3, 1)

FIELDS = {
    "case": '"suites/test_export.py::test_onnx[resnext-ppcls-x-*]"',
    "stage": '"export"',
    "error": '"ExportError"',
    "reason": '"protobuf limit"',
    "since": "2030-01-01",
    "expires": "2030-06-30",
}

CASES = [
    "suites/test_export.py::test_onnx[resnext-ppcls-x-opset11]",
    "suites/test_export.py::test_onnx[resnext-ppcls-x-opset19]",
    "suites/test_export.py::test_onnx[resnext-ppcls-xl-opset11]",
    "suites/test_export.py::test_torchscript[resnext-ppcls-x-opset11]",
]


def read(tmp_path: Path, *, today: date = TODAY, **changes: str | None) -> tuple[KnownIssue, ...]:
    fields = {key: value for key, value in (FIELDS | changes).items() if value is not None}
    path = tmp_path / "known_issues.toml"
    lines = [f"{key} = {value}" for key, value in fields.items()]
    path.write_text("\n".join(["[[issue]]", *lines]), encoding="utf-8")
    return read_known_issues(path, today=today)


def test_an_issue_is_matched_to_its_cases_and_no_others(tmp_path: Path) -> None:
    (issue,) = read(tmp_path)
    assert match([issue], CASES) == {CASES[0]: issue, CASES[1]: issue}


def test_brackets_in_a_pattern_are_brackets(tmp_path: Path) -> None:
    (issue,) = read(tmp_path, case=f'"{CASES[0]}"')
    assert match([issue], CASES) == {CASES[0]: issue}


def test_an_issue_that_matches_nothing_is_an_error(tmp_path: Path) -> None:
    (issue,) = read(tmp_path, case='"suites/test_export.py::test_onnx[resnext-ppcls-y-opset11]"')
    with pytest.raises(UnmatchedKnownIssue, match=r"did you mean '.*resnext-ppcls-x-opset11\]'"):
        match([issue], CASES)


def test_a_case_with_two_issues_is_an_error(tmp_path: Path) -> None:
    issues = read(tmp_path) + read(tmp_path, case=f'"{CASES[1]}"')
    with pytest.raises(ExpectationError, match=r"opset19.* is matched by two known issues"):
        match(issues, CASES)


def test_an_issue_lives_through_its_last_day(tmp_path: Path) -> None:
    assert read(tmp_path, today=date(2030, 6, 30))
    with pytest.raises(ExpiredKnownIssue, match=r"known until 2030-06-30 \(protobuf limit\)"):
        read(tmp_path, today=date(2030, 7, 1))


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_mandatory(tmp_path: Path, field: str) -> None:
    with pytest.raises(ExpectationError, match=rf"toml: issue\[1\]\.{field} is missing"):
        read(tmp_path, **{field: None})


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "suites/*::test_onnx[x]",
        "suites/test_export.py::*",
        "suites/test_export.py::test_onnx*",
        "suites/test_export.py::test_onnx[*]",
        "suites/test_export.py::test_onnx[*-?]",
        "test_onnx[x]",
    ],
)
def test_a_pattern_that_covers_too_much_is_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ExpectationError, match=r"issue\[1\]\.case is .*, expected"):
        read(tmp_path, case=f'"{pattern}"')


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"error": '"ExporterError"'}, r"unknown error 'ExporterError' \(did you mean 'ExportErr"),
        ({"error": '"StageError"'}, "unknown error 'StageError'"),
        ({"error": '"MissingWeights"'}, "unknown error 'MissingWeights'"),
        ({"stage": '"exprot"'}, r"unknown stage 'exprot' \(did you mean 'export'"),
        ({"stage": '"compile"'}, "'compile', but ExportError is raised at 'export'"),
        ({"error": '"NonConformance"'}, "NonConformance is raised at 'judge'"),
        ({"expires": "2029-12-31"}, "before since"),
        ({"expires": '"2030-06-30"'}, "expected a date such as 2030-01-31, without quotes"),
        ({"since": "2030-01-01T10:00:00"}, "expected a date"),
        ({"reason": '"  "'}, "expected a text that is not blank"),
        ({"owner": '"me"'}, r"issue\[1\]\.owner: unknown key"),
    ],
)
def test_a_wrong_field_is_refused_by_name(
    tmp_path: Path, changes: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ExpectationError, match=complaint):
        read(tmp_path, **changes)


def test_a_mistyped_table_is_not_ignored(tmp_path: Path) -> None:
    path = tmp_path / "known_issues.toml"
    path.write_text("[[issues]]\n", encoding="utf-8")
    with pytest.raises(UnknownKey, match=r"issues: unknown key \(did you mean 'issue'"):
        read_known_issues(path, today=TODAY)


def test_the_shipped_file_is_good() -> None:
    assert read_known_issues(SHIPPED, today=date(2026, 12, 1))
