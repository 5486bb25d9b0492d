"""A figure that does not hold is looked for on its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from harness.judging.page import int8_verdict, printed_elsewhere
from harness.pipeline.catalogue import Catalogue, DocumentedModel, read_catalogue
from harness.records import Claim, Figure, Metric, Outcome

ROW, SIBLING = "resnext/torchvision/resnext50_32x4d", "resnext/torchvision/resnext101_32x8d"


def with_figures(metric: Metric, figures: Mapping[str, str]) -> Catalogue:
    """The real page with other figures in one column, by row."""
    catalogue = read_catalogue()

    def changed(model: DocumentedModel) -> DocumentedModel:
        claims = tuple(
            replace(one, figure=Figure(figures[model.id])) if one.metric is metric else one
            for one in model.row.claims
        )
        return replace(model, documented=replace(model.row, claims=claims))

    rows = tuple(changed(one) if one.id in figures else one for one in catalogue.rows)
    return replace(catalogue, rows=rows)


def told(catalogue: Catalogue, name: str, metric: Metric, right: str) -> str:
    model = catalogue.one(name)
    return printed_elsewhere(model.claim(metric), model.row, catalogue.others(model), right)


def test_the_figure_of_another_row_is_named_with_its_line() -> None:
    said = told(with_figures(Metric.MACS, {ROW: "16.539"}), ROW, Metric.MACS, "4.288")
    assert said.startswith(f"the figure is that of {SIBLING}, resnext.md:48")


def test_two_rows_that_are_swapped_name_each_other() -> None:
    swapped = with_figures(Metric.PARAMS, {ROW: "88.791", SIBLING: "25.029"})
    assert f"25.029 is that of {SIBLING}" in told(swapped, ROW, Metric.PARAMS, "25.029")
    assert f"88.791 is that of {ROW}" in told(swapped, SIBLING, Metric.PARAMS, "88.791")


def test_the_figure_of_another_column_is_named() -> None:
    said = told(with_figures(Metric.TOP5, {ROW: "77.618"}), ROW, Metric.TOP5, "93.698")
    assert said == "the row has the same figure as its top1"


@pytest.mark.parametrize("text", ["4.828", "4.289"])
def test_a_digit_that_was_changed_is_nobodys_though_the_right_one_is_a_twins(text: str) -> None:
    """Of one network in another library."""
    assert told(with_figures(Metric.MACS, {ROW: text}), ROW, Metric.MACS, "4.288") == ""


@pytest.mark.shows(
    "documented int8 is of another model, or of a column that was swapped", by="int8 beside float"
)
@pytest.mark.parametrize(
    ("in_int8", "outcome", "cause"),
    [
        ("76.0", Outcome.CONFORMS, ""),
        ("76.6", Outcome.CONFORMS, ""),  # by chance
        ("66.1", Outcome.CONFORMS, ""),
        ("66.0", Outcome.DOES_NOT_CONFORM, "another model"),
        ("76.7", Outcome.DOES_NOT_CONFORM, "swapped"),
        ("92.9", Outcome.DOES_NOT_CONFORM, "swapped"),
        ("50.0", Outcome.DOES_NOT_CONFORM, "another model"),
    ],
)
def test_int8_neither_gains_nor_loses_what_it_cannot(
    in_int8: str, outcome: Outcome, cause: str
) -> None:
    in_float = Claim(Metric.TOP1, Figure("76.1"), "%", "top1", 4, 1)
    verdict = int8_verdict(
        replace(in_float, metric=Metric.INT8_TOP1, figure=Figure(in_int8)), in_float
    )
    assert verdict.outcome is outcome
    assert cause in "".join(verdict.details)
