"""How often a paired verdict is wrong and how many images it takes, by simulation.

A simulated model is a set of 50,000 images on which int8 loses exactly so much and differs from
fp32 on exactly so many images, in random order. Only the images that differ carry information, so
what a look finds among the next ones is drawn from two hypergeometric distributions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr
from scipy.stats import binom, norm

from harness.judging.accuracy.betting import fastest_growth
from harness.judging.accuracy.claims import FULL_SET
from harness.judging.accuracy.fixed import Bools, decide
from harness.judging.accuracy.risks import Margin, relative_margin
from harness.judging.accuracy.sequential import LOOK, look, start

FP32_TOP1 = Decimal("79.00")
"""Percent; about what the page's ResNeXt rows document."""

MARGINS = (
    Margin(Decimal("0.5")),
    Margin(Decimal(1)),
    relative_margin(FP32_TOP1),
    Margin(Decimal(1), acceptable=Decimal("0.5")),
)
"""The last one is for int8 that is known to cost up to half a point, as the vendor's does."""

LOSSES = tuple(map(Decimal, ("0", "0.3", "0.5", "1", "2")))
"""True losses in points; each margin itself is added."""

DISCORDANCES = (0.025, 0.05)
"""Shares of images that one half alone gets right: MobileNetV2 in int8 lost 15 and gained 17 of
1300, and twice that."""

SUBSET = FULL_SET // 10
"""Images of the fixed subset."""

UNLIKELY = 1e-4
"""A risk is broken where it explains the rate that was found with less than this probability."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Models that all lose the same.

    Attributes:
        loss: fp32 minus int8 on the whole population, in points.
        discordance: share of images that one half alone gets right; the loss where that is more.
        margin: that they are held against.
        population: images.
    """

    loss: Decimal
    discordance: float
    margin: Margin
    population: int = FULL_SET

    @property
    def different(self) -> tuple[int, int]:
        """Images of the population that are lost, and that are gained."""
        net = round(self.loss * self.population / 100)
        gains = max(0, round(self.discordance * self.population) - net) // 2
        return gains + net, gains


@dataclass(frozen=True, slots=True)
class Rates:
    """What came of many models of one scenario; shares of them, and images.

    Attributes:
        passes, fails: what remains is undecided.
        median, most, mean: images it took; ``most`` is the 95th of 100.
    """

    passes: float
    fails: float
    median: float
    most: float
    mean: float


@dataclass(frozen=True, slots=True)
class ScenarioRates:
    """One scenario under each way of evaluating.

    ``least`` is about how many images any test takes on average that passes and fails as many
    models of this scenario as the sequential one, and keeps both risks; see :func:`least_images`.
    """

    scenario: Scenario
    full: Rates
    fixed: Rates
    sequential: Rates
    least: float


def simulate(
    *,
    models: int,
    seed: int,
    margins: Sequence[Margin] = MARGINS,
    losses: Sequence[Decimal] = LOSSES,
    discordances: Sequence[float] = DISCORDANCES,
) -> Iterator[ScenarioRates]:
    """Every margin, discordance and loss, one after the other; the margins are losses as well.

    The same figures for the same seed and NumPy version.
    """
    number = 0
    for margin in margins:
        for discordance in discordances:
            for loss in sorted({*losses, margin.points}):
                scenario = Scenario(loss, discordance, margin)
                # Each cell has numbers of its own, so that none changes when cells are added.
                random = np.random.Generator(np.random.PCG64([seed, number]))
                number += 1
                sequential = sequential_rates(scenario, models=models, random=random)
                yield ScenarioRates(
                    scenario,
                    fixed_rates(scenario, scenario.population, models=models, random=random),
                    fixed_rates(scenario, SUBSET, models=models, random=random),
                    sequential,
                    least_images(scenario, passes=sequential.passes, fails=sequential.fails),
                )


def fixed_rates(
    scenario: Scenario, images: int, *, models: int, random: np.random.Generator
) -> Rates:
    """Evaluate as many images of each model, drawn without replacement."""
    lost, won = scenario.different
    found = _drawn(np.full(models, lost), np.full(models, won), scenario.population, images, random)
    passes, fails = decide(*found, images, margin=scenario.margin, population=scenario.population)
    return _rates(passes, fails, np.full(models, images))


def sequential_rates(
    scenario: Scenario, *, models: int, random: np.random.Generator, every: int = LOOK
) -> Rates:
    """Evaluate each model until its verdict stands."""
    lost, won = (np.full(models, count) for count in scenario.different)
    running = np.arange(models)
    passes, fails = np.zeros(models, bool), np.zeros(models, bool)
    images = np.zeros(models, np.int64)
    evidence = start((models,))
    while running.size:
        unseen = scenario.population - evidence.images
        step = min(every, unseen)
        found = _drawn(lost, won, unseen, step, random)
        lost, won = lost - found[0], won - found[1]
        evidence = look(
            evidence, *found, images=step, margin=scenario.margin, population=scenario.population
        )
        passes[running], fails[running] = evidence.passes, evidence.fails
        images[running] = evidence.images
        going = evidence.undecided
        running, lost, won, evidence = running[going], lost[going], won[going], evidence.only(going)
    return _rates(passes, fails, images)


def least_images(scenario: Scenario, *, passes: float, fails: float) -> float:
    """About how many images any test takes on average that keeps both risks.

    Wald's inequality (Sequential Analysis, 1947, A.8): a test that passes a share ``passes`` of
    these models, and at most beta of any that loses the margin, needs on average d(passes, beta)
    over the Kullback-Leibler distance to the nearest such model, d being that between two coins;
    likewise for ``fails``. These hold with replacement. Without, n images are worth n / (1 - n/N)
    of them to the first order, which makes the bound good to a few percent and no better.
    """
    lost, won = (count / scenario.population for count in scenario.different)
    loss, discordance = lost - won, lost + won
    margin = scenario.margin
    sides = []
    if scenario.loss < margin.points:
        sides.append((passes, margin.risks.beta, margin.share))
    if scenario.loss > margin.acceptable:
        sides.append((fails, margin.risks.alpha, margin.acceptable_share))
    least = 0.0
    for share, risk, null in sides:
        if share > risk:
            coins = float(rel_entr(share, risk) + rel_entr(1.0 - share, 1.0 - risk))
            growth = fastest_growth(null, loss=loss, discordance=discordance)
            least = max(least, coins / growth)
    return least / (1.0 + least / scenario.population)


def fixed_size(margin: Margin, *, discordance: float, population: int = FULL_SET) -> float:
    """About how many images a fixed number has to be so that one threshold keeps both risks.

    The best that can be done with a number chosen beforehand, and a discordance that is known.
    """
    deviations = float(norm.isf(margin.risks.alpha) + norm.isf(margin.risks.beta))
    endless = discordance * (deviations / (margin.share - margin.acceptable_share)) ** 2
    return endless / (1.0 + endless / population)


def broken_risks(cells: Sequence[ScenarioRates], *, models: int) -> list[str]:
    """Sentences about every error that is more frequent than stated, beyond chance."""
    broken = []
    for cell in cells:
        scenario, margin = cell.scenario, cell.scenario.margin
        for way, rates in (
            ("full", cell.full),
            ("fixed", cell.fixed),
            ("sequential", cell.sequential),
        ):
            errors = []
            if scenario.loss <= margin.acceptable:
                errors.append(("flagged", rates.fails, margin.risks.alpha))
            if scenario.loss >= margin.points:
                errors.append(("passed", rates.passes, margin.risks.beta))
            broken += [
                f"{way}: {share:.2%} of the models that lose {scenario.loss} points are {what}, "
                f"margin {margin}, stated {risk:.2%}"
                for what, share, risk in errors
                if binom.sf(round(share * models) - 1, models, risk) < UNLIKELY
            ]
    return broken


def _drawn(
    lost: Counts, won: Counts, unseen: int, images: int, random: np.random.Generator
) -> tuple[Counts, Counts]:
    """How many of the next images are lost and gained, of those that are left."""
    different = random.hypergeometric(lost + won, unseen - lost - won, images)
    losses = random.hypergeometric(lost, won, different)
    return losses, different - losses


def _rates(passes: Bools, fails: Bools, images: Counts) -> Rates:
    return Rates(
        float(passes.mean()),
        float(fails.mean()),
        float(np.median(images)),
        math.ceil(np.quantile(images, 0.95)),
        float(images.mean()),
    )
