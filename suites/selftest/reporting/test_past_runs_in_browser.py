"""Pages of photographs, of past runs and of what changed, in a headless Chromium."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import made_runs
import pytest
from browsing import Show, grave_faults

from benchmarks import mobilenet_zoo
from harness.__main__ import main
from harness.images.thumbnails import thumbnail
from harness.reporting.history import History
from harness.reporting.history_site import write_site
from harness.reporting.html import write_html
from harness.reporting.results import CaseOutcome
from harness.reporting.runlog import RunLog, read

ROW = made_runs.ROW


# ── photographs ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def on_photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of a gate on real photographs with real weights; its page is beside it."""
    if not mobilenet_zoo.DATA.is_dir():
        pytest.skip("no real images here: ../shared/data is missing")
    folder = tmp_path_factory.mktemp("photographs")
    options = [*mobilenet_zoo.build(folder).options(), f"--results={folder / 'results'}"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "accuracy"]
    command += [*options, "--images=300", f"--store={folder / 'store'}", "--margin=10"]
    command += [f"--run-log={folder / 'run.jsonl'}"]
    run = subprocess.run(
        command, cwd=made_runs.RUNS.parents[1], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout
    return folder / "run.jsonl"


def test_images_lost_and_gained_are_shown_with_both_answers(
    show: Show, on_photographs: Path
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe here")
    row = quote(mobilenet_zoo.TORCHVISION, safe="")
    for width in (1440, 390):
        path = on_photographs.with_name("run.jsonl.html")
        page = show(path, f"#open={row}", width=width, bypass_csp=width == 390)
        page.locator("tr.detail:visible .changed summary").click()
        pictures = page.locator("tr.detail:visible .changed img")
        assert pictures.count() > 3
        sides = pictures.evaluate_all("all => all.map(one => one.naturalWidth)")
        assert set(sides) == {96}
        told = page.locator("tr.detail:visible .changed li").first.inner_text()
        assert re.search(r"class \d+: top-1 lost, top-5 kept\s+fp32 \d+ 0\.\d+", told)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert grave_faults(axe, page) == {}


def test_photographs_are_left_out_where_that_is_asked_for_and_where_they_are_gone(
    show: Show, on_photographs: Path, tmp_path: Path
) -> None:
    without, gone = tmp_path / "without.html", tmp_path / "gone.html"
    words = ["report", str(on_photographs), "--format=html", "--no-images", f"--out={without}"]
    assert main(words) == 0
    run = read(on_photographs)
    moved = tuple(
        replace(one, changed=tuple(replace(image, path="/gone.jpg") for image in one.changed))
        for one in run.results
    )
    gone.write_text(write_html(replace(run, results=moved), thumbnail=thumbnail), encoding="utf-8")
    for path in (without, gone):
        page = show(path, f"#open={quote(mobilenet_zoo.TORCHVISION, safe='')}")
        page.locator("tr.detail:visible .changed summary").click()
        assert page.locator("img").count() == 0
        assert "top-1 lost" in page.locator("tr.detail:visible .changed").inner_text()


# ── past runs ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 40 days, on the last of which figures came to another level and a case failed."""
    folder = tmp_path_factory.mktemp("past")
    history, run = History(folder / "history"), made_runs.real("clean")
    for day in range(40):
        late = day > 30
        results = tuple(
            replace(
                one,
                outcome=CaseOutcome.FAILED if late and "parity" in one.case else one.outcome,
                measurements=tuple(
                    replace(figure, value=figure.value * (1 - 0.2 * late + 0.001 * (day % 3)))
                    for figure in one.measurements
                ),
            )
            for one in run.results
        )
        started = (datetime(2030, 1, 1, tzinfo=UTC) + timedelta(days=day)).isoformat()
        with RunLog(folder / f"{day}.jsonl", replace(run.header, started=started)) as log:
            for one in results:
                log.record(one)
        history.add(folder / f"{day}.jsonl")
    write_site(history, folder / "site", accepted=lambda one: (17.0, 18.0) if one.row else None)
    return folder / "site"


def test_the_index_of_past_runs_leads_to_a_row_and_back(show: Show, site: Path) -> None:
    page = show(site / "index.html")
    assert page.locator("section[aria-labelledby=runs] tbody tr").count() == 40
    address = page.get_by_role("link", name=ROW).first.get_attribute("href")
    row = show(site / address)
    assert row.get_by_role("link", name="all rows and runs").get_attribute("href") == "index.html"
    told = row.get_by_role("img").first.get_attribute("aria-label")
    assert "40 runs" in told
    assert "moved 2030-02-01" in told


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_no_serious_fault_in_past_runs(
    show: Show, site: Path, scheme: str, width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe here")
    for path in sorted(site.glob("*.html")):
        page = show(path, width=width, color_scheme=scheme, bypass_csp=True)
        assert grave_faults(axe, page) == {}
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1440, 390])
def test_what_changed_is_a_page_that_everybody_can_read(
    show: Show, tmp_path: Path, width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe here")
    logs = [tmp_path / name for name in ("clean.jsonl", "hostile.jsonl")]
    for path, run in zip(logs, (made_runs.real("clean"), made_runs.hostile()), strict=True):
        with RunLog(path, run.header) as log:
            for one in run.results:
                log.record(one)
    words = ["compare", *map(str, logs), "--format=html", f"--out={tmp_path / 'changes.html'}"]
    assert main(words) == 1
    page = show(tmp_path / "changes.html", width=width, bypass_csp=True)
    assert "not judged any more" in page.inner_text("h2 >> nth=0")
    assert page.locator("main script, iframe, img").count() == 0
    assert grave_faults(axe, page) == {}
    assert page.evaluate("document.documentElement.scrollWidth") <= width
