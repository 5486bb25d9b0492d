"""A summary accounts for every claim and every case, and hides nothing."""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.cli import report as command
from harness.records import Metric, Outcome, Verdict
from harness.reporting.markdown import write_markdown
from harness.reporting.outline import QUESTION
from harness.reporting.results import CaseOutcome, CaseResult, ClaimResult, Header, Run, StepCost
from harness.reporting.runlog import RunLog
from harness.reporting.summary import summarize
from harness.reporting.tally import UNJUDGED, ClaimTally, tally

Results = tuple[CaseResult, ...]


@pytest.fixture
def run(header: Header, results: Results) -> Run:
    return Run(header, results, finished="later", exit_status=1)


def text(run: Run, width: int = 200) -> str:
    return "\n".join(summarize(run, width=width))


def test_every_documented_claim_is_accounted_for(run: Run) -> None:
    top1, macs = tally(run).claims
    reasons = {"no published weights here": 1, UNJUDGED: 2}
    assert top1 == ClaimTally("top1", 3, 0, 0, 0, reasons)
    assert macs == ClaimTally("macs", 3, 1, 1, 0, {UNJUDGED: 1})


@pytest.mark.parametrize(
    ("outcomes", "field"),
    [
        ((Outcome.CONFORMS, Outcome.DOES_NOT_CONFORM), "failed"),
        ((Outcome.INCONCLUSIVE, Outcome.DOES_NOT_CONFORM), "failed"),
        ((Outcome.CONFORMS, Outcome.INCONCLUSIVE), "inconclusive"),
        ((Outcome.NOT_MEASURED, Outcome.CONFORMS), "reproduced"),
    ],
)
def test_a_claim_judged_twice_counts_once_by_its_worst_measurement(
    header: Header, outcomes: Sequence[Outcome], field: str
) -> None:
    results = tuple(
        CaseResult(
            f"t{number}",
            CaseOutcome.PASSED,
            row="resnext/timm/a",
            claims=(ClaimResult(Metric.TOP1, outcome, "76.13"),),
        )
        for number, outcome in enumerate(outcomes)
    )
    for order in (results, results[::-1]):
        (claim,) = (c for c in tally(Run(header, order)).claims if c.metric == "top1")
        assert getattr(claim, field) == 1
        assert claim.reproduced + claim.failed + claim.inconclusive == 1


def test_everything_that_happened_is_told(run: Run) -> None:
    told = text(run)
    for sentence in (
        "3 of 3 rows have cases; 1 of 6 claims reproduced",
        "2 passed, 1 failed, 1 errored, 1 known issue, 1 inconclusive, 1 not measured, 1 skipped",
        "2 of 8 cases ran on seeded weights",
        "May this ship? No: 1 failed, 1 errored of 8 cases, of 2 causes",
        "Not measured: 4 of 6 claims and 1 case",
        "1 top1 claim, 1 case: no published weights here",
        f"2 top1, 1 macs claims: {UNJUDGED}",
        "weights: seeded in 2 cases",
        "processor: Made-up CPU, 2 cores, 8.0 GiB",
        "centred_sqnr = 3.1 dB, at least 15 dB [resnext/timm/b] resnext.md:9",
        "repeat: pytest -k b",
        "test_export[b]: errored at export",
        "ExportError at export: limit (since 2030-01-01, 121 days left, until 2030-06-30)",
        "defects of the documentation (1)",
        "resnext/timm/a MACs(G): documented 4.765, true 4.288",
        "test_top1[b]: inconclusive",
        "1 × no | toolchain",
    ):
        assert sentence in told


def test_measured_figures_show_their_range_and_what_is_no_number(run: Run) -> None:
    (spread,) = tally(run).spreads
    assert (spread.count, spread.unusable, spread.least, spread.most) == (3, 1, 3.1, 17.2)


def test_stages_of_the_suite_come_before_steps_that_broke(run: Run) -> None:
    assert [name for name, _ in tally(run).stages] == ["export", "count", "measure", "-"]


def test_the_order_of_results_does_not_matter(run: Run) -> None:
    shuffled = list(run.results)
    random.Random(4).shuffle(shuffled)
    other = replace(run, results=tuple(shuffled))
    assert summarize(other) == summarize(run)
    assert write_markdown(other) == write_markdown(run)


@pytest.mark.parametrize("width", [1, 40, 60, 80, 200])
def test_lines_keep_to_the_width(run: Run, width: int) -> None:
    for line in summarize(run, width=width):
        assert len(line) <= max(width, 40)


def test_an_incomplete_run_says_so_first(run: Run) -> None:
    broken = replace(run, problem="incomplete: the run did not finish")
    assert summarize(broken)[0].startswith("INCOMPLETE RUN LOG")
    assert "INCOMPLETE RUN LOG" in write_markdown(broken).splitlines()[2]
    assert "INCOMPLETE" not in text(run)


def test_a_run_without_cases_reproduces_nothing(header: Header) -> None:
    told = text(Run(header, ()))
    assert "0 of 3 rows have cases; 0 of 6 claims reproduced" in told
    assert "May this ship? Cannot be said: no case was run" in told
    assert f"3 top1, 3 macs claims: {UNJUDGED}" in told


def test_many_reasons_are_cut_and_the_rest_is_counted(header: Header) -> None:
    results = tuple(
        CaseResult(f"t{n}", CaseOutcome.SKIPPED, reason=f"reason {n}") for n in range(20)
    )
    assert "5 for 5 further reasons" in text(Run(header, results))


def failed(row: str, headline: str, *, test: str = "test_a", stage: str = "export") -> CaseResult:
    verdict = Verdict(Outcome.DOES_NOT_CONFORM, headline, (f"repeat: pytest -k {row}",))
    case, error = f"{test}[{row}]", CaseOutcome.FAILED
    return CaseResult(case, error, row=row, stage=stage, verdict=verdict)


def test_what_many_rows_fail_with_is_told_once_and_the_widest_cause_first(header: Header) -> None:
    rows = [f"resnext/timm/net{number}" for number in range(30)]
    alike = [failed(row, f"no layer 1.{n} of {row}") for n, row in enumerate(rows)]
    other = [failed(rows[3], "no opset"), failed("resnext/mmcls/net1", "no layer 1.1 of it")]
    told = text(Run(header, (*other, *alike)))
    assert "failures (32, of 3 causes)" in told
    assert "30 cases of 30 rows of timm, the first of them test_a[resnext/timm/net0]:" in told
    assert told.count("no layer 1.") == 2, "once for timm, once for mmcls"
    assert "and 10 more" in told
    assert told.index("30 cases of") < told.index("no opset")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (failed("p/timm/a", "no layer"), failed("p/mmcls/a", "no layer")),
        (failed("p/timm/a", "no layer"), failed("p/timm/b", "no layer", stage="int8")),
        (failed("p/timm/a", "no layer"), failed("p/timm/b", "no weights")),
        (failed("", "no layer"), failed("p/timm/b", "no layer")),
    ],
    ids=["sources", "stages", "words", "no row"],
)
def test_other_causes_stay_apart(header: Header, one: CaseResult, other: CaseResult) -> None:
    assert "failures (2, of 2 causes)" in text(Run(header, (one, other)))


def test_many_causes_fit_on_a_screen_and_the_rest_is_counted(header: Header) -> None:
    results = tuple(failed("p/timm/a", "no " + "x" * n, test=f"test_{n}") for n in range(1, 40))
    told = text(Run(header, results))
    assert "27 further failures of 27 causes" in told


def test_what_is_blocked_is_counted_by_what_blocks_it(header: Header) -> None:
    results = tuple(
        CaseResult(
            f"test_{n}[a]", CaseOutcome.BLOCKED, row="resnext/timm/a", blocked_by="test_0[a]"
        )
        for n in range(1, 4)
    )
    run = Run(header, results)
    assert "blocked (3)\n  3 by test_0[a]" in text(run)
    assert summarize(run)[0] == "May this ship? No: 3 blocked of 3 cases"
    assert "<td>test_0[a]</td><td>3</td>" in write_markdown(run)


@pytest.mark.shows(
    "a report calls a run good that failed, was cut off, or measured little",
    by="one answer for every format; only a whole run in which something passed has one",
)
@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({}, "No: 1 failed, 1 errored of 8 cases"),
        ({"problem": "cut off"}, "No: 1 failed, 1 errored of 8 cases, of 2 causes; the run log is"),
        ({"results": (), "problem": "cut off"}, "Cannot be said: the run log is not whole; it h"),
        ({"results": ()}, "Cannot be said: no case was run"),
        ({"results": ("skipped",)}, "Cannot be said: none of 1 case passed or failed"),
        ({"results": ("passed",)}, "Cannot be said: no case failed, and the run ended with status"),
        ({"results": ("passed", "blocked"), "exit_status": 0}, "No: 1 blocked of 2 cases"),
        ({"results": ("passed", "not measured"), "exit_status": 0}, "Nothing that was measured st"),
    ],
)
def test_only_a_whole_run_in_which_cases_passed_and_none_failed_speaks_for_a_release(
    run: Run, change: dict[str, Any], answer: str
) -> None:
    named = change.get("results")
    if named is not None:
        results = tuple(CaseResult(one, CaseOutcome(one)) for one in named)
        change = {**change, "results": results}
    (line,) = (one for one in summarize(replace(run, **change), width=300) if QUESTION in one)
    assert line.startswith(f"{QUESTION} {answer}")


def whole(header: Header) -> Run:
    """Every claim reproduced, on every row."""
    results = tuple(
        CaseResult(
            f"t{metric}[{row}]",
            CaseOutcome.PASSED,
            row=row,
            claims=(ClaimResult(metric, Outcome.CONFORMS, "1"),),
        )
        for row in header.pages[0].rows
        for metric in (Metric.TOP1, Metric.MACS)
    )
    return Run(header, results, finished="later", exit_status=0)


def test_a_run_that_reproduced_every_claim_is_a_yes(header: Header) -> None:
    told = summarize(whole(header), width=200)
    assert (
        told[0]
        == f"{QUESTION} Yes: all 6 claims are reproduced, and 6 of 6 cases passed, none failed"
    )
    assert told[1] == "Everything that was asked for was measured"


@pytest.mark.parametrize(
    "outcome", [one for one in CaseOutcome if one not in (CaseOutcome.PASSED, CaseOutcome.SKIPPED)]
)
def test_anything_that_is_open_keeps_it_from_a_yes(header: Header, outcome: CaseOutcome) -> None:
    run = whole(header)
    (page,) = header.pages
    for other in (
        replace(run, results=(*run.results, CaseResult("other", outcome))),
        replace(run, results=run.results[1:]),
        replace(run, header=replace(header, tools={"vamc": "a stand-in"})),
        replace(run, header=replace(header, pages=(replace(page, left_out=1),))),
    ):
        assert f"{QUESTION} Yes" not in text(other)


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    return parser.parse_args(["report", *arguments])


@pytest.fixture
def log(tmp_path: Path, header: Header, results: Results) -> Path:
    with RunLog(tmp_path / "run.jsonl", header) as runlog:
        for result in results:
            runlog.record(result)
    return tmp_path / "run.jsonl"


def test_the_command_prints_text(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = parse(str(log))
    assert args.run(args) == 0
    assert "1 of 6 claims reproduced" in capsys.readouterr().out


def test_the_command_writes_markdown(log: Path, tmp_path: Path) -> None:
    args = parse(str(log), "--format", "md", "--out", str(tmp_path / "report.md"))
    assert args.run(args) == 0
    assert (tmp_path / "report.md").read_text(encoding="utf-8").startswith("# Conformance report")


def test_the_command_reports_a_broken_log_and_exits_1(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write_bytes(log.read_bytes()[:-40])
    args = parse(str(log))
    assert args.run(args) == 1
    assert capsys.readouterr().out.startswith("INCOMPLETE RUN LOG")


def test_the_command_refuses_bad_input_in_one_line_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = parse(str(tmp_path / "none"), "--out", str(tmp_path / "report.md"))
    assert args.run(args) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "report.md").exists()


def test_how_long_steps_waited_for_memory_is_told(run: Run) -> None:
    first, *others = run.results
    steps = (
        StepCost("export", 1.0, 2**20, 12.4, 3 * 2**30),
        StepCost("run", 1.0, 2**20, 40.0, 9 * 2**30),
        StepCost("count", 1.0, 2**20, float("nan"), 0),
    )
    waiting = replace(run, results=(replace(first, steps=steps), *others))
    told = " ".join(" ".join(summarize(waiting, width=200)).split())
    assert f"steps waited 52 s for memory, the longest 40 s: run of {first.row}, which" in told
    assert "which asks for 9.0 GiB" in told
    assert "for memory" not in "".join(summarize(run))
