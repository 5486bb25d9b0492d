"""How each documented count comes about: the fewest rules that reproduce a column."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from harness.counting.claims import UNITS
from harness.counting.counts import printed, reproduces
from harness.expected.variants import Variant
from harness.records import Claim, Figure, Metric
from harness.resolving.counted import TRACED, TRUE, Countable, rules_of
from harness.resolving.scales import DOUBLED, PLAIN, ROUNDED_FIRST, Scale, digits, scales_of

_WAYS_DIFFER: Final = Fraction(1, 10)  # the most by which ways of counting one network differ
_DIGITS_ALONE: Final = 4  # significant ones, of a figure that is a mistake's only witness
_LEAST_DIGITS: Final = 2  # significant ones; 0.4 is near too much
_SIZES: Final = (
    *(128, 160, 176, 192, 208, 224, 240, 256, 260, 272, 288, 299, 300, 320, 331, 352, 380, 384),
    *(416, 448, 456, 480, 512, 528, 600, 640, 672, 800),
)
"""Input sizes that published networks are counted at, in pixels."""

_SIZE_OFF: Final = 0.03  # counts grow with the area but for fully connected layers and rounding
_TELLING: Final = Scale(PLAIN.part, odd=True)  # as many digits as an odd scale needs
_PRINTED: Final = {"B": "G"}  # units that are another's name


@dataclass(frozen=True, slots=True)
class Counted:
    """A row that can be counted: its network, and its claim about one column."""

    row: str
    variant: Variant
    size: int
    claim: Claim


@dataclass(frozen=True, slots=True)
class Use:
    """A rule and a scale, as a column is found to use them."""

    rule: str
    scale: Scale


@dataclass(frozen=True, slots=True)
class FigureOrigin:
    """How one documented figure comes about, or what comes nearest.

    Attributes:
        raw: what the rule counts, undivided.
        unit: one printed unit, in counts.
        reproduced: whether the figure is what rule and scale print.
        padded: it would be, if its last zeros were not printed.
        other_size: it would be, if the network were counted at this input size, in pixels.
    """

    row: str
    claim: Claim
    use: Use
    raw: int
    unit: int
    reproduced: bool
    padded: bool = False
    other_size: int = 0

    @property
    def divisor(self) -> int:
        """What the raw count is divided by."""
        return self.use.scale.divisor(self.unit)

    @property
    def printed(self) -> str:
        """What rule and scale print with as many digits."""
        return str(printed(self.claim.figure, self.raw, self.divisor, self.use.scale.printing))


def unit_of(claim: Claim) -> int:
    """One printed unit of a claim, in counts.

    Raises:
        KeyError: the claim is no count.
    """
    return UNITS[_PRINTED.get(claim.unit, claim.unit)]


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
    tried: list[str] = []
    covered: set[str] = set()
    for rule in _order(rows, countable, prefer):
        if rule in TRACED and not any(
            _is_close(one, tried, countable) for one in rows if one.row not in covered
        ):
            continue
        tried.append(rule)
        covered |= {one.row for one in rows if any(True for _ in _fitting(one, [rule], countable))}
        if len(covered) == len(rows):
            break
    chosen = _borne_out(rows, _fewest(rows, tried, countable))
    usual = list(dict.fromkeys(chosen.values())) or [Use(tried[0], PLAIN), Use(tried[0], DOUBLED)]
    usual += [Use(use.rule, ROUNDED_FIRST) for use in usual if use.scale == DOUBLED]
    findings = {}
    for one in rows:
        finding = _finding(one, chosen.get(one.row), tried, countable)
        if finding is None:
            continue
        if not finding.reproduced and not finding.padded and one.claim.metric is not Metric.PARAMS:
            finding = _at_another_size(one, usual, countable) or finding
        findings[one.row] = finding
    return findings


def _is_close(one: Counted, tried: Sequence[str], countable: Countable) -> bool:
    """Whether a figure is so near to some count that another way of counting may explain it."""
    nearest = _nearest(one, tried, countable)
    raw = _raw(one, nearest.rule, countable) if nearest is not None else None
    if nearest is None or raw is None:
        return False
    documented = Fraction(one.claim.figure.value) * unit_of(one.claim)
    return abs(documented * nearest.scale.part / raw - 1) <= _WAYS_DIFFER


def _order(rows: Sequence[Counted], countable: Countable, prefer: Sequence[str]) -> list[str]:
    variant = rows[0].variant
    framework = countable.network(variant, rows[0].size).framework
    known = rules_of(variant.source, framework)
    return [*(rule for rule in prefer if rule in known), *(r for r in known if r not in prefer)]


def _fitting(one: Counted, tried: Sequence[str], countable: Countable) -> Iterator[Use]:
    """The rules and scales that reproduce a figure."""
    for rule in tried:
        raw = _raw(one, rule, countable)
        for scale in _scales(one.claim):
            if raw is None or not scale.may_print(one.claim.figure):
                continue
            divisor = scale.divisor(unit_of(one.claim))
            if reproduces(one.claim.figure, raw, divisor, scale.printing):
                yield Use(rule, scale)


def _fewest(rows: Sequence[Counted], tried: Sequence[str], countable: Countable) -> dict[str, Use]:
    """A use for each row that any reproduces, greedily; ties go to plain scales, earlier rules."""
    fitting = {one.row: set(_fitting(one, tried, countable)) for one in rows}
    preference = [Use(rule, scale) for scale in _scales(rows[0].claim) for rule in tried]
    chosen: dict[str, Use] = {}
    while left := {row for row in fitting if fitting[row] and row not in chosen}:
        best = max(
            preference,
            key=lambda use: (sum(use in fitting[row] for row in left), -preference.index(use)),
        )
        for row in left:
            if best in fitting[row]:
                chosen[row] = best
    return chosen


def _borne_out(rows: Sequence[Counted], chosen: Mapping[str, Use]) -> dict[str, Use]:
    """Without mistakes that one figure alone would show, and that it has too few digits to show.

    With three digits, some of the rules and scales fits every eighth figure by chance.
    """
    figures = {one.row: one.claim.figure for one in rows}
    times = Counter(chosen.values())
    return {
        row: use
        for row, use in chosen.items()
        if not use.scale.odd or times[use] > 1 or digits(figures[row]) >= _DIGITS_ALONE
    }


def _finding(
    one: Counted, use: Use | None, tried: Sequence[str], countable: Countable
) -> FigureOrigin | None:
    unit = unit_of(one.claim)
    if (learned := _learned(one, use, countable)) is not None:
        return learned
    if use is not None:
        raw = _raw(one, use.rule, countable)
        assert raw is not None
        sound = use.scale.sound
        if use.scale.odd and reproduces(one.claim.figure, raw, sound.divisor(unit)):
            use = Use(use.rule, sound)  # the mistake makes no difference here
        return FigureOrigin(one.row, one.claim, use, raw, unit, reproduced=True)
    nearest = _nearest(one, tried, countable)
    if nearest is None:
        return None
    raw = _raw(one, nearest.rule, countable)
    assert raw is not None
    padded = _is_padded(one.claim.figure, raw, nearest.scale.divisor(unit))
    return FigureOrigin(one.row, one.claim, nearest, raw, unit, reproduced=False, padded=padded)


def _learned(one: Counted, use: Use | None, countable: Countable) -> FigureOrigin | None:
    """The true count of parameters, where the figure prints it and the rule counts others."""
    if one.claim.metric is not Metric.PARAMS:
        return None
    true, unit = countable.params(one.variant, one.size), unit_of(one.claim)
    if true <= 0 or not reproduces(one.claim.figure, true, unit):
        return None
    if use is not None and use.scale == PLAIN and _raw(one, use.rule, countable) == true:
        return None  # as the rule of the other columns says, too
    return FigureOrigin(one.row, one.claim, Use(TRUE, PLAIN), true, unit, reproduced=True)


def _at_another_size(
    one: Counted, usual: Sequence[Use], countable: Countable
) -> FigureOrigin | None:
    """How a figure comes about under the column's rules, if the input size is not the documented.

    Operations grow with the area, so the figure says itself about which size is to be tried.
    """
    unit = unit_of(one.claim)
    for use in usual:
        raw = _raw(one, use.rule, countable)
        if raw is None or not _TELLING.may_print(one.claim.figure):
            continue
        area = Fraction(one.claim.figure.value) * unit * use.scale.part / raw
        likely = one.size * math.sqrt(area)
        near = [size for size in _SIZES if abs(size / likely - 1) < _SIZE_OFF and size != one.size]
        for size in near:
            other = _raw(replace(one, size=size), use.rule, countable)
            if other is not None and reproduces(
                one.claim.figure, other, use.scale.divisor(unit), use.scale.printing
            ):
                return FigureOrigin(
                    one.row, one.claim, use, raw, unit, reproduced=False, other_size=size
                )
    return None


def _is_padded(figure: Figure, raw: int, divisor: int) -> bool:
    """Whether the figure would be reproduced without some of its last zeros, and not by chance."""
    if not figure.places or not figure.text.endswith("0"):
        return False
    known = len(figure.text.rstrip("0").rstrip("."))
    shorter = (figure.text[:end].rstrip(".") for end in range(len(figure.text) - 1, known - 1, -1))
    return any(
        len(text.replace(".", "").lstrip("0")) >= _LEAST_DIGITS
        and reproduces(Figure(text), raw, divisor)
        for text in shorter
    )


def _nearest(one: Counted, tried: Sequence[str], countable: Countable) -> Use | None:
    """The rule, without any odd scale, that comes nearest to a figure."""
    documented = Fraction(one.claim.figure.value) * unit_of(one.claim)
    off: list[tuple[Fraction, int, Use]] = []
    for position, rule in enumerate(tried):
        raw = _raw(one, rule, countable)
        for scale in _scales(one.claim):
            if raw is not None and not scale.odd:
                use = Use(rule, scale)
                off.append((abs(documented - Fraction(raw) / scale.part), position, use))
    return min(off, key=lambda one: one[:2])[2] if off else None


def _raw(one: Counted, rule: str, countable: Countable) -> int | None:
    if one.claim.metric is Metric.PARAMS and rule == TRUE:
        return countable.params(one.variant, one.size)
    counts = countable.count(one.variant, one.size, rule)
    if counts is None:
        return None
    raw = counts.params if one.claim.metric is Metric.PARAMS else counts.operations
    return raw if raw > 0 else None


def _scales(claim: Claim) -> tuple[Scale, ...]:
    return scales_of(unit_of(claim), params=claim.metric is Metric.PARAMS)
