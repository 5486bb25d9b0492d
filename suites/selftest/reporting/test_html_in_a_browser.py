"""The page of a run as people use it: in a real browser, by mouse, keyboard and address."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from small_log import HOSTILE, ROWS

from harness.records import Outcome, Verdict
from harness.reporting.html import write_html
from harness.reporting.results import CaseOutcome, CaseResult, Header, PageTotals, Run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed here")
Open = Callable[..., "playwright.Page"]


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: playwright.Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens the page of a run; whatever it asks for, or complains of, fails the test."""
    contexts, trouble = [], []

    def open_run(run: Run, *, at: str = "", **how: object) -> playwright.Page:
        path = tmp_path / "run.html"
        path.write_text(write_html(run), encoding="utf-8")
        contexts.append(browser.new_context(**how))
        page = contexts[-1].new_page()
        page.on("request", lambda one: trouble.append(one.url) if one.url[:4] != "file" else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda one: trouble.append(one.text) if one.type == "error" else None)
        page.on("dialog", lambda one: trouble.append(one.message))
        page.goto(f"file://{path}{at}")
        return page

    yield open_run
    for context in contexts:
        context.close()
    assert trouble == []


@pytest.fixture
def run(header: Header, results: tuple[CaseResult, ...]) -> Run:
    return Run(header, results, finished="later", exit_status=1)


def shown(page: playwright.Page) -> list[str]:
    return page.locator("#cells tbody th").all_inner_texts()


def test_rows_are_filtered_by_source_outcome_and_text(opened: Open, run: Run) -> None:
    page = opened(run)
    assert shown(page) == [*ROWS, "(about no row)"] or shown(page) == list(ROWS)
    page.select_option("#source", "ppcls")
    assert shown(page) == [ROWS[2]]
    page.select_option("#source", "")
    page.select_option("#outcome", "failed")
    assert shown(page) == [ROWS[1]]
    page.select_option("#outcome", "")
    page.fill("#text", "3.1 dB")
    assert shown(page) == [ROWS[1]]
    assert "1 of" in page.inner_text("#count")


def test_the_address_keeps_what_was_chosen(opened: Open, run: Run) -> None:
    page = opened(run)
    page.select_option("#outcome", "failed")
    page.get_by_role("button", name=ROWS[1]).click()
    address = page.url
    assert "outcome=failed" in address
    other = opened(run, at=address[address.index("#") :])
    assert shown(other) == [ROWS[1]]
    assert "centred_sqnr = 3.1 dB" in other.inner_text("#row")


def test_a_row_opens_with_its_cases_and_the_command_to_copy(opened: Open, run: Run) -> None:
    page = opened(run, at=f"#row={quote(ROWS[1], safe='')}")
    text = page.inner_text("#row")
    assert "repeat" not in text
    assert "pytest -k b" in page.inner_text("#row pre")
    page.get_by_role("button", name="Copy the command").first.click()
    assert (
        page.get_by_role("button", name="Copied")
        .or_(page.get_by_role("button", name="Selected"))
        .first.is_visible()
    )


def test_all_of_it_can_be_reached_by_the_keyboard(opened: Open, run: Run) -> None:
    page = opened(run)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    button = page.get_by_role("button", name=ROWS[1])
    button.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "row"
    assert button.get_attribute("aria-expanded") == "true"


def test_hostile_texts_execute_nothing(opened: Open, header: Header) -> None:
    row = f"p/s/{HOSTILE}"
    verdict = Verdict(Outcome.DOES_NOT_CONFORM, HOSTILE, (HOSTILE,))
    failed = CaseResult("t", CaseOutcome.FAILED, row=row, stage=HOSTILE, verdict=verdict)
    page = opened(Run(header, (failed,)), at=f"#row={quote(row, safe='')}")
    assert "<img src=x" in page.inner_text("#row")
    assert page.locator("img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_no_serious_fault_of_accessibility(opened: Open, run: Run, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    size = {"width": width, "height": 900}
    page = opened(run, at=f"#row={quote(ROWS[1], safe='')}", color_scheme=scheme, viewport=size)
    found = axe.Axe().run(page).response["violations"]
    grave = [
        (one["id"], one["nodes"][0]["html"])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert grave == []


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_runs_over_the_edge(opened: Open, run: Run, width: int) -> None:
    page = opened(run, viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_paper_nothing_is_left_out(opened: Open, run: Run, tmp_path: Path) -> None:
    page = opened(run)
    page.emulate_media(media="print")
    assert not page.locator(".filters").is_visible()
    assert page.locator("#cells tbody tr").last.is_visible()
    page.pdf(path=tmp_path / "run.pdf")
    assert (tmp_path / "run.pdf").read_bytes().startswith(b"%PDF")


def test_chinese_names_show_as_they_are(opened: Open, header: Header) -> None:
    row = "页面/timm/残差网络"
    passed = CaseResult("t", CaseOutcome.PASSED, row=row, stage="export")
    page = opened(Run(replace(header, pages=()), (passed,)))
    assert shown(page) == [row]


def test_five_thousand_cases_answer_at_once(opened: Open, header: Header) -> None:
    rows = tuple(f"zoo/timm/net{number}" for number in range(250))
    results = tuple(
        CaseResult(f"t{number}[{row}]", CaseOutcome.PASSED, row=row, stage=f"stage{number % 6}")
        for row in rows
        for number in range(20)
    )
    totals = PageTotals("zoo", "zoo.md", "ab", rows, {})
    page = opened(Run(replace(header, pages=(totals,)), results))
    assert len(shown(page)) == 250
    page.fill("#text", "net249")
    assert shown(page) == ["zoo/timm/net249"]


@pytest.mark.parametrize("problem", ["", "the run did not finish"])
def test_an_empty_and_a_killed_run_have_their_page(
    opened: Open, header: Header, results: tuple[CaseResult, ...], problem: str
) -> None:
    page = opened(Run(header, results if problem else (), problem=problem))
    assert page.inner_text(".verdict").startswith("! Not known")
