"""Runs to report of: real ones that are kept, and large and hostile ones made of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from harness.records import KnownIssue, Measurement, Metric, Outcome, Verdict
from harness.reporting.results import CaseOutcome, CaseResult, ClaimResult, ReportedDefect, Run
from harness.reporting.runlog import read

RUNS = Path(__file__).resolve().parents[3] / "fixtures/runs"
ROW = "resnext/timm/resnext50_32x4d"
SLUG = ROW.replace("/", "-")
SOURCES = ("timm", "torchvision", "mmcls", "ppcls")

HOSTILE = (
    "<script>window.hit=1</script><img src=x onerror=window.hit=1>",
    '"><svg onload=window.hit=1><a href="javascript:window.hit=1">x</a>',
    "</template></noscript></script></style><iframe src=https://example.com/></iframe>",
    "{{ 7 * 7 }}{% raw %}<!--<script>]]>&lt;b&gt;",
    "\u202e\u2066\x00\x1b[31m\udcff\u2028\ufeff 残差网络 ± ✓",
    "' onmouseover='window.hit=1",
)


def real(name: str) -> Run:
    """``clean``: a gate on one row; ``faults``: the same with planted faults."""
    return read(RUNS / f"{name}.jsonl")


def gate(rows: int) -> Run:
    """The real gate as if it had so many rows, and more than one backend: 30 cases each.

    Every ninth row has a failure with one cause, every tenth has no accuracy to tell of.
    """
    run = real("clean")
    cases = [one for one in run.results if one.row]
    names = [f"resnext/{SOURCES[n % 4]}/net{n}_32x4d" for n in range(rows)]
    (page,) = run.header.pages
    header = replace(run.header, pages=(replace(page, rows=tuple(names)),))
    results = [one for one in run.results if not one.row]
    for number, row in enumerate(names):
        results += [_of_row(one, row, number) for one in cases]
    return Run(header, tuple(results), finished="later", exit_status=1)


def _of_row(case: CaseResult, row: str, number: int) -> CaseResult:
    def named(text: str) -> str:
        text = text.replace(SLUG, row.replace("/", "-")).replace(ROW, row)
        return text.replace("resnext.md:49", f"resnext.md:{number + 40}")

    verdict = case.verdict and replace(case.verdict, headline=named(case.verdict.headline))
    made = replace(case, case=named(case.case), row=row, verdict=verdict)
    made = replace(made, command=named(case.command), place=named(case.place))
    if number % 9 == 0 and "test_parity[" in case.case:
        headline = f"centred_sqnr = {number / 100:.2f} dB, at least 15 dB [{row}] {made.place}"
        told = Verdict(Outcome.DOES_NOT_CONFORM, headline, ("likely cause: a scale is wrong",))
        return replace(made, outcome=CaseOutcome.FAILED, verdict=told)
    return made


def hostile() -> Run:
    """The real gate with hostile texts wherever a run log has a text."""
    run = real("clean")
    results = []
    for number, text in enumerate(HOSTILE):
        row = f"resnext/{text}/{text}"
        verdict = Verdict(Outcome.DOES_NOT_CONFORM, f"{text} = 1, at least 2", (text, text))
        issue = KnownIssue(text, text, text, text, date(2026, 1, 1), date(2027, 1, 1))
        failed = CaseResult(
            f"suites/{text}::test_{text}[{text}]",
            CaseOutcome.FAILED,
            row=row,
            stage=text,
            reason=text,
            weights=text,
            verdict=verdict,
            claims=(ClaimResult(Metric.TOP1, Outcome.DOES_NOT_CONFORM, text, text),),
            measurements=(Measurement(text, 1.0, text, {text: text}),),
            defects=(ReportedDefect(row, text, text, text, text),),
            place=text,
            backend=text,
            precision=text,
            command=text,
        )
        known = replace(failed, case=text, outcome=CaseOutcome.KNOWN_ISSUE, known_issue=issue)
        left = CaseResult(text + "2", CaseOutcome.NOT_MEASURED, reason=text, stage=text)
        blocked = replace(left, case=text + "3", outcome=CaseOutcome.BLOCKED, blocked_by=text)
        results += [failed, known, left, blocked]
        results.append(replace(left, case=text + "4", row=f"a/b/{number}"))
    (page,) = run.header.pages
    pages = (replace(page, name=HOSTILE[0], path=HOSTILE[4], rows=(HOSTILE[0], HOSTILE[1])),)
    header = replace(
        run.header, pages=pages, tools={one: one for one in HOSTILE}, started=HOSTILE[1]
    )
    return Run(header, tuple(results), finished=HOSTILE[0], problem=HOSTILE[2])
