"""A step that fails is the failure of one case; what needs it too is blocked, and never green."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from small_runs import OTHER, OTHER_SLUG, ROW, SLUG, RunGate

from harness.expected.float_operators import FloatOperators
from harness.pipeline.building import Settings
from harness.pipeline.catalogue import EXPECTED, read_catalogue
from harness.pipeline.pipeline import Pipeline
from harness.plugin import foundations
from harness.reporting.results import CaseOutcome

pytest_plugins = ["pytester"]

SUITES = Path(__file__).parents[2]
BOTH = "resnext/*/resnext50_32x4d"
FIRST = "test_a_b.py::test_built"
BROKEN = """
import pytest
from harness.errors import BuildError, ExportError

def build(model):
    raise BuildError("killed by SIGSEGV, last seen at 812 MiB", case=model.id)

@pytest.mark.complexity
def test_built(row_case):
    build(row_case.model)

@pytest.mark.export
def test_exported(row_case):
    build(row_case.model)

@pytest.mark.export
def test_another_fault(row_case):
    raise ExportError("opset 99", case=row_case.model.id)

@pytest.mark.int8
def test_compiled(row_case):
    build(row_case.model)

@pytest.mark.page
def test_sound(row_case): pass
"""
AGAINST_ANOTHER = f"""
import pytest
from harness.errors import BuildError

def reference(row):
    raise BuildError("no network", case=row)

@pytest.mark.export
def test_own(row_case):
    if row_case.model.id == "{OTHER}":
        reference("{OTHER}")

@pytest.mark.export
def test_against_the_first(row_case):
    reference("{OTHER}")
"""

RESTS_ON_ANOTHER = """
from harness.plugin.blocking import Rest
from harness.records import Outcome, Verdict

RIGHT = Verdict(Outcome.CONFORMS, "params = 6")
WRONG = Verdict(Outcome.DOES_NOT_CONFORM, "params = 7, pinned 6")

def test_counted(row_case, record):
    record.judge(WRONG)

def test_printed(row_case, record):
    record.judge(RIGHT, rests_on=[Rest("test_counted", WRONG)])

def test_sound(row_case, record):
    record.judge(RIGHT, rests_on=[Rest("test_counted", RIGHT)])
"""
ONLY_HELD_AGAINST = f"""
import pytest
from harness.errors import BuildError

def test_against_the_first(row_case):
    if row_case.model.id == "{OTHER}":
        pytest.skip("the first row of its network")
    raise BuildError("no network", case="{OTHER}")

def test_sound(row_case): pass
"""


ANOTHER_NETWORK = """
from pathlib import Path
import pytest
from harness.counting.counts import Counts
from harness.errors import BuildError
from harness.pipeline.building import Settings
from harness.pipeline.pinned import pinned_params
from harness.pipeline.pipeline import Pipeline
from harness.plugin.foundations import networks
from harness.records import Outcome, Verdict

class Library(Pipeline):
    def counts_of(self, model):
        return {"true": Counts(7, 6)}

@pytest.fixture
def pipeline():
    return Library(Settings(Path("none.yaml")))

def test_true_params_are_those_of_the_pinned_network(row_case, pipeline, record):
    record.judge(pinned_params(pipeline, row_case.model))

def test_built(row_case, pipeline):
    raise BuildError("weights do not fit the network", case=row_case.model.id)

def test_agrees(row_case, pipeline, record):
    logits = Verdict(Outcome.DOES_NOT_CONFORM, "logits differ")
    record.judge(logits, rests_on=networks(pipeline, row_case.model))
"""
PINNED = "test_true_params_are_those_of_the_pinned_network"


def outcomes(run_gate: RunGate, *options: str, **how: str) -> dict[str, CaseOutcome]:
    """What came of each case, by its id without the file."""
    return run_gate(*options, apart="-n" in options, **how).outcomes


def test_one_case_fails_and_the_others_are_blocked_by_it(run_gate: RunGate) -> None:
    run = run_gate(test_a_b=BROKEN)
    assert run.outcomes == {
        f"test_built[{SLUG}]": CaseOutcome.ERRORED,
        f"test_exported[{SLUG}]": CaseOutcome.BLOCKED,
        f"test_another_fault[{SLUG}]": CaseOutcome.ERRORED,
        f"test_compiled[{SLUG}]": CaseOutcome.BLOCKED,
        f"test_sound[{SLUG}]": CaseOutcome.PASSED,
    }
    assert {one.blocked_by for one in run.results.values()} == {"", f"{FIRST}[{SLUG}]"}
    assert re.search(r"= 2 failed, 1 passed, \d+ deselected, 2 blocked in", run.printed)
    assert f"2 by {FIRST}[{SLUG}]" in run.printed
    told = run.printed.partition("short test summary info")[0]  # pytest cuts its lines, but in CI
    assert told.count("812 MiB") == 2, "told with the failure, and not with what it blocks"


def test_where_the_origin_was_not_chosen_the_first_that_meets_it_is(run_gate: RunGate) -> None:
    found = outcomes(run_gate, "-k", "exported or compiled", test_a_b=BROKEN)
    assert found == {
        f"test_exported[{SLUG}]": CaseOutcome.ERRORED,
        f"test_compiled[{SLUG}]": CaseOutcome.BLOCKED,
    }


@pytest.mark.parametrize("word", ["model.onnx", ""])
def test_a_tool_that_calls_the_case_otherwise_fails_it_once_too(
    run_gate: RunGate, word: str
) -> None:
    """Such as a vendor's compiler, which knows its files and not the row."""
    found = outcomes(run_gate, test_a_b=BROKEN.replace("case=model.id", f"case={word!r}"))
    assert found[f"test_built[{SLUG}]"] is CaseOutcome.ERRORED
    assert found[f"test_exported[{SLUG}]"] is CaseOutcome.BLOCKED
    assert found[f"test_compiled[{SLUG}]"] is CaseOutcome.BLOCKED


def test_each_row_has_a_failure_of_its_own(run_gate: RunGate) -> None:
    found = outcomes(run_gate, row="resnext/timm/*50_32x4d", test_a_b=BROKEN)
    assert sum(one is CaseOutcome.ERRORED for one in found.values()) == 6
    assert sum(one is CaseOutcome.BLOCKED for one in found.values()) == 6


def test_a_row_that_is_held_against_another_is_blocked_by_it(run_gate: RunGate) -> None:
    run = run_gate(row=BOTH, test_a_b=AGAINST_ANOTHER)
    assert run.outcomes[f"test_own[{OTHER_SLUG}]"] is CaseOutcome.ERRORED
    assert run.results[f"test_against_the_first[{SLUG}]"].blocked_by == OTHER
    assert sum(one is CaseOutcome.ERRORED for one in run.outcomes.values()) == 1


def test_of_rows_held_against_one_that_was_not_chosen_the_first_fails(run_gate: RunGate) -> None:
    found = outcomes(run_gate, row="resnext/[tp]*/resnext50_32x4d", test_a_b=AGAINST_ANOTHER)
    told = [one for one in found.values() if one is not CaseOutcome.PASSED]
    assert sorted(told) == [CaseOutcome.BLOCKED, CaseOutcome.BLOCKED, CaseOutcome.ERRORED]


@pytest.mark.parametrize("source", [BROKEN, AGAINST_ANOTHER], ids=["one row", "two rows"])
def test_two_workers_find_the_same_origins(run_gate: RunGate, source: str) -> None:
    alone = run_gate(row=BOTH, test_a_b=source)
    two = run_gate("-n", "2", row=BOTH, apart=True, test_a_b=source)
    assert two.outcomes == alone.outcomes
    origins = [{case: one.blocked_by for case, one in run.results.items()} for run in (alone, two)]
    assert origins[0] == origins[1]


@pytest.mark.shows(
    "what a failed step keeps from being judged reads as a pass, or as nothing",
    by="it is blocked, counted, and red by itself",
)
def test_what_is_only_blocked_is_not_green(run_gate: RunGate) -> None:
    """The origin's own row was chosen, and none of its chosen cases needs the step."""
    run = run_gate(row=BOTH, test_a_b=ONLY_HELD_AGAINST)
    assert run.outcomes[f"test_against_the_first[{SLUG}]"] is CaseOutcome.BLOCKED
    assert CaseOutcome.ERRORED not in run.outcomes.values()
    assert run.code == 1


def test_a_verdict_that_rests_on_a_wrong_one_is_blocked(run_gate: RunGate) -> None:
    run = run_gate(test_a_b=RESTS_ON_ANOTHER)
    assert run.outcomes == {
        f"test_counted[{SLUG}]": CaseOutcome.FAILED,
        f"test_printed[{SLUG}]": CaseOutcome.BLOCKED,
        f"test_sound[{SLUG}]": CaseOutcome.PASSED,
    }
    assert run.results[f"test_printed[{SLUG}]"].blocked_by == f"test_a_b.py::test_counted[{SLUG}]"


def test_a_verdict_is_judged_by_itself_where_the_other_was_not_chosen(run_gate: RunGate) -> None:
    found = outcomes(run_gate, "-k", "printed", test_a_b=RESTS_ON_ANOTHER)
    assert found == {f"test_printed[{SLUG}]": CaseOutcome.PASSED}


def test_another_network_is_one_failure_whatever_comes_of_it(run_gate: RunGate) -> None:
    run = run_gate(test_a_b=ANOTHER_NETWORK)
    assert run.outcomes == {
        f"{PINNED}[{SLUG}]": CaseOutcome.FAILED,
        f"test_built[{SLUG}]": CaseOutcome.BLOCKED,
        f"test_agrees[{SLUG}]": CaseOutcome.BLOCKED,
    }
    assert {one.blocked_by for one in run.results.values()} == {
        "",
        f"test_a_b.py::{PINNED}[{SLUG}]",
    }


def test_where_nobody_counts_it_what_comes_of_another_network_fails(run_gate: RunGate) -> None:
    found = outcomes(run_gate, "-k", "built or agrees", test_a_b=ANOTHER_NETWORK)
    assert found == {
        f"test_built[{SLUG}]": CaseOutcome.ERRORED,
        f"test_agrees[{SLUG}]": CaseOutcome.FAILED,
    }


def test_what_suites_rest_on_are_tests_that_there_are() -> None:
    text = "".join(path.read_text() for path in SUITES.glob("test_*.py"))
    declared = Path(foundations.__file__).read_text()
    named = set(re.findall(r'"(test_\w+)"', declared))
    named |= set(re.findall(r'Rest\("(\w+)"', text))
    assert len(named) == 10
    assert all(f"def {name}(" in text for name in named)


def test_what_verdicts_rest_on_are_cases_that_there_are(tmp_path: Path) -> None:
    """On every kind of backend: with a name that no case has, nothing would ever be blocked."""
    names = ("onnxruntime", "torch", "vendor")
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    command += [*(f"--backend={name}" for name in names), f"--row={ROW}", f"--store={tmp_path}"]
    collected = subprocess.run(
        command, cwd=SUITES.parent, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    ids = {line.partition("::")[2] for line in collected}
    model = read_catalogue().one(ROW)
    pipeline, declared = Pipeline(Settings(EXPECTED / "build/embedded.yaml")), FloatOperators(())
    for name in names:
        for rest in (
            *foundations.networks(pipeline, model),
            *foundations.int8(pipeline, model, name, declared),
        ):
            case = rest.case or f"{SLUG}-{name}-int8"
            has = name != "torch" or rest.test not in (foundations.PARAMETERS, foundations.HEAVY)
            assert (f"{rest.test}[{case}]" in ids) == has, (name, rest.test)


def test_under_require_it_is_an_error(run_gate: RunGate) -> None:
    run = run_gate("--require=int8", test_a_b=BROKEN)
    assert "1 error" in run.printed
    assert f"blocked by {FIRST}[{SLUG}]" in run.printed
    assert run.outcomes[f"test_compiled[{SLUG}]"] is CaseOutcome.BLOCKED


def test_junit_has_an_error_that_says_so(run_gate: RunGate, tmp_path: Path) -> None:
    run_gate(f"--junit-xml={tmp_path / 'junit.xml'}", test_a_b=BROKEN)
    cases = {one.get("name", ""): one for one in ET.parse(tmp_path / "junit.xml").iter("testcase")}
    (error,) = cases[f"test_compiled[{SLUG}]"]
    assert error.tag == "error"
    assert f"blocked by {FIRST}" in error.get("message", "")


def test_what_is_known_to_fail_blocks_nothing(run_gate: RunGate, expected: Path) -> None:
    """A debt hides its own case alone."""
    (expected / "known_issues.toml").write_text(
        f'[[issue]]\ncase = "{FIRST}[{SLUG}]"\nstage = "build"\nerror = "BuildError"\n'
        'message = "SIGSEGV"\nreason = "the library crashes"\n'
        "since = 2026-11-01\nexpires = 2099-01-01\n"
    )
    found = outcomes(run_gate, test_a_b=BROKEN)
    assert found[f"test_built[{SLUG}]"] is CaseOutcome.KNOWN_ISSUE
    assert found[f"test_exported[{SLUG}]"] is CaseOutcome.ERRORED
    assert found[f"test_compiled[{SLUG}]"] is CaseOutcome.BLOCKED


def test_nor_does_a_verdict_that_is_known_not_to_hold(run_gate: RunGate, expected: Path) -> None:
    (expected / "known_issues.toml").write_text(
        f'[[issue]]\ncase = "test_a_b.py::test_counted[{SLUG}]"\nstage = "judge"\n'
        'error = "NonConformance"\nmessage = "params = 7"\nreason = "the page is older"\n'
        "since = 2026-11-01\nexpires = 2099-01-01\n"
    )
    found = outcomes(run_gate, test_a_b=RESTS_ON_ANOTHER)
    assert found[f"test_counted[{SLUG}]"] is CaseOutcome.KNOWN_ISSUE
    assert found[f"test_printed[{SLUG}]"] is CaseOutcome.PASSED


def test_another_row_of_that_name_is_another_fault(run_gate: RunGate) -> None:
    assert ROW != OTHER
    found = outcomes(run_gate, row=BOTH, test_a_b=BROKEN)
    assert [found[f"test_built[{slug}]"] for slug in (SLUG, OTHER_SLUG)] == [
        CaseOutcome.ERRORED
    ] * 2
