"""The Markdown report fits on a pull request, tells what the others tell, and holds no markup."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from harness.records import Outcome, Verdict
from harness.reporting.markdown import LARGEST, MOST_LINES, write_markdown
from harness.reporting.results import CaseOutcome, CaseResult, Header, ReportedDefect, Run

Results = tuple[CaseResult, ...]


@pytest.fixture
def run(header: Header, results: Results) -> Run:
    return Run(header, results, finished="later", exit_status=1)


@pytest.fixture
def huge(header: Header, results: Results) -> Run:
    """More of everything than fits."""
    failed = [
        CaseResult(
            f"test_{n}[{'x' * n}]",
            CaseOutcome.FAILED,
            row=f"resnext/timm/net{n}",
            stage="int8",
            verdict=Verdict(Outcome.DOES_NOT_CONFORM, f"{'word ' * n}fails", ("why " * 50,)),
            defects=(ReportedDefect(f"r{n}", "macs", "1", "2", f"cause {n}"),),
        )
        for n in range(1, 600)
    ]
    left = [CaseResult(f"u{n}", CaseOutcome.NOT_MEASURED, reason=f"why {n}") for n in range(400)]
    stand_ins = {f"tool{n}": "a stand-in" for n in range(50)}
    return Run(replace(header, tools=stand_ins), (*results, *failed, *left), problem="cut off")


class Cells(HTMLParser):
    """The rows of all tables, as texts of their cells."""

    def __init__(self, report: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.inside = False
        self.feed(report)

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


def rendered(report: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(report)


def test_it_tells_what_the_summary_tells(run: Run) -> None:
    report = write_markdown(run, since=["`test_int8[b]` fails newly"])
    assert "**May this ship? No: 1 failed, 1 errored of 8 cases, of 2 causes.**" in report
    assert "**Not measured: 4 of 6 claims and 1 case.**" in report
    assert r"- \`test\_int8\[b\]\` fails newly" in report
    assert "- `test_int8[b]` (resnext.md:9): failed at measure: centred\\_sqnr = 3.1 dB" in report
    assert "121 days left, until 2030-06-30" in report
    rows = Cells(report).rows
    assert ["top1", "3", "0", "0", "0", "3"] in rows
    assert ["no | toolchain", "1"] in rows
    cause = "the count is ten ninths too high"
    assert ["resnext/timm/a", "MACs(G)", "4.765", "4.288", cause] in rows


def test_what_is_not_measured_stands_as_high_as_what_failed(run: Run) -> None:
    lines = write_markdown(run).splitlines()
    decision = next(n for n, line in enumerate(lines) if line.startswith("**May this ship?"))
    assert lines[decision + 2].startswith("**Not measured: 4 of 6 claims")


def test_the_largest_report_fits_on_a_screen_and_into_a_comment(huge: Run) -> None:
    report = write_markdown(huge, since=[f"change {n}" for n in range(500)])
    assert len(report.splitlines()) < MOST_LINES
    assert len(report) <= LARGEST + 100
    assert "left out, as too long for a comment" in report
    assert "- 497 more" in report


def test_what_is_shown_comes_in_one_order(run: Run, huge: Run) -> None:
    for one in (run, huge):
        titles = re.findall("^## (.*?)(?: \\(.*)?$", write_markdown(one), re.MULTILINE)
        assert titles == [
            *("Failures", "Not measured", "Defects of the documentation", "Known issues"),
        ]


def test_every_detail_is_folded_and_stays_one_block(run: Run) -> None:
    page = rendered(write_markdown(run))
    tags = re.findall("</?(?:details|summary|table)>", page)
    assert tags.count("<details>") == tags.count("</details>") == 10
    assert page.count("<p><details") == 0


def test_texts_of_a_run_are_never_markup(header: Header) -> None:
    text = "<script> [a](b) *c*\n# d\n\n</details><img src=x>"
    nasty = CaseResult("t[`x`|<b>]", CaseOutcome.ERRORED, stage="<i>", reason=text)
    left_out = CaseResult("u", CaseOutcome.SKIPPED, reason=text)
    report = write_markdown(Run(header, (nasty, left_out)))
    assert r"\<script\> \[a\](b) \*c\*" in report
    assert "\n# d" not in report
    assert [" ".join(text.split()), "1"] in Cells(report).rows
    allowed = {"details", "summary", "table", "tr", "td", "th", "ul", "li", "code", "br"}
    shown = {"h1", "h2", "p", "strong", "blockquote", "hr", "em"}
    assert Cells(rendered(report)).tags <= allowed | shown


def test_the_order_of_results_does_not_matter(run: Run) -> None:
    shuffled = list(run.results)
    random.Random(4).shuffle(shuffled)
    assert write_markdown(replace(run, results=tuple(shuffled))) == write_markdown(run)
