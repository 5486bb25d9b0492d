"""How each documented count comes about: the fewest rules that reproduce a column.

A figure of few digits fits some rule and some divisor by chance. So only what tables of the source
are known to have counts for a single row; anything else has to hold for two different figures of
the column, or for all of it where chance is as good as excluded. What does not is a candidate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final

from harness.counting.counts import printed, reproduces
from harness.counting.rules import TRUE, rule_named
from harness.expected.variants import Variant
from harness.records import Claim, Metric
from harness.resolving.counted import TRACED, Countable, rules_of
from harness.resolving.scales import DOUBLED, PLAIN, ROUNDED_FIRST
from harness.resolving.uses import TELLING_DIGITS, Use, chance, digits, gives, is_usual
from harness.resolving.uses import unit_of as unit_of
from harness.resolving.uses import uses as uses_of

_WAYS_DIFFER: Final = Fraction(1, 10)  # the most by which ways of counting one network differ
_BEARING: Final = 2  # different figures that bear an unusual use out
BY_CHANCE: Final = Fraction(1, 200)  # of random figures; where fewer fit, one figure is enough
_OFFERED: Final = 3  # candidates of a figure that are told
_SIZES: Final = (
    *(128, 160, 176, 192, 208, 224, 240, 256, 260, 272, 288, 299, 300, 320, 331, 352, 380, 384),
    *(416, 448, 456, 480, 512, 528, 600, 640, 672, 800),
)
"""Input sizes that published networks are counted at, in pixels."""
_USUAL_SIZE: Final = 224  # which libraries count at, whatever a model is evaluated at

_SIZE_OFF: Final = 0.03  # counts grow with the area but for fully connected layers and rounding


@dataclass(frozen=True, slots=True)
class Counted:
    """A row that can be counted: its network, and its claim about one column."""

    row: str
    variant: Variant
    size: int
    claim: Claim


@dataclass(frozen=True, slots=True)
class FigureOrigin:
    """How one documented figure comes about, or what comes nearest.

    Attributes:
        raw: what the rule counts, undivided.
        unit: one printed unit, in counts.
        reproduced: whether the figure is what rule and scale print, and that is no chance.
        other_size: it would be, if the network were counted at this input size, in pixels.
        chance: the share of figures with as many digits that some rule and scale of those tried
            give, or at some size where it is another.
        candidates: what gives the figure and is not borne out by any other.
        copied_from: the row whose figure it is, by its id.
        other_network: the network of the same library whose figure it is.
    """

    row: str
    claim: Claim
    use: Use
    raw: int
    unit: int
    reproduced: bool
    other_size: int = 0
    chance: Fraction = Fraction(0)
    candidates: tuple[Use, ...] = ()
    copied_from: str = ""
    other_network: str = ""

    @property
    def padded(self) -> bool:
        """Whether it is reproduced but for zeros that were added."""
        return self.use.zeros

    @property
    def divisor(self) -> int:
        """What the raw count is divided by."""
        return self.use.scale.divisor(self.unit)

    @property
    def printed(self) -> str:
        """What rule and scale print with as many digits."""
        return str(printed(self.claim.figure, self.raw, self.divisor, self.use.scale.printing))


def find(
    rows: Sequence[Counted], countable: Countable, *, prefer: Sequence[str] = ()
) -> dict[str, FigureOrigin]:
    """How the figures of one column come about, for the rows of one source.

    Rules are tried one after the other, until those tried reproduce every row. Of what reproduces,
    the fewest rules and scales are taken: first the one that most rows have in common.

    Args:
        rows: each makes the claim, which is about the same column.
        prefer: rules that go before others, as those of another column of the same rows.

    Returns:
        Findings by row id; none for a row that no rule can count.
    """
    if not rows:
        return {}
    if rows[0].claim.metric is Metric.PARAMS:
        prefer = (*prefer, TRUE)  # which looks at no layer
    column = _Column(rows, countable)
    for rule in _order(rows, prefer):
        if rule in TRACED and not any(column.is_close(one) for one in column.unexplained):
            continue
        column.add(rule)
        if not column.unexplained:
            break
    findings = {one.row: found for one in rows if (found := column.finding(one)) is not None}
    if rows[0].claim.metric is not Metric.PARAMS:
        findings |= _at_other_sizes(column)
    return findings


@dataclass
class _Column:
    """The figures of a column, the rules that were tried on them, and what these explain.

    Attributes:
        fitting: by row, the uses that give its figure.
        chosen: by row, the one that is taken to be behind it.
    """

    rows: Sequence[Counted]
    countable: Countable
    tried: list[str] = field(default_factory=list)
    fitting: dict[str, list[Use]] = field(default_factory=dict)
    chosen: dict[str, Use] = field(default_factory=dict)

    @property
    def unexplained(self) -> list[Counted]:
        """The rows whose figure nothing is known to give."""
        return [one for one in self.rows if one.row not in self.chosen]

    def add(self, rule: str) -> None:
        """Try one more rule."""
        self.tried.append(rule)
        for one in self.rows:
            raw = self.raw(one, rule)
            given = (use for use in uses_of(rule, one.claim) if raw and gives(use, one.claim, raw))
            self.fitting.setdefault(one.row, []).extend(given)
        self._choose()

    def raw(self, one: Counted, rule: str) -> int | None:
        """What a rule counts for a row, undivided, or None where it cannot count it."""
        if one.claim.metric is Metric.PARAMS and rule_named(rule).learned:
            return self.countable.params(one.variant, one.size)
        counts = self.countable.count(one.variant, one.size, rule)
        raw = counts.of(one.claim.metric) if counts is not None else 0
        return raw if raw > 0 else None

    def chance(self, one: Counted) -> Fraction:
        """See :class:`FigureOrigin`."""
        raws = {rule: raw for rule in self.tried if (raw := self.raw(one, rule)) is not None}
        return chance(one.claim, raws)

    def is_close(self, one: Counted) -> bool:
        """Whether a figure is so near to some count that another way of counting may explain it."""
        nearest = self._nearest(one)
        raw = self.raw(one, nearest.rule) if nearest is not None else None
        if nearest is None or raw is None:
            return False
        documented = Fraction(one.claim.figure.value) * unit_of(one.claim)
        return abs(documented * nearest.scale.part / raw - 1) <= _WAYS_DIFFER

    def finding(self, one: Counted) -> FigureOrigin | None:
        """How a row's figure comes about, or None where no rule counts the row."""
        unit, use = unit_of(one.claim), self.chosen.get(one.row)
        if (learned := self._learned(one, use)) is not None:
            return learned
        if use is None and (nearest := self._nearest(one, usual=True)) is not None:
            offered = tuple(sorted(self.fitting[one.row], key=self._preference)[:_OFFERED])
            found = self.by(one, nearest, reproduced=False)
            return replace(found, candidates=offered)
        if use is None:
            return None
        raw, sound = self.raw(one, use.rule), use.scale.sound
        assert raw is not None
        if (
            use.scale.odd
            and not use.zeros
            and reproduces(one.claim.figure, raw, sound.divisor(unit))
        ):
            use = Use(use.rule, sound)  # the mistake makes no difference here
        return self.by(one, use, reproduced=True)

    def by(self, one: Counted, use: Use, *, reproduced: bool) -> FigureOrigin:
        """What is found, if a use is behind a row's figure or nearest to it."""
        raw = self.raw(one, use.rule)
        assert raw is not None
        unit, told = unit_of(one.claim), self.chance(one)
        return FigureOrigin(one.row, one.claim, use, raw, unit, reproduced, chance=told)

    def _learned(self, one: Counted, use: Use | None) -> FigureOrigin | None:
        """The true count of parameters, where the figure prints it and the rule counts others."""
        if one.claim.metric is not Metric.PARAMS:
            return None
        true = self.countable.params(one.variant, one.size)
        if true <= 0 or not reproduces(one.claim.figure, true, unit_of(one.claim)):
            return None
        if use == Use(use.rule if use else "", PLAIN) and use and self.raw(one, use.rule) == true:
            return None  # as the rule of the other columns says, too
        return self.by(one, Use(TRUE, PLAIN), reproduced=True)

    def _nearest(self, one: Counted, *, usual: bool = False) -> Use | None:
        """The rule, without any odd scale, that comes nearest to a figure.

        ``usual``: of those that count as explanations, where there are any; none gives the figure.
        """
        documented = Fraction(one.claim.figure.value) * unit_of(one.claim)
        off: list[tuple[bool, Fraction, int, Use]] = []
        for position, rule in enumerate(self.tried):
            raw = self.raw(one, rule)
            for use in uses_of(rule, one.claim):
                if raw is None or use.scale.odd or use.zeros:
                    continue
                odd = usual and not is_usual(use, one.claim, of=one.variant.source)
                if not odd or use not in self.fitting[one.row]:
                    away = abs(documented - Fraction(raw) / use.scale.part)
                    off.append((odd, away, position, use))
        return min(off, key=lambda one: one[:3])[3] if off else None

    def _preference(self, use: Use) -> tuple[bool, int, int]:
        """Plain scales before odd ones, earlier rules before later ones."""
        scales = [each.scale for each in uses_of(use.rule, self.rows[0].claim)]
        at = scales.index(use.scale) if use.scale in scales else len(scales)
        return use.zeros, at, self.tried.index(use.rule)

    def _choose(self) -> None:
        """A use for each row that any explains, greedily the one of most rows."""
        counts = self._counting()
        fitting = {
            row: [use for use in given if use in counts] for row, given in self.fitting.items()
        }
        self.chosen = {}
        order = sorted(counts, key=self._preference)
        while left := {row for row in fitting if fitting[row] and row not in self.chosen}:
            best = max(order, key=lambda use: sum(use in fitting[row] for row in left))
            self.chosen |= {row: best for row in left if best in fitting[row]}

    def _counting(self) -> set[Use]:
        """The uses that count as explanations: usual ones, and those that are borne out."""
        usual: set[Use] = set()
        unusual: dict[Use, list[Counted]] = {}
        for one in self.rows:
            own = self.fitting[one.row]
            known = {use for use in own if is_usual(use, one.claim, of=one.variant.source)}
            usual |= known
            for use in own if not known else ():
                unusual.setdefault(use, []).append(one)
        return usual | {use for use, rows in unusual.items() if self._is_borne_out(use, rows)}

    def _is_borne_out(self, use: Use, rows: Sequence[Counted]) -> bool:
        telling = [one for one in rows if digits(one.claim.figure) >= TELLING_DIGITS]
        if _different(telling, lambda one: self.raw(one, use.rule)) >= _BEARING:
            return True
        alone = len(rows) == len(self.rows)
        return alone and self.chance(rows[0]) <= BY_CHANCE


def _different(rows: Iterable[Counted], count: Callable[[Counted], int | None]) -> int:
    """How many rows are independent of each other: rows of one network have one figure."""
    rows = list(rows)
    return min(len({one.claim.figure.value for one in rows}), len({count(one) for one in rows}))


def _order(rows: Sequence[Counted], prefer: Sequence[str]) -> list[str]:
    known = rules_of(rows[0].variant.source)
    return [*(rule for rule in prefer if rule in known), *(r for r in known if r not in prefer)]


def _at_other_sizes(column: _Column) -> dict[str, FigureOrigin]:
    """The figures that the column's rules give at another input size than the documented one."""
    likely = list(dict.fromkeys(column.chosen.values()))
    likely = likely or [Use(column.tried[0], PLAIN), Use(column.tried[0], DOUBLED)]
    likely += [Use(use.rule, ROUNDED_FIRST) for use in likely if use.scale == DOUBLED]
    found: dict[str, FigureOrigin] = {}
    for one in column.unexplained:
        if digits(one.claim.figure) >= TELLING_DIGITS:
            usual = _at_another_size(one, likely, column, (_USUAL_SIZE,))
            found |= usual or _at_another_size(one, likely, column, _SIZES)
    rows = {one.row: one for one in column.rows}
    return {
        row: finding
        for row, finding in found.items()
        if finding.chance <= BY_CHANCE
        or _different(
            (rows[other] for other, each in found.items() if each.other_size == finding.other_size),
            lambda one: column.raw(one, column.tried[0]),
        )
        >= _BEARING
    }


def _at_another_size(
    one: Counted, likely: Sequence[Use], column: _Column, sizes: Sequence[int]
) -> Mapping[str, FigureOrigin]:
    """How a figure comes about under the column's rules at one of other input sizes.

    Operations grow with the area, so the figure says itself about which size is to be tried. The
    chance is that of any column with so many figures that nothing explains.
    """
    figure, unit = one.claim.figure, unit_of(one.claim)
    least = 10 ** (digits(figure) - 1)
    raws = {use: raw for use in likely if (raw := column.raw(one, use.rule)) is not None}
    scaled = {
        (use, size): Fraction(raw * size**2, one.size**2 * use.scale.divisor(unit))
        for use, raw in raws.items()
        for size in sizes
        if size != one.size
    }
    met = sum(least <= each * 10**figure.places < 10 * least for each in scaled.values())
    by_chance = Fraction(met * len(column.unexplained), 9 * least)
    if by_chance > BY_CHANCE and len(column.unexplained) < _BEARING:
        return {}
    for (use, size), each in scaled.items():
        if abs(math.sqrt(Fraction(figure.value) / each) - 1) < _SIZE_OFF:
            other = column.raw(replace(one, size=size), use.rule)
            if other and gives(use, one.claim, other) and not gives(use, one.claim, raws[use]):
                found = column.by(one, use, reproduced=False)
                return {one.row: replace(found, other_size=size, chance=by_chance)}
    return {}
