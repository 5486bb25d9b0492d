"""What a report says of each page of a run that is about several."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.records import Metric, Outcome
from harness.reporting.causes import causes
from harness.reporting.html import write_html
from harness.reporting.markdown import write_markdown
from harness.reporting.matrix import matrix
from harness.reporting.outline import CANNOT_SAY, NO, NOTHING_FOUND, YES, outline
from harness.reporting.results import CaseOutcome, CaseResult, ClaimResult, Header, PageTotals, Run
from harness.reporting.summary import summarize

PASSED, FAILED = CaseOutcome.PASSED, CaseOutcome.FAILED
CLAIM = ClaimResult(Metric.MACS, Outcome.CONFORMS, "4.0")


def page(name: str, *rows: str) -> PageTotals:
    ids = tuple(f"{name}/timm/{row}" for row in rows)
    return PageTotals(name, f"{name}/README.md", "ab", ids, {"macs": len(rows)} if rows else {})


def case(row: str, outcome: CaseOutcome = PASSED, **fields: object) -> CaseResult:
    return CaseResult(f"test_x[{row}]", outcome, row=row, stage="page", **fields)


@pytest.fixture
def run(header: Header) -> Run:
    """A page that is all right, one with a failure, one that was not read, one without cases."""
    pages = (
        page("good", "net18"),
        page("open", "net18", "net34"),
        page("wrong", "net18"),
        page("unread"),
    )
    words = "macs = 5 G, documented 4 ± 0.5 (print)"
    return Run(
        replace(header, pages=(*pages, page("idle", "net18"))),
        (
            case("good/timm/net18", claims=(CLAIM,)),
            case("open/timm/net18", claims=(CLAIM,)),
            case(
                "wrong/timm/net18",
                FAILED,
                reason=f"{words} [wrong/timm/net18] wrong/README.md:3",
                place="wrong/README.md:3",
            ),
            case(
                "open/timm/net34",
                FAILED,
                reason=f"{words} [open/timm/net34] open/README.md:4",
                place="open/README.md:4",
            ),
            case("unread", FAILED, reason="unread/README.md:3: no figure"),
            case("good"),
        ),
        finished="2030-03-01T10:01:00+00:00",
        exit_status=1,
    )


def test_each_page_is_answered_as_if_alone_the_worst_first(run: Run) -> None:
    assert [(one.name, one.answer) for one in outline(run).pages] == [
        ("open", NO),
        ("wrong", NO),
        ("unread", NO),
        ("idle", CANNOT_SAY),
        ("good", YES),
    ]
    kept = tuple(one for one in run.results if one.row != "open/timm/net34")
    assert {one.name: one.answer for one in outline(replace(run, results=kept)).pages}[
        "open"
    ] == NOTHING_FOUND


def test_a_run_that_was_cut_off_answers_for_no_page(run: Run) -> None:
    cut = replace(run, finished="", exit_status=None, problem="cut off")
    assert {one.answer for one in outline(cut).pages} == {NO, CANNOT_SAY}


def test_all_reports_tell_it(run: Run) -> None:
    told = " ".join(" ".join(summarize(run, width=120)).split())
    assert "good Yes 1 1 of 1 2 passed" in told
    assert "unread No 0 0 of 0 1 failed" in told
    assert "<td>unread</td><td>No</td>" in write_markdown(run)
    assert '<th scope="row">unread</th><td>No</td>' in write_html(run)
    assert "<h1>Conformance of 5 pages</h1>" in write_html(run)


def test_one_page_alone_is_the_run(run: Run) -> None:
    alone = replace(run, header=replace(run.header, pages=run.header.pages[:1]))
    assert outline(alone).pages == ()
    assert "Pages (" not in write_html(alone)


def test_what_is_about_a_page_is_about_no_row(run: Run) -> None:
    rows = [line.id for line in matrix(run).lines]
    assert [one for one in rows if "/" not in one] == ["page"]
    assert len(rows) == 6


def test_one_cause_on_two_pages_is_one(run: Run) -> None:
    same, other = causes(one for one in run.results if one.outcome is FAILED)
    assert same.rows == ("open/timm/net34", "wrong/timm/net18")
    assert other.rows == ("unread",)
