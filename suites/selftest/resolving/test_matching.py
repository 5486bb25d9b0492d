"""A documented name finds its upstream model, or says why it does not."""

from __future__ import annotations

import pytest
from stand_ins import Shelf, choice, row

from harness.resolving.deciding import Undecided, decide
from harness.resolving.matching import Unresolved, resolve
from harness.sources.choices import Preferred

V1, V2 = choice("net.v1", ("76.130", "92.862", 224)), choice("net.v2", ("80.858", "95.434", 224))
SMALL = choice("net_050.a", ("65.910", "86.100", 224))
FULL = choice("net_100.a", ("72.910", "91.000", 224))


def test_the_accuracies_decide_between_weights_of_one_name() -> None:
    decision = resolve(row("net", top1="76.13", top5="92.86"), Shelf({"net": (V2, V1)}))
    assert decision.choice is V1
    assert "76.130/92.862 at 224 px, are the documented ones to the digit" in decision.evidence


def test_a_figure_that_was_measured_again_still_decides() -> None:
    decision = resolve(row("net", top1="76.098", top5="92.880"), Shelf({"net": (V2, V1)}))
    assert decision.choice is V1
    assert "within 0.05 points" in decision.evidence


def test_accuracies_that_fit_no_weights_leave_the_name_ambiguous() -> None:
    with pytest.raises(Unresolved, match=r"fit none of net\.v2 \(80\.858/95\.434 at 224 px\), net"):
        resolve(row("net", top1="77.9", top5="93.9"), Shelf({"net": (V2, V1)}))


@pytest.mark.shows(
    "a name stands for another model than documented",
    by="figures decide, or nothing but the name does; two that fit are none",
)
def test_accuracies_that_fit_two_weights_leave_the_name_ambiguous() -> None:
    references = (
        choice("net.a", ("76.130", "92.862", 224)),
        choice("net.b", ("76.130", "92.862", 224)),
    )
    with pytest.raises(Unresolved, match=r"accuracies of 2 models are .*: net\.a, net\.b"):
        resolve(row("net", top1="76.13", top5="92.86"), Shelf({"net": references}))


def test_the_documented_versions_default_decides_where_no_figure_does() -> None:
    decision = resolve(row("net"), Shelf({"net": (V2, V1)}, default="net.v1"))
    assert decision.choice is V1
    assert decision.evidence.endswith("the default of the documented version")


@pytest.mark.parametrize("alone", [False, True], ids=["among several", "alone"])
def test_a_linked_version_decides_before_what_is_only_near(alone: bool) -> None:
    preferred = Preferred(V2, "what the linked version took", linked=True)
    choices = [V1] if alone else [V1, V2]
    decision = decide(row("net", top1="76.098", top5="92.880"), choices, preferred)
    assert decision.choice is (V1 if alone else V2)


def test_a_name_that_the_library_has_given_up_is_followed() -> None:
    library = Shelf({"net.v1": (V1,)}, old={"tv_net": "net.v1"})
    decision = resolve(row("tv_net", top1="76.13"), library)
    assert decision.choice is V1
    assert "shelf 1.0 has renamed tv_net to net.v1" in decision.evidence


def test_case_and_separators_do_not_matter() -> None:
    decision = resolve(row("NetV2"), Shelf({"net_v2": (V2,)}))
    assert decision.choice is V2


@pytest.mark.shows("a name stands for another model than documented")
def test_the_beginning_of_names_is_decided_by_accuracies_alone() -> None:
    library = Shelf({"nets_050": (SMALL,), "nets_100": (FULL,)})
    decision = resolve(row("nets", top1="72.956", top5="91.010"), library)
    assert decision.choice is FULL
    with pytest.raises(Unresolved, match="ambiguous"):
        resolve(row("nets"), library)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(Unresolved, match="no model 'resnet51'; nearest: resnet50"):
        resolve(row("resnet51"), Shelf({"resnet50": (V1,), "vgg16": (V2,)}))


def test_only_weights_are_taken_whatever_their_accuracy_and_it_is_said() -> None:
    decision = decide(row("net", top1="50.0"), [V1], None)
    assert "although their published accuracies are 76.130/92.862" in decision.evidence


def test_nan_fits_nothing() -> None:
    broken = choice("net.nan", ("NaN", "NaN", 224))
    with pytest.raises(Undecided):
        decide(row("net", top1="76.13"), [broken, V2], None)
