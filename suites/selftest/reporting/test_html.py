"""The page of a run is whole in itself, says what the log says, and executes nothing of it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import date

import pytest
from small_log import HOSTILE, ROWS

from harness.records import Metric, Outcome, Verdict
from harness.reporting.html import write_html
from harness.reporting.results import CaseOutcome, CaseResult, ClaimResult, Header, Run

Results = tuple[CaseResult, ...]


@pytest.fixture
def run(header: Header, results: Results) -> Run:
    return Run(header, results, finished="later", exit_status=1)


def data_of(page: str) -> dict:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert match
    return json.loads(match[1])


def element(page: str, name: str) -> str:
    match = re.findall(rf"<{name}>(.*?)</{name}>", page, re.DOTALL)
    assert len(match) == 1
    return match[0]


@pytest.mark.shows(
    "a report calls a run good that failed, was cut off, or measured little",
    by="one sentence on top, from the same counts as the terminal's",
)
@pytest.mark.parametrize(
    ("change", "word", "told"),
    [
        ({}, "no", "Not as it is: 2 cases fail, of 2 causes."),
        ({"problem": "the run did not finish"}, "unknown", "Not known: the run did not finish."),
        ({"results": ()}, "unknown", "Not known: no case ran."),
    ],
)
def test_the_first_sentence_says_whether_it_may_ship(
    run: Run, change: dict, word: str, told: str
) -> None:
    page = write_html(replace(run, **change))
    assert f'class="verdict {word}"' in page
    assert told in page


def test_what_was_not_measured_keeps_it_from_being_good(header: Header) -> None:
    claim = ClaimResult(Metric.MACS, Outcome.CONFORMS, "4.3")
    passed = CaseResult("t[a]", CaseOutcome.PASSED, row=ROWS[0], claims=(claim,))
    page = write_html(Run(header, (passed,)))
    assert 'class="verdict open"' in page
    assert "5 of 6 claims were not measured" in page


def test_all_claims_reproduced_is_said(header: Header) -> None:
    results = tuple(
        CaseResult(
            f"t{metric}[{row}]",
            CaseOutcome.PASSED,
            row=row,
            claims=(ClaimResult(metric, Outcome.CONFORMS, "1"),),
        )
        for row in ROWS
        for metric in (Metric.TOP1, Metric.MACS)
    )
    assert "All 6 documented claims are reproduced." in write_html(Run(header, results))


def test_what_is_blocked_is_no_pass(header: Header) -> None:
    blocked = CaseResult("t[a]", CaseOutcome.BLOCKED, row=ROWS[0], blocked_by="u[a]")
    assert 'class="verdict no"' in write_html(Run(header, (blocked,)))


def test_every_case_is_there_with_what_it_found(run: Run) -> None:
    found = data_of(write_html(run))
    assert {one["id"]: one["outcome"] for one in found["cases"]} == {
        one.case: str(one.outcome) for one in run.results
    }
    assert set(found["rows"]) == set(ROWS)
    figures = [figure for one in found["cases"] for figure in one.get("figures", ())]
    assert ["centred_sqnr", "nan", "dB", "18"] in figures
    assert "repeat: pytest -k b" in str(found)


def test_the_order_of_results_does_not_matter(run: Run) -> None:
    assert write_html(replace(run, results=run.results[::-1])) == write_html(run)


def test_known_issues_have_their_days_left(run: Run) -> None:
    page = write_html(run, today=date(2030, 6, 20))
    assert re.search(r'<td class="bad">10</td>', page)


def test_nothing_is_asked_of_any_other_place(run: Run) -> None:
    page = write_html(run)
    assert re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]+", page) == []
    assert re.findall(r'\b(?:src|href)="(?!#)', page) == []


def test_only_its_own_style_and_script_may_run(run: Run) -> None:
    page = write_html(run)
    for name, kind in (("style", "style-src"), ("script", "script-src")):
        digest = base64.b64encode(hashlib.sha256(element(page, name).encode()).digest()).decode()
        assert f"{kind} &#39;sha256-{digest}&#39;" in page
    assert "default-src &#39;none&#39;" in page
    assert "unsafe" not in page


@pytest.mark.shows("markup in a page's cells runs in a report", by="every text is put in as text")
def test_hostile_texts_stay_texts(header: Header) -> None:
    verdict = Verdict(Outcome.DOES_NOT_CONFORM, HOSTILE, (HOSTILE,))
    hostile = CaseResult(
        f"t[{HOSTILE}]",
        CaseOutcome.FAILED,
        row=f"p/s/{HOSTILE}",
        stage=HOSTILE,
        verdict=verdict,
        claims=(ClaimResult(Metric.TOP1, Outcome.DOES_NOT_CONFORM, HOSTILE, HOSTILE),),
    )
    page = write_html(
        Run(replace(header, command=(HOSTILE,), tools={HOSTILE: HOSTILE}), (hostile,))
    )
    assert page.count("<script") == 2
    assert "<img" not in page
    assert data_of(page)["cases"][0]["told"] == [HOSTILE, HOSTILE]


def test_five_thousand_cases_stay_small(header: Header) -> None:
    rows = [f"resnext/timm/net{number}" for number in range(250)]
    results = tuple(
        CaseResult(
            f"suites/test_x.py::test_{n}[{row}-onnxruntime-int8]", CaseOutcome.PASSED, row=row
        )
        for row in rows
        for n in range(20)
    )
    assert len(write_html(Run(header, results)).encode()) < 3_000_000
