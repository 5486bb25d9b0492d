"""A small run in which everything happens that can happen to a case, and a browser for pages."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from browsing import Show

from harness.records import KnownIssue, Measurement, Metric, Outcome, Verdict
from harness.reporting.html import write_html
from harness.reporting.results import (
    CaseOutcome,
    CaseResult,
    ClaimResult,
    Header,
    Machine,
    PageTotals,
    ReportedDefect,
    Run,
)

NAMES = ("chromium", "chromium-browser", "google-chrome")
ROWS = ("resnext/timm/a", "resnext/timm/b", "resnext/ppcls/c")


def sqnr(value: float) -> Measurement:
    return Measurement("centred_sqnr", value, "dB", {"images": "18"})


@pytest.fixture
def header() -> Header:
    """Three rows with a top-1 and a MACs claim each."""
    return Header(
        started="2030-03-01T10:00:00+00:00",
        machine=Machine("Made-up CPU", 2, 8 * 2**30, "Linux"),
        command=("pytest", "suites"),
        tools={"torch": "2.15.0"},
        options={"page": "resnext"},
        pages=(PageTotals("resnext", "resnext.md", "ab12", ROWS, {"top1": 3, "macs": 3}),),
    )


@pytest.fixture
def results() -> tuple[CaseResult, ...]:
    """One result of each outcome."""
    bad = Verdict(
        Outcome.DOES_NOT_CONFORM,
        "centred_sqnr = 3.1 dB, at least 15 dB [resnext/timm/b] resnext.md:9",
        ("likely cause: no zero point", "repeat: pytest -k b"),
    )
    issue = KnownIssue(
        "test_export[*c]", "export", "ExportError", "limit", date(2030, 1, 1), date(2030, 6, 30)
    )
    defect = ReportedDefect(
        ROWS[0], "MACs(G)", "4.765", "4.288", "the count is ten ninths too high"
    )
    no_weights = "no published weights here"
    return (
        CaseResult(
            "test_macs[a]",
            CaseOutcome.PASSED,
            row=ROWS[0],
            stage="count",
            claims=(ClaimResult(Metric.MACS, Outcome.CONFORMS, "4.765"),),
            defects=(defect,),
        ),
        CaseResult(
            "test_int8[a]",
            CaseOutcome.PASSED,
            row=ROWS[0],
            stage="measure",
            duration_s=1.5,
            worker="gw1",
            weights="seeded",
            measurements=(sqnr(17.2),),
        ),
        CaseResult(
            "test_int8[b]",
            CaseOutcome.FAILED,
            row=ROWS[1],
            stage="measure",
            weights="seeded",
            verdict=bad,
            measurements=(sqnr(3.1), sqnr(math.nan)),
            claims=(ClaimResult(Metric.MACS, Outcome.DOES_NOT_CONFORM, "4.288"),),
        ),
        CaseResult(
            "test_export[b]", CaseOutcome.ERRORED, row=ROWS[1], stage="export", reason="no space\nx"
        ),
        CaseResult(
            "test_export[c]",
            CaseOutcome.KNOWN_ISSUE,
            row=ROWS[2],
            stage="export",
            known_issue=issue,
        ),
        CaseResult(
            "test_top1[a]",
            CaseOutcome.NOT_MEASURED,
            row=ROWS[0],
            reason=no_weights,
            claims=(ClaimResult(Metric.TOP1, Outcome.NOT_MEASURED, "76.13", no_weights),),
        ),
        CaseResult("test_top1[b]", CaseOutcome.INCONCLUSIVE, row=ROWS[1], reason="9 images"),
        CaseResult("test_vendor[a]", CaseOutcome.SKIPPED, row=ROWS[0], reason="no | toolchain"),
    )


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser; its tests skip where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright here")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium here; Debian has it in the package chromium")
    with playwright.sync_playwright() as running:
        sandbox = ["--no-sandbox"] * (os.geteuid() == 0)  # which Chromium has not for root
        browser = running.chromium.launch(executable_path=path, args=sandbox)
        yield browser
        browser.close()


@pytest.fixture
def show(chromium: Any, tmp_path: Path) -> Iterator[Show]:
    """Open the page of a run, or one on disk; at the end nothing but pages may have been asked for,
    and nothing complained of.

    What the policy stops is not asked for; it is complained of.
    """
    contexts, asked, errors, paths = [], [], [], []

    def opened(run: Run | Path, address: str = "", *, width: int = 1440, **options: Any) -> Any:
        if isinstance(run, Path):
            path = run
        else:
            path = tmp_path / f"report{len(contexts)}.html"
            path.write_text(write_html(run), encoding="utf-8")
        paths.append(path.as_uri())
        contexts.append(chromium.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.on("request", lambda one: asked.append(one.url))
        page.on("requestfailed", lambda one: one.failure == "csp" and asked.remove(one.url))
        page.on("pageerror", lambda one: errors.append(str(one)))
        page.on("console", lambda one: errors.append(one.text))
        page.goto(f"{path.as_uri()}{address}")
        return page

    opened.complaints = errors  # type: ignore[attr-defined]
    yield opened
    for context in contexts:
        context.close()
    assert {url.partition("#")[0] for url in asked} == set(paths), "only pages are asked for"
    assert errors == []
