"""All 58 documented accuracies against upstream, and each way in which one could be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from harness.judging.published import METRICS, FigureDefect, Published
from harness.records import Figure, Metric, Outcome

pytestmark = [
    pytest.mark.shows(
        "a documented accuracy is another variant's or size's",
        by="upstream's figure for the pinned variant",
    )
]

DEFECTIVE = "resnext/timm/resnext101_64x4d"
TIMM = "resnext/timm/resnext50_32x4d"
TORCHVISION = "resnext/torchvision/resnext50_32x4d"
PPCLS = "resnext/ppcls/resnext50_32x4d"


def documented(entry, metric: Metric) -> Figure:
    claim = entry.model.row.claim(metric)
    assert claim is not None
    return claim.figure


def changed(figure: Figure, place: int) -> Figure:
    """The figure with one digit, counted from its end, changed by one."""
    digits = list(figure.text)
    position = [index for index, one in enumerate(digits) if one.isdigit()][-place]
    digits[position] = str((int(digits[position]) + (1 if digits[position] == "0" else -1)) % 10)
    return Figure("".join(digits))


def test_all_58_documented_accuracies_conform(entries, judge) -> None:
    verdicts = [judge(entry, metric) for entry in entries.values() for metric in METRICS]
    assert len(verdicts) == 58
    assert {verdict.outcome for verdict in verdicts} == {Outcome.CONFORMS}


def test_a_passing_figure_tells_both_figures_and_their_tables(entries, judge) -> None:
    told = str(judge(entries[TIMM], Metric.TOP1))
    parts = (
        "published top1 = 81.140 %, documented 81.108 ± 0.1005 (print 0.0005, re-measured 0.1)",
        "published as resnext50_32x4d.a1h_in1k at 224 px, crop 0.95, bicubic in timm's results",
        "documented to the digit as resnext50_32x4d.a1h_in1k at 224 px",
    )
    assert [part for part in parts if part not in told] == []


def test_two_of_the_58_are_defects_and_nothing_hides_them(entries, judge) -> None:
    found = [
        (entry.model.id, metric)
        for entry in entries.values()
        for metric in METRICS
        if judge(entry, metric, defect=None).outcome is not Outcome.CONFORMS
    ]
    assert found == [(DEFECTIVE, Metric.TOP1), (DEFECTIVE, Metric.TOP5)]


def test_an_undeclared_defect_leads_to_the_size_it_was_measured_at(entries, judge) -> None:
    told = str(judge(entries[DEFECTIVE], Metric.TOP1, defect=None))
    assert "published top1 = 82.446 %, documented 83.140" in told
    assert "likely cause: the figure is that of resnext101_64x4d.c1_in1k at 288 px" in told


@pytest.mark.parametrize("place", [1, 2, 3])
def test_one_changed_digit_is_noticed_in_each_of_the_58(entries, judge, place: int) -> None:
    for entry in entries.values():
        for metric in METRICS:
            wrong = changed(documented(entry, metric), place)
            verdict = judge(entry, metric, figure=wrong, defect=None)
            assert verdict.outcome is Outcome.DOES_NOT_CONFORM, verdict


def test_a_digit_changed_within_the_noise_is_told_as_such(entries, judge) -> None:
    verdict = judge(entries[TIMM], Metric.TOP1, figure=Figure("81.109"))
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "but the page was copied from: 81.108" in str(verdict)
    assert "a digit of the page was changed" in str(verdict)


def test_swapped_columns_are_noticed_in_each_of_the_58(entries, judge) -> None:
    for entry in entries.values():
        for metric, other in (METRICS, METRICS[::-1]):
            swapped = documented(entry, other)
            verdict = judge(entry, metric, figure=swapped, defect=None)
            assert verdict.outcome is Outcome.DOES_NOT_CONFORM, verdict


def test_swapped_columns_are_the_likely_cause(entries, judge) -> None:
    swapped = documented(entries[TORCHVISION], Metric.TOP5)
    verdict = judge(entries[TORCHVISION], Metric.TOP1, figure=swapped)
    assert "the published top5: top1 and top5 are swapped" in str(verdict)


@pytest.mark.parametrize(
    ("row", "figure", "variant"),
    [
        (TORCHVISION, "81.198", "resnext50_32x4d:IMAGENET1K_V2"),
        ("resnext/timm/tv_resnext50_32x4d", "81.140", "resnext50_32x4d.a1h_in1k"),
        ("resnext/mmcls/resnext50_32x4d", "78.61", "resnext101-32x4d_8xb32_in1k"),
        (PPCLS, "80.3", "resnext_vd.ResNeXt101_vd_32x4d"),
    ],
)
def test_the_figure_of_another_variant_is_named(entries, judge, row, figure, variant) -> None:
    verdict = judge(entries[row], Metric.TOP1, figure=Figure(figure))
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert f"that of another variant: {variant} at " in str(verdict)


def test_nan_never_conforms(entries, judge) -> None:
    for row in (TIMM, TORCHVISION, DEFECTIVE):
        verdict = judge(entries[row], Metric.TOP1, value=Decimal("NaN"))
        assert verdict.outcome is Outcome.DOES_NOT_CONFORM
        assert "published top1 = NaN" in verdict.headline


def test_a_figure_that_upstream_measured_anew_is_noticed_beyond_the_noise(entries, judge) -> None:
    near = judge(entries[TIMM], Metric.TOP1, value=Decimal("81.208"))
    far = judge(entries[TIMM], Metric.TOP1, value=Decimal("81.210"))
    assert near.outcome is Outcome.CONFORMS
    assert far.outcome is Outcome.DOES_NOT_CONFORM
    assert "has been measured anew since" in str(far)


# ── defects are strict in both directions ─────────────────────────────────────────────────────


def test_a_known_defect_that_the_page_has_corrected_fails(entries, judge) -> None:
    verdict = judge(entries[DEFECTIVE], Metric.TOP1, figure=Figure("82.446"))
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "says 83.140, the page now says 82.446" in str(verdict)


def test_a_known_defect_that_has_changed_fails(entries, judge) -> None:
    verdict = judge(entries[DEFECTIVE], Metric.TOP5, figure=Figure("96.371"))
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "says 96.370, the page now says 96.371" in str(verdict)


def test_a_known_defect_fails_once_upstream_publishes_another_figure(entries, judge) -> None:
    verdict = judge(entries[DEFECTIVE], Metric.TOP1, value=Decimal("82.448"))
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "82.446 is published, now it is 82.448" in str(verdict)


def test_a_listed_defect_that_is_none_fails(entries, judge) -> None:
    listed = FigureDefect(Figure("81.108"), Decimal("81.140"), "as an example")
    verdict = judge(entries[TIMM], Metric.TOP1, defect=listed)
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "but it is the published one" in str(verdict)


# ── the noise is what re-measuring costs ──────────────────────────────────────────────────────


def test_only_timms_table_is_measured_anew(entries: Mapping) -> None:
    noisy = {row for row, entry in entries.items() if entry.upstream.noise.parts}
    assert noisy == {row for row in entries if "/timm/" in row}


def test_the_noise_is_at_least_twice_what_timms_two_tables_differ_by(entries: Mapping) -> None:
    differences = [
        abs(old.value(metric) - new.value(metric))
        for entry in entries.values()
        for old in entry.upstream.copied
        for new in entry.upstream.current
        if "/timm/" in entry.model.id and same_measurement(old, new)
        for metric in METRICS
    ]
    assert len(differences) == 16
    assert max(differences) == Decimal("0.036")
    assert entries[TIMM].upstream.noise.total >= 2 * max(differences)


def same_measurement(old: Published, new: Published) -> bool:
    return replace(old, table="", top1=new.top1, top5=new.top5) == replace(new, table="")
