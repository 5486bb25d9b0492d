"""A known issue is known exactly as it stands: neither a fix nor another failure slips by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from small_runs import OTHER_SLUG, SLUG, RunGate

from harness.reporting.results import CaseOutcome

pytest_plugins = ["pytester"]

TODAY = datetime.now(UTC).date()
CASE = f"test_export.py::test_export[{SLUG}]"


def write_issue(
    expected: Path,
    case: str = CASE,
    *,
    error: str = "ExportError",
    expires_in: int = 30,
    message: str = "nothing",
) -> None:
    """One known issue, at the stage of ``ExportError``."""
    (expected / "known_issues.toml").write_text(
        f'[[issue]]\ncase = "{case}"\nstage = "export"\nerror = "{error}"\n'
        'reason = "the limit of 2 GiB"\n'
        f'message = "{message}"\n'
        f"since = {TODAY - timedelta(days=90)}\nexpires = {TODAY + timedelta(days=expires_in)}\n"
    )


def failing(error: str) -> dict[str, str]:
    """A test that fails with an error of the harness, and one beside it that holds."""
    return {
        "test_export": f"""
        from harness import errors

        def test_export(row_case, record):
            {error}

        def test_other(row_case, record): pass
        """
    }


AS_STATED = "raise errors.ExportError('nothing was written')"


def test_without_an_issue_the_failure_is_red(run_gate: RunGate) -> None:
    run = run_gate(**failing(AS_STATED))
    assert (run.code, run.outcomes[f"test_export[{SLUG}]"]) == (1, CaseOutcome.ERRORED)


def test_a_failure_as_stated_is_known(run_gate: RunGate, expected: Path) -> None:
    write_issue(expected)
    run = run_gate(**failing(AS_STATED))
    result = run.results[f"test_export[{SLUG}]"]
    assert (run.code, result.outcome) == (0, CaseOutcome.KNOWN_ISSUE)
    assert result.known_issue is not None
    assert result.known_issue.reason == "the limit of 2 GiB"
    assert "nothing was written" in result.reason


def test_the_same_error_with_another_message_turns_the_run_red(
    run_gate: RunGate, expected: Path
) -> None:
    write_issue(expected, message="2 GiB of protobuf")
    run = run_gate(**failing(AS_STATED))
    assert (run.code, run.outcomes[f"test_export[{SLUG}]"]) == (1, CaseOutcome.FAILED)
    assert "known to fail with '2 GiB of protobuf', but failed otherwise" in run.printed


def test_a_known_issue_is_told_at_the_end_with_its_last_day(
    run_gate: RunGate, expected: Path
) -> None:
    write_issue(expected)
    run = run_gate(**failing(AS_STATED))
    assert f"until {TODAY + timedelta(days=30)}" in " ".join(run.printed.split())


@pytest.mark.shows("a known issue hides another fault, or outlives its mending")
def test_a_fix_turns_the_run_red(run_gate: RunGate, expected: Path) -> None:
    write_issue(expected)
    run = run_gate(**failing("pass"))
    assert (run.code, run.outcomes[f"test_export[{SLUG}]"]) == (1, CaseOutcome.FAILED)
    assert "[XPASS(strict)] the limit of 2 GiB" in run.printed


@pytest.mark.shows("a known issue hides another fault, or outlives its mending")
@pytest.mark.parametrize(
    "error",
    [
        "raise errors.RunError('it cannot be run')",
        "raise errors.NonConformance('too far off')",
        "raise RuntimeError('another thing altogether')",
        "assert False",
    ],
    ids=["stage", "conformance", "crash", "assertion"],
)
def test_a_failure_of_another_kind_turns_the_run_red(
    run_gate: RunGate, expected: Path, error: str
) -> None:
    write_issue(expected)
    run = run_gate(**failing(error))
    outcome = run.outcomes[f"test_export[{SLUG}]"]
    assert (run.code, outcome in (CaseOutcome.FAILED, CaseOutcome.ERRORED)) == (1, True)


def test_what_is_not_available_does_not_become_known(run_gate: RunGate, expected: Path) -> None:
    write_issue(expected)
    run = run_gate(**failing("raise errors.MissingSource('not installed')"))
    assert run.outcomes[f"test_export[{SLUG}]"] is CaseOutcome.NOT_MEASURED


def test_only_the_named_row_is_excused(run_gate: RunGate, expected: Path) -> None:
    write_issue(expected)
    run = run_gate(row="resnext/*/resnext50_32x4d", **failing(AS_STATED))
    assert run.code == 1
    assert run.outcomes[f"test_export[{SLUG}]"] is CaseOutcome.KNOWN_ISSUE
    assert run.outcomes[f"test_export[{OTHER_SLUG}]"] is CaseOutcome.ERRORED


def test_an_issue_about_a_row_that_does_not_exist_is_refused(
    run_gate: RunGate, expected: Path
) -> None:
    write_issue(expected, CASE.replace("timm", "tinn"))
    run = run_gate(**failing(AS_STATED))
    (error,) = run.errors
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert "matches no case" in error
    assert CASE in error  # the nearest one


def test_an_issue_about_a_test_that_is_not_run_is_left_alone(
    run_gate: RunGate, expected: Path
) -> None:
    write_issue(expected, CASE.replace("test_export.py", "test_elsewhere.py"))
    assert run_gate(**failing("pass")).code == 0


def test_an_issue_about_a_row_that_is_not_selected_is_left_alone(
    run_gate: RunGate, expected: Path
) -> None:
    write_issue(expected, CASE.replace(SLUG, OTHER_SLUG))
    assert run_gate(**failing("pass")).code == 0


@pytest.mark.parametrize("workers", ["0", "2"])
def test_an_expired_issue_is_refused(run_gate: RunGate, expected: Path, workers: str) -> None:
    write_issue(expected, expires_in=-1)
    run = run_gate("-n", workers, apart=True, **failing(AS_STATED))
    (error,) = run.errors
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert "was known until" in error
    assert "mend it, or decide on a new date" in error


def test_an_issue_holds_through_its_last_day(run_gate: RunGate, expected: Path) -> None:
    write_issue(expected, expires_in=0)
    assert run_gate(**failing(AS_STATED)).code == 0


@pytest.mark.parametrize("error", ["HarnessError", "MissingSource", "ExpotError"])
def test_an_issue_that_excuses_too_much_is_refused(
    run_gate: RunGate, expected: Path, error: str
) -> None:
    write_issue(expected, error=error)
    run = run_gate(**failing(AS_STATED))
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert f"unknown error '{error}'" in run.errors[0]


@pytest.mark.parametrize(
    ("backend", "code"), [("onnxruntime", 0), ("openvino-qdq", 0), ("openvino", 4)]
)
def test_an_issue_about_a_backend_that_is_not_run_is_left_alone(
    run_gate: RunGate, expected: Path, backend: str, code: int
) -> None:
    write_issue(expected, f"test_int8.py::test_int8[{OTHER_SLUG}-gone-openvino-int8]")
    run = run_gate(f"--backend={backend}", test_int8="def test_int8(int8_case): pass")
    assert run.code == code
