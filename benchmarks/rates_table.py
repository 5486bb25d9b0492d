"""Simulated error rates as plain text: a block for each margin and discordance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from benchmarks.rates import SUBSET, Rates, ScenarioRates, fixed_size

HEAD: Final = (
    f"{'loss':>6}  {'full':>13}  {f'{SUBSET} images':>20}  {'sequential':>13}"
    f"{'median':>9}{'95 %':>7}{'mean':>7}{'least':>7}\n"
    f"{'':>6}  {'pass   fail':>13}  {'pass   fail   open':>20}  {'pass   fail':>13}"
)

NOTE: Final = (
    "pass, fail, open: percent of the models. median, 95 %, mean: images of the sequential "
    "verdict. least: mean of any test\nthat keeps both risks whatever the share that differs "
    "(Wald's inequality); without replacement it is good to a few percent."
)


def table(cells: Sequence[ScenarioRates]) -> str:
    """The cells of one margin and discordance, a line for each loss.

    Percent of the models that pass, fail and stay open; then the images of the sequential verdict.
    """
    scenario = cells[0].scenario
    margin, discordance = scenario.margin, scenario.discordance
    size = fixed_size(margin, discordance=discordance)
    title = (
        f"margin {margin}, acceptable {margin.acceptable}, {discordance:.1%} of the images differ, "
        f"alpha {margin.risks.alpha:g}, beta {margin.risks.beta:g}; "
        f"a fixed number that keeps both: {size:.0f}"
    )
    return "\n".join([title, HEAD, *map(_line, cells)])


def _line(cell: ScenarioRates) -> str:
    fixed, found = cell.fixed, cell.sequential
    undecided = _percent(1.0 - fixed.passes - fixed.fails)
    return (
        f"{cell.scenario.loss.normalize():>6f}  {_shares(cell.full)}  {_shares(fixed)} {undecided}"
        f"  {_shares(found)}{found.median:>9.0f}{found.most:>7.0f}{found.mean:>7.0f}"
        f"{cell.least:>7.0f}"
    )


def _shares(rates: Rates) -> str:
    return f"{_percent(rates.passes)} {_percent(rates.fails)}"


def _percent(share: float) -> str:
    return f"{abs(100.0 * share):6.2f}"
