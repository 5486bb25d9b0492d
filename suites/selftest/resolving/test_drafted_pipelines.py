"""A drafted pipeline is the row's own in everything that changes a pixel, or there is none."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from large_page import LAYERS
from stand_ins import row

from harness.expected.variants import Variant
from harness.judging.published import (
    USUAL_MEAN,
    USUAL_STD,
    Preprocessing,
    PreprocessingDefect,
    Published,
    judge_preprocessing,
)
from harness.records import Outcome, Page
from harness.resolving import upstream_drafts
from harness.resolving.page import PageResolution, Resolved
from harness.sources.choices import Choice

USUAL = Preprocessing(224, Fraction(7, 8), "bicubic", USUAL_MEAN, USUAL_STD)
OTHERS: dict[str, tuple[Preprocessing, str]] = {
    "mean and deviation": (
        replace(USUAL, mean=(0.5,) * 3, std=(0.5,) * 3),
        "mean 0.5 0.5 0.5, std 0.5 0.5 0.5",
    ),
    "neither": (replace(USUAL, mean=(0.0,) * 3, std=(1.0,) * 3), "mean 0 0 0, std 1 1 1"),
    "mean": (replace(USUAL, mean=(0.5,) * 3), "mean 0.5 0.5 0.5"),
    "deviation": (replace(USUAL, std=(0.5,) * 3), "std 0.5 0.5 0.5"),
    "channels": (replace(USUAL, mean=USUAL_MEAN[::-1]), "mean 0.406 0.456 0.485"),
    "crop mode": (replace(USUAL, crop_mode="squash"), "crop mode squash"),
    "kernel": (replace(USUAL, interpolation="lanczos"), "lanczos"),
    "crop": (replace(USUAL, crop=Fraction(9, 10)), "crop 0.9"),
}


def published(how: Preprocessing) -> Published:
    return Published("net.tag", "a table", how, Decimal(76), Decimal(93))


def drafted(how: Preprocessing, *, source: str = "timm", size: int = 224) -> dict[str, Any]:
    """The draft of a page of one row, whose accuracies were measured so."""
    documented = row("net", source=source, input_size=str(size))
    choice = Choice("net.tag", "net", "net.pth", 224, (published(how),))
    variant = Variant(documented.id, source, "net.tag", "net.pth", "net")
    one = Resolved(documented, variant, size, choice, "", 25_557_032, 4_089_184_256, layers=LAYERS)
    page = Page("page", "page.md", "0" * 64, (documented,))
    return tomllib.loads(upstream_drafts.pipelines(PageResolution(page, (one,), ())))


def test_the_usual_one_is_drafted() -> None:
    assert drafted(USUAL)["rows"]["page/timm/net"]["claim"] == "timm-gluon_in1k"


def test_statistics_in_levels_are_the_same_ones() -> None:
    how = replace(USUAL, interpolation="bilinear")
    assert drafted(how, source="mmcls")["rows"]["page/mmcls/net"]["ships"] == "levels"


@pytest.mark.parametrize("other", OTHERS)
def test_any_other_is_unknown_with_the_reason(other: str) -> None:
    how, told = OTHERS[other]
    draft = drafted(how)
    assert draft["rows"] == {}
    assert draft["unknown"]["page/timm/net"].startswith("the suite has no pipeline of timm with")
    assert told in draft["unknown"]["page/timm/net"]


def test_a_pipeline_of_another_size_than_the_run_time_files_is_unknown() -> None:
    how = replace(USUAL, size=288, crop=Fraction(1))
    draft = drafted(how, size=288)
    assert draft["rows"] == {}
    assert "gives 288×288" in draft["unknown"]["page/timm/net"]


@pytest.mark.parametrize("other", OTHERS)
def test_what_differs_from_the_page_is_named(other: str) -> None:
    how, _ = OTHERS[other]
    verdict = judge_preprocessing(USUAL, published(how), defect=None)
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "was copied without its" in verdict.details[1]
    known = PreprocessingDefect(how, "as an example")
    assert judge_preprocessing(USUAL, published(how), defect=known).outcome is Outcome.CONFORMS
    stale = judge_preprocessing(USUAL, published(USUAL), defect=known)
    assert stale.outcome is Outcome.DOES_NOT_CONFORM


@pytest.mark.parametrize("silent", ["page", "table"])
def test_what_one_side_does_not_say_is_told_to_be_not_compared(silent: str) -> None:
    other, _ = OTHERS["mean and deviation"]
    without = replace(USUAL, mean=None, std=None)
    page, measured = (without, other) if silent == "page" else (USUAL, without)
    verdict = judge_preprocessing(page, published(measured), defect=None)
    assert verdict.outcome is Outcome.CONFORMS
    assert "mean and deviation are not compared: " in verdict.details[-1]
    assert silent in verdict.details[-1]


@pytest.mark.parametrize(
    ("text", "mean"),
    [
        ("Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])", USUAL_MEAN),
        ("mean 0.5, 0.5, 0.5; std 0.5, 0.5, 0.5", (0.5, 0.5, 0.5)),
        ("mean: [123.675, 116.28, 103.53]\nstd: [58.395, 57.12, 57.375]", USUAL_MEAN),
        ("Normalize(mean=[0.485, 0.456, 0.406])", None),
        ("mean=[300, 300, 300], std=[0.5, 0.5, 0.5]", None),
        ("", None),
    ],
)
def test_the_pages_own_statistics_are_read_where_it_says_both(
    text: str, mean: tuple[float, ...] | None
) -> None:
    stated = upstream_drafts._stated(f"Resize(256), CenterCrop(224)\n{text}")["page"]
    assert stated.get("mean") == (None if mean is None else pytest.approx(mean))
    assert ("mean" in stated) == ("std" in stated)
