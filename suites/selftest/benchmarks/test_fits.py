"""Random figures are not said to be reproduced, and a suite that says so is noticed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from benchmarks import command, fits
from benchmarks.fits import SETTINGS, Cell, exceeding, simulate
from harness.counting.counts import Counts
from harness.expected.variants import Variant
from harness.resolving import counting

MODELS: Mapping[str, tuple[str, ...]] = {"timm": ("a", "b", "c", "d")}
MACS = {"a": 4_089_184_256, "b": 1_814_073_344, "c": 7_801_405_440, "d": 3_000_123_456}


class Networks:
    """Counts of four networks: each rule's a little more than the one's before it."""

    rules = ("true", "thop", "mmcv", "torch-flops", "mmcv-features", "mmengine", "fvcore")

    def count(self, variant: Variant, size: int, rule: str) -> Counts | None:
        if rule not in self.rules:
            return None
        more = 1 + 0.0137 * self.rules.index(rule)
        operations = MACS[variant.model] * more * size**2 / 224**2
        return Counts(int(operations), self.params(variant, size))

    def params(self, variant: Variant, size: int) -> int:  # noqa: ARG002
        return MACS[variant.model] // 163


@pytest.fixture(autouse=True, scope="module")
def networks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(fits, "Countable", Networks)
        yield


@pytest.fixture(scope="module")
def cells(networks: None) -> list[Cell]:  # noqa: ARG001
    return list(simulate(figures=300, seed=3, models=MODELS))


def test_random_figures_are_not_said_to_be_reproduced(cells: list[Cell]) -> None:
    assert {one.setting for one in cells} == set(SETTINGS)
    assert all(one.figures >= 300 for one in cells)
    assert exceeding(cells) == []


@pytest.mark.shows("some rule and divisor fit a figure by chance")
def test_a_suite_to_which_everything_is_usual_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "is_usual", lambda *_, **__: True)
    exceeded = exceeding(list(simulate(figures=60, seed=3, models=MODELS)))
    assert any("3 digits, alone, are said to be reproduced" in one for one in exceeded)


def test_what_is_told_beside_a_figure_is_about_what_is_met(cells: list[Cell]) -> None:
    """Alone, every fit is usual or a candidate; the chance that is told is that of both."""
    alone = [one for one in cells if (one.setting, one.metric) == ("alone", "flops")]
    assert len(alone) == 2
    for one in alone:
        assert one.false + one.candidates == pytest.approx(one.told, abs=0.03)


def test_the_command_fails_where_more_is_false_than_is_aimed_at(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = Cell("timm", "flops", "alone", 3, 100, false=0.02, candidates=0.0, told=0.04)
    others = [Cell("timm", "flops", s, d, 100, 0.0, 0.0, 0.0) for s in SETTINGS for d in (3, 4)]
    monkeypatch.setattr(fits, "simulate", lambda **_: iter([cell, cell, cell, *others]))
    assert command.main(["fits", "--figures", "1"]) == 1
    assert "1.50% of random figures of 3 digits, alone" in capsys.readouterr().err
    monkeypatch.setattr(fits, "simulate", lambda **_: iter(others))
    assert command.main(["fits", "--figures", "1"]) == 0
