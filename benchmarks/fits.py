"""How often a figure that nobody counted is said to be reproduced, by simulation.

Networks are counted once, under every rule. Figures are drawn at random with as many digits and
places as a true one would have, and each is looked at as `update` looks at a page.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from harness.counting.rules import TRUE
from harness.expected.variants import Variant
from harness.records import Claim, Figure, Metric
from harness.resolving.counted import Countable
from harness.resolving.counting import Counted, find
from harness.resolving.scales import DOUBLED, TENTH_DOUBLED
from harness.resolving.uses import unit_of

MODELS: Final[Mapping[str, Sequence[str]]] = {
    "torchvision": (
        *("resnet50:IMAGENET1K_V1", "mobilenet_v2:IMAGENET1K_V1", "densenet121:IMAGENET1K_V1"),
        *("regnet_y_400mf:IMAGENET1K_V1", "shufflenet_v2_x1_0:IMAGENET1K_V1"),
    ),
    "timm": (
        *("resnet34.a1_in1k", "inception_v4.tf_in1k", "mobilenetv3_small_100.lamb_in1k"),
        *("cspresnet50.ra_in1k", "deit_tiny_patch16_224.fb_in1k"),
    ),
    "mmcls": (
        *("resnet34_8xb32_in1k", "mobilenet-v2_8xb32_in1k", "seresnet50_8xb32_in1k"),
        *("vgg11bn_8xb32_in1k", "resnext50-32x4d_8xb32_in1k"),
    ),
    "ppcls": (
        *("resnet.ResNet50", "mobilenet_v2.MobileNetV2_x0_5", "esnet.ESNet_x0_5"),
        *("resnext.ResNeXt50_32x4d", "darknet.DarkNet53"),
    ),
}
"""Small networks of different kinds, for each source exact to the weights."""

DIGITS: Final = (3, 4)
MOST: Final = 0.01
"""The share of false fits that is aimed at, of three digits and more."""

SIZE: Final = 224  # pixels
_KNOWN_PLACES: Final = 3  # of the figures around a random one

Setting = Literal["alone", "one of a column", "a column"]
SETTINGS: Final[tuple[Setting, ...]] = ("alone", "one of a column", "a column")
"""The figure is the column; all others are true, some of them divided wrongly; all are random."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of random figures; shares of them.

    Attributes:
        false: said to be reproduced, or to belong to another input size.
        candidates: a candidate is offered for.
        told: by chance, as it stands beside each figure: the mean.
    """

    source: str
    metric: str
    setting: Setting
    digits: int
    figures: int
    false: float
    candidates: float
    told: float


def simulate(
    *, figures: int, seed: int, models: Mapping[str, Sequence[str]] = MODELS
) -> Iterator[Cell]:
    """Every source, column, setting and number of digits; the same for the same seed.

    ``figures``: about so many in each.
    """
    countable = Countable()
    number = 0
    for source, names in models.items():
        for metric in (Metric.FLOPS, Metric.PARAMS):
            for setting in SETTINGS:
                for digits in DIGITS:
                    random = np.random.Generator(np.random.PCG64([seed, number]))
                    number += 1
                    drawn = _Drawn(source, names, metric, digits, random, countable)
                    yield drawn.cell(setting, figures)


@dataclass(frozen=True, slots=True)
class _Drawn:
    source: str
    models: Sequence[str]
    metric: Metric
    digits: int
    random: np.random.Generator
    countable: Countable

    def cell(self, setting: Setting, figures: int) -> Cell:
        """Draw and look, until there are so many figures."""
        false = candidates = told = looked = 0.0
        while looked < figures:
            at = int(looked) % len(self.models)
            rows = self._column(setting, at)
            drawn = rows if setting == "a column" else [one for one in rows if one.row == str(at)]
            findings = find(rows, self.countable)
            for one in drawn:
                found = findings[one.row]
                false += found.reproduced or bool(found.other_size)
                candidates += bool(found.candidates)
                told += float(found.chance)
            looked += len(drawn)
        shares = (each / looked for each in (false, candidates, told))
        return Cell(self.source, str(self.metric), setting, self.digits, int(looked), *shares)

    def _column(self, setting: Setting, at: int) -> list[Counted]:
        if setting == "alone":
            return [self._random(at)]
        return [
            self._random(index) if setting == "a column" or index == at else self._known(index)
            for index in range(len(self.models))
        ]

    def _random(self, index: int) -> Counted:
        """Any figure with these digits, of the magnitude of the true one."""
        value = self._true(index) * (1, 2)[self.metric is Metric.FLOPS] / 10 ** self._exponent()
        places = max(0, self.digits - 1 - math.floor(math.log10(value)))
        drawn = int(self.random.integers(10 ** (self.digits - 1), 10**self.digits))
        return self._claimed(index, f"{drawn / 10**places:.{places}f}")

    def _known(self, index: int) -> Counted:
        """What the source's first rule prints, of every other network divided by 9e8."""
        raw = self._true(index)
        scale = TENTH_DOUBLED if index % 2 else DOUBLED
        unit = unit_of(self._claimed(index, "1").claim)
        divisor = scale.divisor(unit) if self.metric is Metric.FLOPS else unit
        return self._claimed(index, f"{raw / divisor:.{_KNOWN_PLACES}f}")

    def _claimed(self, index: int, figure: str) -> Counted:
        unit = "M" if self._exponent() == 6 else "G"
        claim = Claim(self.metric, Figure(figure), unit, str(self.metric), 1, 1)
        return Counted(str(index), self._variant(index), SIZE, claim)

    def _variant(self, index: int) -> Variant:
        return Variant(str(index), self.source, self.models[index], "", "")

    def _exponent(self) -> int:
        """Of the column's unit: the smallest network has a figure of three places at least."""
        return 6 if self.metric is Metric.PARAMS or self._true(0) < 10**9 else 9

    def _true(self, index: int) -> int:
        counts = self.countable.count(self._variant(index), SIZE, TRUE)
        assert counts is not None, self.models[index]
        return counts.of(self.metric)


def exceeding(cells: Sequence[Cell]) -> list[str]:
    """Sentences about every setting in which more figures are false than is aimed at."""
    return [
        f"{share:.2%} of random figures of {digits} digits, {setting}, are said to be reproduced, "
        f"aim {MOST:.0%}"
        for setting in SETTINGS
        for digits in DIGITS
        if (share := mean(cells, setting, digits)) > MOST
    ]


def mean(cells: Sequence[Cell], setting: Setting, digits: int) -> float:
    """The share of false fits over all sources and columns."""
    own = [one for one in cells if (one.setting, one.digits) == (setting, digits)]
    return sum(one.false * one.figures for one in own) / sum(one.figures for one in own)
