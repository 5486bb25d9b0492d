"""What was found is written in the form that the suite reads, and only what is missing is added."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from large_page import LAYERS, large_expected
from stand_ins import Tally, choice, counted, row

from harness.counting.claims import NOT_REPRODUCED, ZEROS_ADDED
from harness.counting.counts import Counts
from harness.errors import ExpectationError
from harness.expected.complexity import read_expected
from harness.expected.tolerances import read_tolerances
from harness.expected.variants import Variant, read_variants
from harness.pipeline.catalogue import read_catalogue
from harness.records import Metric, Page
from harness.resolving import drafts, findings
from harness.resolving.counted import Countable
from harness.resolving.counting import FigureOrigin, find
from harness.resolving.defects import defect_of
from harness.resolving.merging import merge
from harness.resolving.page import PageResolution, Resolved
from harness.resolving.scales import (
    CUT_OFF,
    DOUBLED,
    PLAIN,
    ROUNDED_FIRST,
    TENTH,
    TENTH_DOUBLED,
    Scale,
)
from harness.resolving.uses import Use

TRUE_PARAMS, TRUE_MACS = 25_028_904, 4_230_479_872


def resolved(name: str = "net", *, unresolved: str = "", **figures: str) -> Resolved:
    documented = row(name, source="timm", **figures)
    if unresolved:
        variant = Variant(documented.id, "timm", "", "", "", unresolved=unresolved)
        return Resolved(documented, variant, 224)
    variant = Variant(documented.id, "timm", f"{name}.tag", f"{name}.pth", f"timm-{name}")
    own = choice(f"{name}.tag", ("76.13", "92.86", 224))
    counted = (TRUE_PARAMS, TRUE_MACS)
    return Resolved(
        documented, variant, 224, own, "it is so", *counted, grouped=True, layers=LAYERS
    )


def finding(
    metric: str,
    figure: str,
    rule: str,
    raw: int,
    scale: Scale = PLAIN,
    *,
    unit: str = "G",
    reproduced: bool = True,
    padded: bool = False,
    other_size: int = 0,
) -> FigureOrigin:
    claim = counted("net", metric, figure, unit=unit).claim
    size = 10**6 if metric == "params" or unit == "M" else 10**9
    return FigureOrigin(
        "page/timm/net", claim, Use(rule, scale, padded), raw, size, reproduced, other_size
    )


def page_of(*rows: Resolved, **found: FigureOrigin) -> PageResolution:
    page = Page("page", "page.md", "0" * 64, tuple(one.row for one in rows))
    operations = {one.row: one for key, one in found.items() if key != "params"}
    params = {one.row: one for key, one in found.items() if key == "params"}
    return PageResolution(page, rows, (), operations, params)


DEFECTS = {
    "ten-ninths-too-high": finding("macs", "4.765", "thop", 4_288_184_320, TENTH),
    "flops-where-macs-are-meant": finding("macs", "8.461", "true", TRUE_MACS, DOUBLED),
    "groups-divided-twice": finding("flops", "8.02", "paddle-model-stat", 8_017_011_712),
    "group-weights-dropped": finding("params", "23.64", "paddle-model-stat", 23_640_897),
    "of-the-deployed-network": finding("params", "24.03", "deployed", 24_030_000),
    "of-the-deployed-network-and-cut-off": finding(
        "params", "24.03", "deployed", 24_039_000, CUT_OFF
    ),
    "of-the-deployed-network-and-zeros-added": finding(
        "params", "24.020", "deployed", 24_021_000, padded=True
    ),
    "running-statistics-counted": finding("params", "25.10", "paddle-flops", 25_097_128),
    NOT_REPRODUCED: finding("macs", "4.301", "thop", 4_288_184_320, reproduced=False),
    "cut-off": finding("macs", "4.230", "true", TRUE_MACS + 400_000, CUT_OFF),
    "rounded-before-doubling": finding("flops", "8.460", "true", TRUE_MACS, ROUNDED_FIRST),
    "counted-at-192": finding(
        *("flops", "7.001", "thop", 4_288_184_320, TENTH_DOUBLED),
        reproduced=False,
        other_size=192,
    ),
    ZEROS_ADDED: finding("macs", "4.290", "thop", 4_288_184_320, padded=True),
}
SOUND = (
    finding("macs", "4.288", "thop", 4_288_184_320),
    finding("flops", "8.461", "true", TRUE_MACS, DOUBLED),
    finding("flops", "4288.184", "thop", 4_288_184_320, unit="M"),
    finding("params", "25.029", "thop", TRUE_PARAMS),
)


@pytest.mark.parametrize("kind", DEFECTS)
def test_each_defect_is_named_and_read_back(tmp_path: Path, kind: str) -> None:
    found = DEFECTS[kind]
    one = resolved(**{str(found.claim.metric): found.claim.figure.text})
    column = "params" if found.claim.metric is Metric.PARAMS else "operations"
    path = tmp_path / "page.toml"
    path.write_text(drafts.complexity(page_of(one, **{column: found})), encoding="utf-8")
    (entry,) = read_expected(path, [one.row.id]).rows.values()
    (defect,) = entry.defects
    assert (defect.kind, defect.printed) == (kind, found.claim.figure)
    assert defect.cause


@pytest.mark.parametrize("found", SOUND, ids=lambda one: f"{one.claim.metric}-{one.use.rule}")
def test_a_sound_figure_has_no_defect(found: FigureOrigin) -> None:
    assert defect_of(found, resolved()) is None


def test_a_draft_of_variants_is_read_back_with_its_reasons(tmp_path: Path) -> None:
    one, other = resolved(input_size="224"), resolved("lost", unresolved="no source: keras")
    path = tmp_path / "page.toml"
    path.write_text(drafts.variants(page_of(one, other)), encoding="utf-8")
    known = read_variants(path, rows=[one.row.id, other.row.id])
    assert known[one.row.id] == one.variant
    assert known[other.row.id].unresolved == "no source: keras"
    assert '# it is so\n[rows."page/timm/net"]' in path.read_text(encoding="utf-8")


def test_a_row_without_counts_is_listed_with_its_reason(tmp_path: Path) -> None:
    other = resolved("lost", unresolved="no source: keras")
    path = tmp_path / "page.toml"
    path.write_text(drafts.complexity(page_of(other)), encoding="utf-8")
    read = read_expected(path, [other.row.id])
    assert (read.rows, read.unknown) == ({}, {other.row.id: "no source: keras"})
    with pytest.raises(ExpectationError, match=r"no entry in \[rows\] for page/timm/net"):
        read_expected(path, [other.row.id, "page/timm/net"])


def test_ten_ninths_of_flops_belong_to_flops() -> None:
    """What belongs in the column has two operations for each multiply-accumulate as well."""
    defect = defect_of(finding("flops", "9.529", "thop", 4_288_184_320, TENTH_DOUBLED), resolved())
    assert defect is not None
    assert (defect.kind, defect.true) == ("ten-ninths-too-high", 2 * 4_288_184_320)


def test_what_was_found_is_said_by_column_and_line() -> None:
    one = resolved(macs="4.301")
    said = list(
        findings.lines(findings.as_json(page_of(one, macs=DEFECTS[NOT_REPRODUCED])), path="p.md")
    )
    assert said == [
        "timm macs: no rule",
        "p.md:7: page/timm/net: no rule reproduces 4.301 G; nearest is thop/1e+09 with 4.288 G",
    ]
    found = DEFECTS["rounded-before-doubling"]
    said = list(findings.lines(findings.as_json(page_of(one, macs=found)), path="p.md"))
    assert said == ["timm flops: true/5e+08 doubled after rounding (1 rows, by chance 0 %)"]
    found = DEFECTS["counted-at-192"]
    said = list(findings.lines(findings.as_json(page_of(one, macs=found)), path="p.md"))
    assert said[1] == (
        "p.md:7: page/timm/net: 7.001 G is thop/4.5e+08 at 192 px (by chance 0 %); at the "
        "documented size it is 9.529 G"
    )


@pytest.mark.shows("a candidate passes for the cause of a figure", by="it is told as one")
def test_a_candidate_is_told_with_its_chance_and_not_pinned() -> None:
    candidate = replace(
        DEFECTS[NOT_REPRODUCED], candidates=(Use("true", TENTH),), chance=Fraction(4, 90)
    )
    one = resolved(macs="4.301")
    said = list(findings.lines(findings.as_json(page_of(one, macs=candidate)), path="p.md"))
    assert said[1].endswith(
        "nearest is thop/1e+09 with 4.288 G; true/9e+08 would, which no other figure bears out: "
        "4.4 % of all figures fit by chance"
    )
    draft = drafts.complexity(page_of(one, macs=candidate))
    assert "# 4.301 G may be true/9e+08, by chance in 4.4 %\n[rows." in draft
    (entry,) = tomllib.loads(draft)["rows"].values()
    assert entry["operations"]["divisor"] == 10**9


@pytest.mark.shows("a network without groups has groups divided twice", by="its layers are asked")
@pytest.mark.parametrize(
    ("kind", "grouped"),
    [
        ("groups-divided-twice", True),
        ("group-weights-dropped", True),
        ("relu-subtracted", False),
        ("fc-bias-counted-once", False),
    ],
)
def test_groups_are_blamed_only_where_there_are_groups(kind: str, grouped: bool) -> None:
    figures = {"operations": DEFECTS["groups-divided-twice"]}
    figures["params"] = DEFECTS["group-weights-dropped"]
    one = replace(resolved(), grouped=grouped)
    kinds = {defect.kind for each in figures.values() if (defect := defect_of(each, one))}
    assert kind in kinds
    assert any("group" in each for each in kinds) == grouped


# ── merging ───────────────────────────────────────────────────────────────────────────────────

KEPT = """# by hand
[kinds]
tenth = "A tenth too much."

[rows."page/timm/old"] # a comment
operations = { counter = "true", divisor = 1_000_000_000, raw = 7 }
"""


def test_what_is_kept_by_hand_stays_and_new_rows_are_added(tmp_path: Path) -> None:
    kept = tmp_path / "page.toml"
    kept.write_text(KEPT, encoding="utf-8")
    one = resolved(macs="4.765")
    draft = drafts.complexity(page_of(one, macs=DEFECTS["ten-ninths-too-high"]))
    merged = merge(kept, draft, rows=frozenset({"page/timm/old", one.row.id}))
    assert merged.added == (one.row.id,)
    assert merged.text.startswith("# by hand\n[kinds]\nten-ninths-too-high = ")
    assert '[rows."page/timm/old"] # a comment\noperations' in merged.text
    assert merged.gone == ()


@pytest.mark.shows(
    "`update` undoes what people decided", by="it only adds; what differs is printed"
)
def test_a_kept_entry_that_differs_is_told_and_not_touched(tmp_path: Path) -> None:
    one = resolved(macs="4.765")
    draft = drafts.complexity(page_of(one, macs=DEFECTS["ten-ninths-too-high"]))
    kept = tmp_path / "page.toml"
    kept.write_text(draft.replace("raw = 4_288_184_320", "raw = 4_288_184_321"), encoding="utf-8")
    merged = merge(kept, draft, rows=frozenset({one.row.id}))
    assert merged.text == kept.read_text(encoding="utf-8")
    ((row_id, key, old, new),) = merged.differing
    assert (row_id, key, old["raw"], new["raw"]) == (one.row.id, "operations", *RAWS)


RAWS = (4_288_184_321, 4_288_184_320)


def test_an_entry_of_no_row_is_told(tmp_path: Path) -> None:
    kept = tmp_path / "page.toml"
    kept.write_text(KEPT, encoding="utf-8")
    merged = merge(kept, drafts.complexity(page_of()), rows=frozenset())
    assert merged.gone == ("page/timm/old",)


@pytest.mark.parametrize("known", ["", '\n[unknown]\n"page/timm/odd" = "kept"\n'])
def test_a_new_row_that_cannot_be_counted_is_added_with_its_reason(
    tmp_path: Path, known: str
) -> None:
    kept = tmp_path / "page.toml"
    kept.write_text(KEPT + known, encoding="utf-8")
    draft = '[unknown]\n"page/timm/new" = "no source"\n"page/timm/odd" = "found"\n'
    rows = frozenset({"page/timm/old", "page/timm/new", "page/timm/odd"})
    merged = merge(kept, draft, rows=rows)
    unknown = tomllib.loads(merged.text)["unknown"]
    assert unknown == {"page/timm/new": "no source", "page/timm/odd": "kept" if known else "found"}
    assert merged.text.startswith("# by hand")
    assert "page/timm/new" in merged.added


# ── a folder of expectations ──────────────────────────────────────────────────────────────────


def test_drafts_of_five_hundred_rows_are_complete_expectations(tmp_path: Path) -> None:
    rows = read_catalogue(large_expected(tmp_path, rows=500)).rows
    assert len({one.id for one in rows}) == 500
    assert all(one.expected_complexity.operations.counter == "thop" for one in rows)


def test_decisions_about_rows_of_other_pages_are_left_out(tmp_path: Path) -> None:
    expected = large_expected(tmp_path, rows=4)
    tolerances = read_tolerances(expected / "tolerances.toml")
    tolerances.require_used(one.row for one in read_catalogue(expected).rows)
    assert (expected / "known_issues.toml").read_text(encoding="utf-8") == ""


COUNT = st.integers(1_000, 10**11)


@given(
    st.sampled_from(["macs", "flops", "params"]),
    st.sampled_from(["M", "G"]),
    st.dictionaries(st.sampled_from(["thop", "true", "fvcore", "mmengine"]), COUNT, min_size=1),
    st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(2), Fraction(9, 10), Fraction(1000)]),
    st.integers(0, 3),
    st.integers(-2, 2),
)
@settings(max_examples=300, deadline=None)
def test_whatever_is_drafted_is_taken(
    tmp_path_factory: pytest.TempPathFactory,
    metric: str,
    unit: str,
    counts: dict[str, int],
    part: Fraction,
    places: int,
    off: int,
) -> None:
    """Of any figure, right, wrong, scaled or by another rule, the gate takes what is drafted."""
    one = next(iter(counts.values()))
    value = round(Fraction(one) / 10 ** (6 if unit == "M" else 9) / part * 10**places) + off
    text = f"{max(value, 1) / Decimal(10**places):.{places}f}"
    tally = Tally({("net", rule): Counts(count, count) for rule, count in counts.items()})
    claimed = counted("net", metric, text, unit=unit)
    found = find([claimed], cast(Countable, tally)).get(claimed.row)
    row = replace(resolved(**{metric: text}), true_params=counts.get("true", one))
    row = replace(row, true_macs=counts.get("true", one))
    page = page_of(row, **({} if found is None else {metric: found}))
    path = tmp_path_factory.mktemp("drafts") / "page.toml"
    path.write_text(drafts.complexity(page), encoding="utf-8")
    read = read_expected(path, [row.row.id])
    assert {*read.rows, *read.unknown} == {row.row.id}


def test_a_figure_that_the_true_count_prints_is_pinned_to_it(tmp_path: Path) -> None:
    """Another rule counts a little more, and prints the same."""
    found = finding("params", "25.03", "paddle-flops", TRUE_PARAMS + 400)
    one = resolved(params="25.03")
    path = tmp_path / "page.toml"
    path.write_text(drafts.complexity(page_of(one, params=found)), encoding="utf-8")
    (entry,) = read_expected(path, [one.row.id]).rows.values()
    assert (entry.params.counter, entry.params.raw, entry.defects) == ("true", TRUE_PARAMS, ())
