"""Each way that a case can end has its own word, in the run log and at the end of the run."""

from __future__ import annotations

from pathlib import Path

import endings
import pytest
from small_runs import ROW, SLUG, RunGate

from harness.errors import ExportError
from harness.records import Metric, Outcome
from harness.reporting.results import CaseOutcome

pytest_plugins = ["pytester"]


def by_test(outcomes: dict[str, CaseOutcome]) -> dict[str, CaseOutcome]:
    """Outcomes by the test's name alone."""
    return {case.partition("[")[0]: outcome for case, outcome in outcomes.items()}


def test_every_ending_has_its_word(run_gate: RunGate) -> None:
    assert by_test(run_gate(test_endings=endings.SOURCE).outcomes) == endings.OUTCOMES


def test_two_workers_come_to_the_same(run_gate: RunGate) -> None:
    run = run_gate("-n", "2", row="resnext/timm/*50_32x4d", apart=True, test_endings=endings.SOURCE)
    plain = run_gate(row="resnext/timm/*50_32x4d", test_endings=endings.SOURCE)
    assert run.outcomes == plain.outcomes
    assert (run.code, len(run.outcomes)) == (plain.code, 3 * len(endings.OUTCOMES))
    assert (run.log.complete, plain.log.complete) == (True, True)


def test_the_log_is_whole_and_has_its_footer(run_gate: RunGate) -> None:
    log = run_gate(test_endings=endings.SOURCE).log
    assert (log.problem, log.exit_status, len(log.results)) == ("", 1, len(endings.OUTCOMES))


def test_the_log_keeps_what_a_case_found(run_gate: RunGate) -> None:
    result = run_gate(test_endings=endings.SOURCE).results[f"test_holds[{SLUG}]"]
    (claim,), (figure,) = result.claims, result.measurements
    assert (result.row, result.stage) == (ROW, "export")
    assert (claim.metric, claim.outcome) == (Metric.TOP1, Outcome.CONFORMS)
    assert (figure.name, figure.value, figure.unit) == ("top1", 3.0, "%")


ABOUT = """
def test_row(row_case, record): pass
def test_int8(int8_case, record): pass
def test_top1(accuracy_case, record): pass
def test_free(record): pass
"""


def test_the_log_says_what_a_case_ran_on_where_it_is_documented_and_what_repeats_it(
    run_gate: RunGate,
) -> None:
    run = run_gate("--precision", "int8", test_about=ABOUT)
    told = {
        case.replace(SLUG, "row"): (one.backend, one.precision, one.place)
        for case, one in run.results.items()
    }
    place = "resnext.md:49"
    assert told == {
        "test_row[row]": ("", "", place),
        "test_int8[row-onnxruntime-int8]": ("onnxruntime", "int8", place),
        "test_top1[row-top1-int8]": ("onnxruntime", "int8", place),
        "test_top1[row-top5-int8]": ("onnxruntime", "int8", place),
        "test_free": ("", "", ""),
    }
    command = run.results[f"test_row[{SLUG}]"].command
    assert command.startswith(f"pytest 'test_about.py::test_row[{SLUG}]' ")
    assert "--precision=int8" in command.split()


def test_the_ending_counts_what_is_in_the_log(run_gate: RunGate) -> None:
    ending = " ".join(run_gate(test_endings=endings.SOURCE).printed.split())
    assert "1 passed, 2 failed, 4 errored, 1 inconclusive, 2 not measured, 1 skipped" in ending
    assert "1 of 1 rows have cases (28 more were not chosen); 1 of 5 claims reproduced" in ending


def test_a_failed_step_is_told_in_its_words_and_not_as_a_traceback(
    run_gate: RunGate, tmp_path: Path
) -> None:
    run = run_gate("-k", "step_broke", f"--weights={tmp_path}", test_endings=endings.SOURCE)
    printed = " ".join(run.printed.split())
    assert f"export failed: nothing was written [a, {ROW}, resnext.md:49]" in printed
    case = f"test_endings.py::test_step_broke[{SLUG}]"
    assert f"repeat: pytest '{case}' --weights={tmp_path}" in printed, "just this, as it was run"
    assert "python -m again" not in printed
    assert "Traceback" not in printed
    assert "raise ExportError" not in printed


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("", f"[{ROW}, resnext.md:49]"),
        (ROW, f"[{ROW}, resnext.md:49]"),
        ("model.onnx", f"[model.onnx, {ROW}, resnext.md:49]"),
        (ROW[:-1], f"[{ROW[:-1]}, {ROW}, resnext.md:49]"),
    ],
)
def test_a_step_that_broke_has_row_and_line_beside_its_tools_own_word(own: str, told: str) -> None:
    error = ExportError("no", case=own).repeated_by("pytest", case=f"{ROW}, resnext.md:49")
    assert f"export failed: no {told}" in str(error)
    assert f"[{own}]" * bool(own) in str(ExportError("no", case=own).repeated_by("pytest"))


def test_what_is_not_measured_is_a_skip(run_gate: RunGate) -> None:
    run = run_gate("-k", "not_measured or not_here", test_endings=endings.SOURCE)
    assert (run.code, "2 skipped" in run.printed) == (0, True)


def test_a_required_stage_fails_where_it_is_not_measured(run_gate: RunGate) -> None:
    run = run_gate(
        "--require=accuracy", "-k", "not_measured or not_here", test_endings=endings.SOURCE
    )
    assert by_test(run.outcomes) == {
        "test_not_measured": CaseOutcome.FAILED,
        "test_not_here": CaseOutcome.NOT_MEASURED,
    }
    assert run.code == pytest.ExitCode.TESTS_FAILED


def test_a_required_stage_that_is_measured_holds(run_gate: RunGate) -> None:
    assert run_gate("--require=export", "-k", "test_holds", test_endings=endings.SOURCE).code == 0


def test_a_test_about_no_row_leaves_no_log_even_if_its_id_has_one(run_gate: RunGate) -> None:
    source = f"""
    import pytest

    @pytest.mark.parametrize("name", ["{SLUG}"])
    def test_name(name): pass
    """
    run = run_gate(test_names=source)
    assert (run.code, run.log_path.exists()) == (0, False)


def test_a_case_whose_hosts_were_lost_is_red(run_gate: RunGate) -> None:
    lost = "def test_row(row_case, record): raise LostHost('gone')"
    run = run_gate(test_lost=f"from harness.errors import LostHost\n{lost}")
    assert list(run.outcomes.values()) == [CaseOutcome.ERRORED]
    assert run.code == 1


FIRST = """
import pytest

@pytest.mark.preprocessing
def test_images(record): assert False, "blurred"

@pytest.mark.preprocessing
def test_others(record): pass

def test_row(row_case, record): pass
"""


@pytest.mark.shows(
    "what fails before the first row is in no log", by="results are kept until the log is opened"
)
def test_what_ends_before_the_first_row_is_in_the_log_too(run_gate: RunGate) -> None:
    run = run_gate(test_first=FIRST)
    assert by_test(run.outcomes) == {
        "test_images": CaseOutcome.FAILED,
        "test_others": CaseOutcome.PASSED,
        "test_row": CaseOutcome.PASSED,
    }
    assert run.log.complete
    assert "May this ship? No" in run.printed


@pytest.mark.shows("a self-test skips over what it should have found broken", by="it fails")
def test_a_self_test_does_not_skip_by_what_it_calls(run_gate: RunGate) -> None:
    source = (Path(__file__).parents[1] / "conftest.py").read_text(encoding="utf-8")
    lacking = "from harness.errors import MissingSource\ndef test_a(): raise MissingSource('no')"
    assert run_gate(row="", test_lacking=lacking).code == 0, "a case of the gate is not measured"
    run = run_gate("-p", "selftests", row="", apart=True, selftests=source, test_lacking=lacking)
    assert run.code == 1
    assert "not available to a self-test: no" in run.printed
