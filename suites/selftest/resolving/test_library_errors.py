"""Whatever a library throws at one row is that row's reason, and nobody else's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.counting.counts import Counts
from harness.errors import CountError
from harness.expected.variants import Variant
from harness.resolving import counted
from harness.resolving.counted import LONGEST_REASON, Countable

THROWN = {
    "ValueError: can only get shape for dense": ValueError("can only get shape for dense\n at x"),
    "RuntimeError: Tensor on device cpu": RuntimeError("Tensor on device cpu"),
    "count failed: thop: no such layer": CountError("thop: no such layer"),
    "KeyError: 'y'": KeyError("y"),
}


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> dict[str, Exception]:
    """Rules over networks that need no library; of a model in it, what counting it throws."""
    thrown: dict[str, Exception] = {}
    network = SimpleNamespace(framework="torch", input_shape=(3, 8, 8))

    def build(model: str, **_: Any) -> SimpleNamespace:
        return SimpleNamespace(**vars(network), countable=model)

    def count_all(model: str, *_: Any, rules: list[str], **__: Any) -> dict[str, Counts]:
        if model in thrown and ("true" in rules or len(rules) == 1):
            raise thrown[model]
        return dict.fromkeys(rules, Counts(8, 4))

    monkeypatch.setattr(counted, "adapter", lambda _: SimpleNamespace(build=build))
    monkeypatch.setattr(counted.rules, "count_all", count_all)
    return thrown


def variant(model: str) -> Variant:
    return Variant(f"page/timm/{model}", "timm", model, f"{model}.pth", model)


@pytest.mark.shows(
    "a library that throws at one row takes down the others", by="a reason for each row"
)
@pytest.mark.parametrize("reason", THROWN)
def test_it_is_the_reason_of_its_row_alone(library: dict[str, Exception], reason: str) -> None:
    library["bad"] = THROWN[reason]
    countable = Countable()
    assert countable.count(variant("bad"), 8, "true") is None
    assert countable.failures[("timm", "bad", 8), "true"].startswith(reason)
    assert countable.count(variant("good"), 8, "true") == Counts(8, 4)


def test_a_reason_is_a_line_and_bounded(library: dict[str, Exception]) -> None:
    library["bad"] = ValueError("x" * 10_000 + "\nand a graph")
    countable = Countable()
    countable.count(variant("bad"), 8, "true")
    reason = countable.failures[("timm", "bad", 8), "true"]
    assert len(reason) <= LONGEST_REASON + 1
    assert "\n" not in reason


@pytest.mark.usefixtures("library")
def test_a_rule_that_fails_among_others_fails_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rules over layers are applied together; one that does not know a layer costs no other."""
    real = counted.rules.count_all

    def count_all(model: str, *given: Any, rules: list[str], **how: Any) -> dict[str, Counts]:
        if "true" in rules:
            raise CountError("an operator in no list")
        return real(model, *given, rules=rules, **how)

    monkeypatch.setattr(counted.rules, "count_all", count_all)
    countable = Countable()
    together = counted._together("true")
    other = next(name for name in together if name != "true" and name in _applicable())
    assert countable.count(variant("net"), 8, other) == Counts(8, 4)
    assert countable.count(variant("net"), 8, "true") is None


def _applicable() -> tuple[str, ...]:
    return tuple(counted.rules.applicable("torch"))
