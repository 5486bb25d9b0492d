"""The page of a run asks for nothing, holds no markup of others, and makes up nothing."""

from __future__ import annotations

import argparse
import random
import re
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import made_runs
import pytest

from harness.cli import report as command
from harness.judging.verdicts import conforms
from harness.records import Claim, Figure, Measurement, Metric, Tolerance
from harness.reporting import html
from harness.reporting.details import NOT_HELD, WORST, detail
from harness.reporting.history import Series
from harness.reporting.html import write_html
from harness.reporting.matrix import NO_ROW, matrix
from harness.reporting.outline import NOT_COMPARED, SECTIONS
from harness.reporting.results import CaseOutcome, CaseResult, Header, Run, StepCost

ROOT = made_runs.RUNS.parents[1]
LARGEST = 3 * 10**6


class Elements(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside = tag

    def handle_data(self, data: str) -> None:
        if self.inside not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def text_of(run: Run, **options: Any) -> str:
    return Elements(write_html(run, **options)).text


def test_the_order_of_results_does_not_matter() -> None:
    run = made_runs.real("faults")
    shuffled = list(run.results)
    random.Random(4).shuffle(shuffled)
    assert write_html(replace(run, results=tuple(shuffled))) == write_html(run)


def test_the_page_of_852_cases_is_below_its_limit() -> None:
    run = made_runs.gate(29)
    assert len(run.results) > 852
    assert len(write_html(run).encode()) < LARGEST


def test_sections_stand_in_the_order_that_all_reports_have() -> None:
    page = write_html(made_runs.real("faults"))
    found = [one for one in re.findall('<h2 id="([a-z]+)"', page) if one in SECTIONS]
    assert found == list(SECTIONS[: len(found)])
    assert len(found) == 7


def test_what_was_not_measured_is_told_as_largely_as_what_failed() -> None:
    text = text_of(made_runs.real("faults"))
    assert "May this ship? No. 3 failed, 1 blocked of 31 cases, of 3 causes." in text
    assert text.index("Not measured: 2 of 5 claims and 5 cases") < text.index("What failed (3)")
    page = write_html(made_runs.real("faults"))
    assert page.count('<p class="reason">') == 2


def test_causes_name_their_places_and_known_issues_their_days() -> None:
    text = text_of(made_runs.real("faults"))
    assert "macs = 4.288 G, documented 4.289 ± 0.0005 (print) under thop/1e9" in text
    assert "resnext/timm/resnext50_32x4d resnext.md:49" in text
    assert "27 days left, until 2026-12-24" in text
    assert "两个单元格对调了" in text


def test_the_first_screen_names_likely_cause_and_layer_before_anything_else() -> None:
    run = made_runs.real("faults")
    layer = "the first layer that departs: layer3.2.conv1 (convolution): SQNR 30 dB before it"
    results = tuple(
        replace(one, verdict=replace(one.verdict, details=(*one.verdict.details, layer)))
        if one.verdict and "test_parity[" in one.case
        else one
        for one in run.results
    )
    text = text_of(replace(run, results=results))
    first = text[: text.index("What was not measured (")]
    assert first.index("the calibrated range is too narrow") < first.index(layer)
    assert "worst image 15" not in first
    assert "The bound is twice the largest" not in first


def test_a_row_tells_what_was_documented_measured_and_tolerated() -> None:
    (line,) = (one for one in matrix(made_runs.real("clean")).lines if one.source != NO_ROW)
    claims = {one.metric: one for one in detail(line).claims}
    macs = claims["macs"]
    assert (macs.documented, macs.measured, macs.tolerated) == (
        *("4.288", "4.288 G", "± 0.0005 (print)"),
    )
    assert (macs.rule, macs.place) == ("thop/1e9 (raw count 4288184320)", "resnext.md:49")
    assert claims["top1"].told.startswith("accuracy needs labelled images")
    assert {one.title for one in detail(line).plots} == {
        *("Centred SQNR against limit and accepted", "Time by stage"),
    }


def test_accuracy_is_drawn_against_its_claim_with_what_sampling_explains() -> None:
    (line, _) = matrix(made_runs.real("clean")).lines
    claim = Claim(Metric.TOP1, Figure("76.13"), "%", "top1", 49, 3)
    parts = (("print", Decimal("0.005")), ("sampling", Decimal("0.43")), ("int8", Decimal("0.76")))
    measured = {"fp32": (76.2, parts[:2]), "int8": (74.1, parts)}
    results = []
    for one in line.results:
        if "test_accuracy_is_as_documented" in one.case and "top1" in one.case:
            value, allowed = measured[one.precision]
            verdict = conforms(Measurement("top1", value, "%"), claim, Tolerance(allowed))
            verdict = verdict.recorded(f"[{line.id}] resnext.md:49", "")
            one = replace(one, verdict=verdict, reason="")
        results.append(one)
    plots = {one.title: one.drawing for one in detail(replace(line, results=tuple(results))).plots}
    drawing = plots["top1 against its claim"]
    assert "onnxruntime fp32 76.20 %, documented 76.13 ± 0.435" in drawing
    assert "onnxruntime int8 74.10 %, documented 76.13 ± 1.195" in drawing
    marks = {name: drawing.count(f'class="{name}"') for name in ("dot", "band", "reach")}
    assert marks == {"dot": 2, "band": 2, "reach": 2}
    assert "top5 against its claim" not in plots, "which was not measured"


def test_steps_that_ran_are_drawn_with_what_they_took() -> None:
    (line, _) = matrix(made_runs.real("clean")).lines
    export, again = StepCost("export", 2.0, 3 * 2**30), StepCost("export", 1.5, 2**30)
    results = (
        replace(line.results[0], steps=(export, StepCost("run", 4.0, 2**29))),
        replace(line.results[1], steps=(again,)),
        *line.results[2:],
    )
    drawn = {one.title: one.drawing for one in detail(replace(line, results=results)).plots}
    assert "Processor time by step in s: export 3.5, run 4" in drawn["Processor time by step"]
    assert "Memory by step in GiB: export 3, run 0.5" in drawn["Memory by step"]


def test_parity_of_past_runs_is_drawn_for_its_row_alone() -> None:
    (line, _) = matrix(made_runs.real("clean")).lines
    days = [datetime(2030, 1, day, tzinfo=UTC) for day in range(1, 7)]
    values = (17.5, 17.6, 17.5, 15.0, 15.1, 15.0)
    points = tuple(zip(days, values, strict=True))
    past = [
        Series(row, "centred_sqnr", "dB", "precision=int8", points) for row in (line.id, "another")
    ]
    (plot,) = (one for one in detail(line, past).plots if "past runs" in one.title)
    assert "6 runs, from 15 to 17.6 dB, last 15, moved 2030-01-04" in plot.drawing
    text = text_of(made_runs.real("clean"), past=past)
    assert "parity of earlier runs" not in text
    assert text.count("centred_sqnr over past runs: precision=int8") == 1


def test_preprocessing_has_a_bar_a_step() -> None:
    lines = matrix(made_runs.real("clean")).lines
    (line,) = (one for one in lines if one.source == NO_ROW)
    plot = detail(line).plots[0]
    assert plot.title.endswith("timm-a1h_in1k-to-vendor-run-time")
    assert plot.drawing.count('class="bar"') == 7
    assert "aspect 33.7" in plot.drawing


def test_parity_is_drawn_against_its_limit_and_what_was_accepted() -> None:
    (line, _) = matrix(made_runs.real("clean")).lines
    drawing = next(one.drawing for one in detail(line).plots if "SQNR" in one.title)
    assert "onnxruntime int8 17.51 dB, at least 15 dB, accepted 17.5 ± 0.3 dB" in drawing
    for mark in ("dot", "limit", "band"):
        assert f'class="{mark}"' in drawing


def test_layers_that_lose_most_are_drawn_the_worst_first() -> None:
    (line, _) = matrix(made_runs.real("clean")).lines
    losses = tuple(
        Measurement(
            "layer_loss", 0.5 * number, "dB", {"layer": f"/layer1/layer1.{number}/conv/Conv"}
        )
        for number in range(12)
    )
    results = tuple(
        replace(one, measurements=losses) if "test_parity[" in one.case else one
        for one in line.results
    )
    (plot,) = (
        one for one in detail(replace(line, results=results)).plots if "by layer" in one.title
    )
    assert plot.title == "SQNR lost by layer: onnxruntime-int8"
    assert re.findall(r">(layer[^<]+)<", plot.drawing)[:2] == ["layer1.11/conv", "layer1.10/conv"]
    assert plot.drawing.count('class="bar"') == WORST


def test_what_no_log_holds_is_said_and_not_made_up(
    header: Header, results: tuple[CaseResult, ...]
) -> None:
    text = text_of(Run(header, results))
    assert text.count("The run log does not hold: " + "; ".join(NOT_HELD)) == 3
    assert "repeat it" in text
    assert "not in the log" in text, "a log without commands and places"
    assert NOT_COMPARED.capitalize() in text


def test_figures_that_are_no_numbers_or_too_large_are_told_and_not_drawn() -> None:
    run = made_runs.real("clean")
    odd = (float("nan"), float("inf"), 1e308, -1.0)
    results = tuple(
        replace(
            one,
            duration_s=odd[n % 4],
            measurements=tuple(Measurement(f"step{i}_mean_rms", v) for i, v in enumerate(odd)),
        )
        for n, one in enumerate(run.results)
    )
    page = write_html(replace(run, results=results))
    assert "nan" not in "".join(re.findall("<svg.*?</svg>", page, re.DOTALL))
    assert "1e+308" in page


def test_every_line_of_the_first_screen_is_cut_and_counted() -> None:
    run = made_runs.gate(200)
    text = text_of(run, since=[f"change {n}" for n in range(50)])
    assert "6 cases, 6 rows at int8" in text
    assert "2 more" in text
    assert "45 more" in text


# ── nothing of others is markup, and nothing is asked for ─────────────────────────────────────

ASKING = {"src", "srcset", "action", "formaction", "poster", "data", "background", "ping", "style"}


@pytest.mark.shows("a text of a page, a log or a tool runs as script in a report", by="escaped")
@pytest.mark.parametrize(
    "run", [made_runs.hostile(), made_runs.real("faults")], ids=["hostile", "real"]
)
def test_no_element_comes_from_a_run(run: Run) -> None:
    found = Elements(write_html(run)).elements
    ours = {tag for tag, _ in Elements(write_html(made_runs.real("faults"))).elements}
    assert {tag for tag, _ in found} <= ours | {"h3"}
    for _, attributes in found:
        assert not ASKING & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert str(attributes.get("href", "#")).startswith("#")
    assert [tag for tag, _ in found].count("script") == 1


def test_the_policy_names_the_one_script_and_the_one_style() -> None:
    page = write_html(made_runs.real("clean"))
    policy = re.search('Content-Security-Policy" content="(.*?)"', page)
    assert policy is not None
    for part in ("script", "style"):
        content = re.findall(f"<{part}>(.*?)</{part}>", page, re.DOTALL)
        assert [f"'{html.digest(one)}'" in policy[1] for one in content] == [True]
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]


def test_a_template_that_does_not_escape_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in is wrong on purpose: what the test above looks at would be there."""
    monkeypatch.setattr(html.environment(), "autoescape", False)
    monkeypatch.setattr(html.environment(), "cache", None)
    tags = {tag for tag, _ in Elements(write_html(made_runs.hostile())).elements}
    assert "iframe" in tags


# ── where it comes from ───────────────────────────────────────────────────────────────────────


def test_the_command_writes_a_page(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    out = tmp_path / "report.html"
    log = str(made_runs.RUNS / "faults.jsonl")
    args = parser.parse_args(["report", log, "--format", "html", "--out", str(out)])
    assert args.run(args) == 0
    assert out.read_text(encoding="utf-8") == write_html(made_runs.real("faults"))


def test_its_parts_are_packaged() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (pattern,) = config["tool"]["setuptools"]["package-data"]["harness.reporting"]
    folder = ROOT / "harness/reporting"
    assert {one.name for one in folder.glob(pattern)} == {
        *("report.html", "report.css", "report.js"),
        *("base.html", "compare.html", "history_index.html", "history_row.html"),
    }


def test_every_row_that_was_chosen_and_every_case_has_its_line(header: Header) -> None:
    empty = matrix(Run(header, ()))
    assert [line.id for line in empty.lines] == list(header.pages[0].rows)
    run = made_runs.gate(3)
    assert sum(len(line.results) for line in matrix(run).lines) == len(run.results)


def test_every_outcome_has_a_sign_of_its_own() -> None:
    assert len({html.SIGNS[outcome] for outcome in CaseOutcome}) == len(CaseOutcome)
