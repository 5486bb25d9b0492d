"""``python -m benchmarks rates`` simulates what it says, and fails where a risk is exceeded."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from benchmarks import command, rates
from benchmarks.rates import (
    Scenario,
    ScenarioRates,
    broken_risks,
    fixed_rates,
    fixed_size,
    least_images,
    simulate,
)
from benchmarks.rates_table import table
from harness.judging.accuracy.risks import Margin

pytestmark = [
    pytest.mark.shows("a verdict on accuracy is luck, or comes of looking again and again")
]

HALF = Margin(Decimal("0.5"))


def cells(**options: object) -> list[ScenarioRates]:
    defaults: dict[str, object] = {
        "margins": (HALF,),
        "losses": (Decimal(0), Decimal(2)),
        "discordances": (0.025,),
    }
    return list(simulate(models=60, seed=0, **(defaults | options)))  # type: ignore[arg-type]


@pytest.mark.parametrize(("loss", "rate"), [("0", 0.025), ("0.3", 0.05), ("2", 0.001)])
def test_a_simulated_model_loses_what_it_should(loss: str, rate: float) -> None:
    lost, won = Scenario(Decimal(loss), rate, HALF).different
    assert lost - won == 500 * Decimal(loss)
    assert lost + won == pytest.approx(max(rate, float(loss) / 100) * 50_000, abs=1)


def test_the_full_set_is_never_wrong() -> None:
    for cell in cells():
        assert cell.full.passes == (cell.scenario.loss < HALF.points)
        assert cell.full.passes + cell.full.fails == 1.0


def test_the_same_seed_simulates_the_same() -> None:
    assert cells() == cells()
    assert cells(losses=(Decimal(0),))[0] == cells()[0]


def test_a_fixed_subset_sees_what_the_hypergeometric_law_says() -> None:
    scenario = Scenario(Decimal("0.5"), 0.025, HALF)
    random = np.random.default_rng(0)
    found = rates._drawn(np.full(2000, 750), np.full(2000, 500), 50_000, 5000, random)
    assert found[0].mean() == pytest.approx(75, abs=1)
    assert (found[0] - found[1]).std() == pytest.approx((5000 * 0.025 * 0.9) ** 0.5, rel=0.06)
    assert fixed_rates(scenario, 5000, models=500, random=random).passes < 0.08


def test_no_test_takes_much_fewer_images_than_the_least() -> None:
    for cell in cells():
        assert cell.sequential.mean > 0.9 * cell.least > 0
    scenario = Scenario(Decimal(0), 0.025, HALF)
    assert least_images(scenario, passes=0.99, fails=0.01) == pytest.approx(5300, rel=0.02)
    assert least_images(scenario, passes=0.04, fails=0.01) == 0.0  # no risk is at stake
    assert fixed_size(HALF, discordance=0.025) == pytest.approx(11_989, abs=1)


def test_an_exceeded_risk_is_told() -> None:
    good = cells()
    assert broken_risks(good, models=60) == []
    flagged = replace(good[0], sequential=replace(good[0].sequential, fails=0.3))
    passed = replace(good[-1], fixed=replace(good[-1].fixed, passes=0.5))
    told = broken_risks([flagged, passed], models=60)
    assert [sentence.split(":")[0] for sentence in told] == ["sequential", "fixed"]
    assert "30.00% of the models that lose 0 points are flagged" in told[0]


def test_the_table_has_a_line_for_each_loss() -> None:
    lines = table(cells()).splitlines()
    assert lines[0].startswith("margin 0.5 points, acceptable 0, 2.5% of the images differ")
    assert [line.split()[0] for line in lines[3:]] == ["0", "0.5", "2"]


@pytest.mark.parametrize(("share", "status"), [(0.0, 0), (0.5, 1)])
def test_the_command_prints_writes_and_ends_with_its_status(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    share: float,
    status: int,
) -> None:
    cell = cells()[0]
    doctored = replace(cell, sequential=replace(cell.sequential, fails=share))
    monkeypatch.setattr(rates, "simulate", lambda **_: iter([doctored]))
    parser = command.parser()
    file = tmp_path / "rates.json"
    args = parser.parse_args(["rates", "--models", "60", "--json", str(file)])
    assert args.run(args) == status
    printed = capsys.readouterr()
    assert "margin 0.5 points" in printed.out
    assert ("risk exceeded" in printed.err) == bool(status)
    assert json.loads(file.read_text())["cells"][0]["scenario"]["loss"] == "0"


@pytest.mark.parametrize("arguments", [["--models", "0"], ["--models", "x"], ["--seed", "-1"]])
def test_numbers_that_are_none_are_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    parser = command.parser()
    with pytest.raises(SystemExit):
        parser.parse_args(["rates", *arguments])
    assert "is not a whole number" in capsys.readouterr().err
