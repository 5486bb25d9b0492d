"""Figures of other rows and of other networks are told as such, and only where it is no chance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from stand_ins import Shelf, Tally, choice, counted, row

from harness.counting.claims import Pinned, judge_claim
from harness.counting.counts import Counts
from harness.expected.complexity import read_expected
from harness.records import Outcome, Page
from harness.resolving import drafts, findings
from harness.resolving.counted import Countable
from harness.resolving.counting import FigureOrigin
from harness.resolving.elsewhere import with_copies, with_other_networks
from harness.resolving.page import PageResolution, Resolved
from harness.resolving.scales import PLAIN
from harness.resolving.uses import Use

OWN = {"small_x1_0": ("63.670", 63_670_400), "small_x0_5": ("22.600", 22_597_000)}
FIGURES = {**OWN, "small_100": ("63.670", 59_364_000), "small_050": ("22.600", 23_179_000)}


def found(name: str, *, figure: str = "") -> FigureOrigin:
    """A figure in millions, and what the network of that name counts."""
    text, raw = FIGURES[name]
    claim = counted(name, "flops", figure or text, unit="M").claim
    known = name in OWN
    return FigureOrigin(
        f"page/timm/{name}", claim, Use("thop", PLAIN), raw, 10**6, reproduced=known
    )


def copies(*finding: FigureOrigin) -> dict[str, str]:
    rows = [row(one.row.rpartition("/")[2], source="timm") for one in finding]
    told = with_copies({one.row: one for one in finding}, rows)
    return {name.rpartition("/")[2]: one.copied_from for name, one in told.items()}


@pytest.mark.shows("a figure copied from another row passes for a mystery", by="it is named")
def test_two_figures_of_other_rows_are_copies() -> None:
    told = copies(*map(found, FIGURES))
    assert told["small_100"] == "page/timm/small_x1_0"
    assert told["small_050"] == "page/timm/small_x0_5"
    assert (told["small_x1_0"], told["small_x0_5"]) == ("", "")


def test_one_figure_of_three_digits_may_be_the_same_by_chance() -> None:
    many = [
        replace(found("small_x1_0", figure=f"{30 + at}.500"), row=f"page/timm/other{at}")
        for at in range(10)
    ]
    assert copies(*map(found, OWN), *many, found("small_050"))["small_050"] == ""
    assert copies(*map(found, OWN), *many, found("small_100"))["small_100"], "four digits"


def test_a_figure_near_to_its_own_count_is_no_copy() -> None:
    """One digit off, and another row's: a digit was changed."""
    near = replace(found("small_100"), raw=63_671_900)
    assert copies(*map(found, OWN), near, found("small_050"))["small_100"] == ""


SHELF = Shelf({"CSPDarkNet53": (choice("csp.CSP"),), "DarkNet53": (choice("darknet.DarkNet53"),)})
COUNTS = {
    ("csp.CSP", "true"): Counts(6_577_000_000, 27_642_184),
    ("darknet.DarkNet53", "true"): Counts(9_290_000_000, 41_609_928),
}


def looked(*, flops: str, params: str) -> list[str]:
    documented = row("cspdarknet53", source="timm", flops=flops, params=params)
    claims = [replace(counted("csp.CSP", "macs", "1"), claim=one) for one in documented.claims]
    nothing = [
        FigureOrigin(one.row, one.claim, Use("true", PLAIN), 1, 10**9, reproduced=False)
        for one in claims
    ]
    tally = Tally(COUNTS, true_params=41_609_928)
    told = with_other_networks(documented, claims, nothing, SHELF, cast(Countable, tally))
    return [one.other_network for one in told]


@pytest.mark.shows("a row has the figures of another network", by="it is named")
def test_a_row_whose_every_figure_is_another_networks_is_told() -> None:
    assert looked(flops="18.58", params="41.6") == ["darknet"] * 2


def test_one_figure_of_another_network_tells_nothing() -> None:
    assert looked(flops="18.99", params="41.6") == ["", ""]
    assert looked(flops="18.58", params="42.6") == ["", ""]


@pytest.mark.parametrize(
    ("change", "kind", "told"),
    [
        (
            {"copied_from": "page/ppcls/small_x1_0"},
            "copied-from-ppcls/small_x1_0",
            "63.670 M is the figure of page/ppcls/small_x1_0; thop/1e+06 gives 59.364 M",
        ),
        (
            {"other_network": "DarkNet53"},
            "counted-on-DarkNet53",
            "63.670 M is the figure of DarkNet53; thop/1e+06 gives 59.364 M",
        ),
    ],
)
def test_what_belongs_elsewhere_is_a_defect_with_its_cause(
    tmp_path: Path, change: dict[str, str], kind: str, told: str
) -> None:
    finding = replace(found("small_100"), **change)
    documented = row("small_100", source="timm", unit="M", flops="63.670")
    one = Resolved(documented, counted("small_100", "flops", "1").variant, 224)
    one = replace(
        one,
        choice=choice("small_100"),
        true_params=2_540_000,
        true_macs=56_000_000,
        layers={"activations": "35 × relu6"},
    )
    page = Page("page", "page.md", "0" * 64, (documented,))
    resolution = PageResolution(page, (one,), (), {documented.id: finding}, {})
    said = list(findings.lines(findings.as_json(resolution), path="p.md"))
    assert said[-1] == f"p.md:7: page/timm/small_100: {told}"
    path = tmp_path / "page.toml"
    path.write_text(drafts.complexity(resolution), encoding="utf-8")
    (entry,) = read_expected(path, [documented.id]).rows.values()
    (defect,) = entry.defects
    assert defect.kind == kind
    pinned = Pinned("thop", 10**6, finding.raw, 10**6)
    verdict = judge_claim(finding.claim, finding.raw, pinned, defect)
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert defect.cause in verdict.details[0]
