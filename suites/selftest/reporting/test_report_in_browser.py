"""The page as people use it, in a headless Chromium: Debian's package, through Playwright."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import made_runs
import pytest
from browsing import Show, grave_faults

from harness.reporting.results import Header, Run
from harness.reporting.runlog import UNFINISHED

ROW = made_runs.ROW
OPEN = f'button[data-row="{ROW}"]'


def rows_shown(page: Any) -> list[str]:
    """The ids of the rows that are in sight, in their order."""
    found: list[str] = page.eval_on_selector_all(
        "#rows > tbody > tr:not(.detail)",
        "rows => rows.filter(row => row.checkVisibility())"
        ".map(row => row.querySelector('[data-row]').dataset.row)",
    )
    return found


def address_has(page: Any, part: str) -> None:
    """Wait until the page's address has come to hold a filter."""
    page.wait_for_url(lambda url: part in url)


# ── finding one's way ─────────────────────────────────────────────────────────────────────────


def test_rows_are_filtered_by_source_outcome_and_text(show: Show) -> None:
    page = show(made_runs.gate(29))
    assert len(rows_shown(page)) == 30
    page.select_option("#source", "mmcls")
    address_has(page, "#source=mmcls")
    assert {row.split("/")[1] for row in rows_shown(page)} == {"mmcls"}
    page.select_option("#outcome", "failed")
    address_has(page, "outcome=failed")
    assert rows_shown(page) == ["resnext/mmcls/net18_32x4d"]
    page.select_option("#source", "")
    page.fill("#q", "scale WRONG net27")
    address_has(page, "q=")
    assert rows_shown(page) == ["resnext/ppcls/net27_32x4d"]
    assert page.inner_text("#shown") == "1 of 30 rows"
    page.click("button[type=reset]")
    page.wait_for_url(lambda url: url.endswith("#"))
    assert len(rows_shown(page)) == 30


def test_a_text_of_a_case_that_is_folded_is_found(show: Show) -> None:
    page = show(made_runs.gate(29), "#q=net7_32x4d+thop%2F1e9")
    assert rows_shown(page) == ["resnext/ppcls/net7_32x4d"]


def test_the_address_keeps_the_filter_and_what_is_open(show: Show) -> None:
    page = show(made_runs.gate(29))
    page.select_option("#source", "timm")
    page.click('button[data-row="resnext/timm/net4_32x4d"]')
    page.click('[data-sort="worst"]')
    address_has(page, "sort=worst")
    before, rows = page.evaluate("location.hash"), rows_shown(page)
    page.reload()
    assert page.evaluate("location.hash") == before
    assert rows_shown(page) == rows
    assert rows[0] == "resnext/timm/net0_32x4d", "what failed comes first"
    assert page.locator("tr.detail:visible").count() == 1


def test_a_deep_link_opens_its_row(show: Show) -> None:
    page = show(made_runs.gate(29), "#open=resnext%2Fppcls%2Fnet27_32x4d")
    detail = page.locator("tr.detail:visible")
    assert "Centred SQNR against limit" in detail.inner_text()
    assert detail.locator("svg").first.bounding_box()["width"] > 200
    focused = page.evaluate("document.activeElement.dataset.row")
    assert focused == "resnext/ppcls/net27_32x4d"


@pytest.mark.parametrize("address", ["#open=nobody", "#sort=%00&source=nobody", "#%%%", "#q=%F0"])
def test_an_address_of_nothing_shows_everything_or_says_that_nothing_fits(
    show: Show, address: str
) -> None:
    page = show(made_runs.gate(5), address)
    shown = page.inner_text("#shown")
    assert shown.endswith("rows")
    assert len(rows_shown(page)) == int(shown.split()[0])


def test_a_count_on_top_leads_to_its_rows(show: Show) -> None:
    page = show(made_runs.gate(29))
    page.click(".tiles .failed a")
    address_has(page, "outcome=failed")
    assert len(rows_shown(page)) == 4
    page.click("#causes ~ ul a >> nth=0")
    page.wait_for_selector("tr.detail:visible")


@pytest.mark.parametrize("key", ["row", "worst", "time", "0", "4"])
def test_columns_sort_both_ways_and_back(show: Show, key: str) -> None:
    page = show(made_runs.gate(29))
    before = rows_shown(page)
    button = page.locator(f'[data-sort="{key}"]')
    header = page.locator(f'th:has([data-sort="{key}"])')
    button.click()
    assert header.get_attribute("aria-sort") == "ascending"
    up = rows_shown(page)
    button.click()
    assert header.get_attribute("aria-sort") == "descending"
    assert sorted(rows_shown(page)) == sorted(up)
    button.click()
    assert rows_shown(page) == before


def test_everything_is_reached_by_keys_alone(show: Show) -> None:
    page = show(made_runs.real("faults"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.locator("#q").focus()
    page.keyboard.type("resnext50")
    address_has(page, "q=resnext50")
    for _ in range(60):
        if page.evaluate("document.activeElement.dataset.row ?? ''") == ROW:
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator(OPEN).get_attribute("aria-expanded") == "true"
    page.keyboard.press("Space")
    assert page.locator("tr.detail:visible").count() == 0


def test_a_link_within_the_page_leaves_the_filter_as_it_is(show: Show) -> None:
    page = show(made_runs.gate(29))
    page.fill("#q", "net27")
    address_has(page, "q=net27")
    page.evaluate(
        "() => new Promise(done => { addEventListener('hashchange', done);"
        " document.querySelector('.skip').click(); })"
    )
    assert page.input_value("#q") == "net27"
    assert rows_shown(page) == ["resnext/ppcls/net27_32x4d"]


def test_the_command_that_repeats_a_case_is_copied(show: Show) -> None:
    page = show(made_runs.real("faults"), f"#open={ROW}", permissions=["clipboard-read"])
    case = page.locator(".cases tr", has_text="documented operations are reproduced")
    case.locator(".copy").click()
    case.get_by_text("copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    test = "suites/test_complexity.py::test_documented_operations_are_reproduced"
    assert copied == f"pytest '{test}[{made_runs.SLUG}]' --expected=spoiled"


# ── every run has its page ────────────────────────────────────────────────────────────────────


def test_a_run_without_cases_says_so(show: Show, header: Header) -> None:
    page = show(Run(header, ()))
    assert "Cannot be said." in page.inner_text("main")
    assert "no case was run" in page.inner_text("main").lower()
    assert len(rows_shown(page)) == 3
    page.select_option("#outcome", "no cases")
    page.click('button[data-row="resnext/timm/a"]')
    assert "No case of this run is about it." in page.inner_text("tr.detail")


def test_a_killed_run_never_looks_whole(show: Show) -> None:
    run = made_runs.real("clean")
    page = show(replace(run, results=run.results[:9], problem=UNFINISHED, finished=""))
    told = page.inner_text(".decision")
    assert "Cannot be said." in told
    assert f"INCOMPLETE RUN LOG: {UNFINISHED}" in told


def test_what_hostile_texts_say_is_text_and_does_nothing(show: Show) -> None:
    page = show(made_runs.hostile())
    page.click("#expand")
    page.fill("#q", "<script>")
    address_has(page, "q=")
    page.locator("tr.detail:visible").first.wait_for()
    for link in page.locator("main a[href*='open=']").all()[:3]:
        link.click()
    assert page.evaluate("window.hit") is None
    assert page.locator("iframe, img, svg a, main script").count() == 0
    page.fill("#q", "残差网络")
    address_has(page, quote("残差网络"))
    assert len(rows_shown(page)) > 0


def test_the_policy_stops_what_no_template_lets_through(show: Show) -> None:
    """Were a text not escaped, its script would still not run."""
    page = show(made_runs.real("clean"))
    tried = """() => { const made = document.createElement('script'); document.body.append(made);
        try { made.text = 'window.hit = 1' } catch {} made.append('window.hit = 2');
        const image = document.createElement('img'); image.src = 'https://example.com/x.png';
        document.body.append(image); try { document.body.innerHTML = '' } catch {} }"""
    with page.expect_event("console"):
        page.evaluate(tried)
    assert page.evaluate("window.hit") is None
    assert len(page.inner_text("main")) > 100
    assert any("Content Security Policy" in one for one in show.complaints)
    show.complaints.clear()


def test_without_scripts_nothing_is_lost(show: Show) -> None:
    page = show(made_runs.real("faults"), java_script_enabled=False)
    told = page.inner_text("body")
    assert "documented 4.289 ± 0.0005 (print)" in told
    assert "The run log does not hold: the SQNR of single layers" in told
    assert page.locator("noscript .cases").count() == 2


def test_chinese_stands_as_it_was_written(show: Show) -> None:
    run = made_runs.real("faults")
    page = show(replace(run, header=replace(run.header, pages=_named(run, "残差网络.md"))))
    assert page.title().startswith("Conformance of 残差网络.md")
    assert "两个单元格对调了" in page.inner_text("#known ~ ul")


def _named(run: Run, path: str) -> tuple[Any, ...]:
    return tuple(replace(one, path=path) for one in run.header.pages)


def test_five_thousand_cases_are_all_there(show: Show) -> None:
    run = made_runs.gate(167)
    assert len(run.results) > 5000
    page = show(run)
    assert len(rows_shown(page)) == 168
    page.fill("#q", "net166_32x4d")
    address_has(page, "q=")
    assert rows_shown(page) == ["resnext/mmcls/net166_32x4d"]


# ── for everybody, on paper too ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_no_serious_fault(show: Show, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe here")
    run = made_runs.real("faults")
    page = show(run, f"#open={ROW}", width=width, color_scheme=scheme, bypass_csp=True)
    assert grave_faults(axe, page) == {}


def test_axe_would_notice_a_page_that_nobody_can_read(show: Show) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe here")
    page = show(made_runs.real("faults"), bypass_csp=True)
    page.add_style_tag(content=".quiet { color: #ddd !important; background: #fff }")
    page.evaluate(
        "document.querySelector('#q').closest('label').replaceWith(document.querySelector('#q'))"
    )
    found = {one["id"] for one in axe.Axe().run(page).response["violations"]}
    assert "color-contrast" in found


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_no_screen_scrolls_sideways(show: Show, width: int) -> None:
    for run in (made_runs.real("faults"), made_runs.hostile()):
        page = show(run, f"#open={ROW}", width=width)
        page.click("#expand")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_and_light_differ(show: Show) -> None:
    backs = {
        scheme: show(made_runs.real("clean"), color_scheme=scheme).evaluate(
            "getComputedStyle(document.body).backgroundColor"
        )
        for scheme in ("light", "dark")
    }
    assert backs == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 27)"}


def test_outcomes_are_told_by_signs_and_words_and_not_by_colour_alone(show: Show) -> None:
    page = show(made_runs.gate(29))
    cells = page.locator("#rows td .o").all_text_contents()
    assert {text[0] for text in cells} == {"✓", "✗", "–"}
    assert all(any(word in text for word in ("passed", "failed", "not measured")) for text in cells)


def test_paper_has_what_is_folded_on_top_and_no_controls(show: Show, tmp_path: Path) -> None:
    page = show(made_runs.gate(29), f"#open={ROW}")
    closed = page.locator("section:not(.matrix) details:not([open])").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert closed > 0
    assert page.locator("section:not(.matrix) details:not([open])").count() == 0
    assert page.locator("form").is_hidden()
    assert page.locator("#rows").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("section:not(.matrix) details:not([open])").count() == closed
    page.pdf(path=str(tmp_path / "report.pdf"), prefer_css_page_size=True)
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
