"""Documented counts against what is known, or else against other rows of the same network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from fractions import Fraction
from functools import lru_cache
from typing import Final

from harness.lint.findings import Evidence
from harness.lint.known import Amount, Known
from harness.lint.naming import fold, network_name, same_source
from harness.lint.plausible import is_plausible, unit_of
from harness.lint.zoo import LintedPage, Zoo
from harness.records import Claim, Metric, Row

OTHER_COUNTER: Final = Fraction(12, 100)
"""How far apart two counters may be that count the same network.

Those that count normalised and activated elements too come out higher than convolutions and fully
connected layers: 1 % in a ResNet, 9 % in MobileNetV2 (327.5 M against 300.8 M). PaddlePaddle's old
model summary comes out up to 11 % lower. Beyond is no way of counting.
"""

SAME_COUNTER: Final = Fraction(1, 100)
"""How far apart figures of one source in one table may be: one counter, rounded."""

DOCUMENTED: Final = "documented"
"""Who says so where a figure of a page does: it may have come from any counter."""

USUAL: Final = 224
"""The input size in pixels that counters are run at where nobody says otherwise."""

_AT_USUAL_APART: Final = Fraction(3, 100)  # padding and pooling do not shrink with the area
_TEN_NINTHS: Final = Fraction(10, 9)
_TEN_NINTHS_APART: Final = Fraction(5, 1000)
_THOUSANDS: Final = tuple(Fraction(10) ** power for power in (-9, -6, -3, 3, 6, 9))


class Gap(Enum):
    """What lies between a claim and what it is held against."""

    THOUSAND = auto()
    HALF = auto()
    DOUBLE = auto()
    AT_224 = auto()
    TEN_NINTHS = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class CountClaim:
    """A documented count: parameters, or operations as multiply-accumulates."""

    page: LintedPage
    row: Row
    claim: Claim
    amount: Amount

    @property
    def size(self) -> int | None:
        """The input in pixels, None where the row does not say."""
        claim = self.row.claim(Metric.INPUT_SIZE)
        return int(claim.value) if claim else None

    @property
    def printed(self) -> str:
        """The figure with its unit and what it counts."""
        return f"{self.claim.figure.text} {self.claim.unit} {noun(self.claim.metric)}"

    @property
    def owner(self) -> str:
        """The row, as one calls it."""
        return f"{self.row.source} {self.row.name}".strip()

    def evidence(self) -> Evidence:
        """That it stands there."""
        return Evidence(f"{self.owner}: {self.printed}", self.page.of_claim(self.claim))

    def prints(self, amount: Fraction) -> str:
        """An amount as this claim would print it."""
        if self.claim.metric is Metric.FLOPS:
            amount *= 2
        return str(self.claim.figure.round(amount / unit_of(self.claim)))


@dataclass(frozen=True, slots=True)
class ClaimDifference:
    """A claim that is not what it should be.

    Attributes:
        should: the amount that it should be.
        certain: whether that is known of the network itself, and not from another row.
        evidence: what ``should`` rests on.
        cause: why, where that is known.
        same: whether it is known to be one network: of one source, or pinned as one.
    """

    figure: CountClaim
    gap: Gap
    should: Amount
    certain: bool
    evidence: tuple[Evidence, ...]
    cause: str = ""
    same: bool = True

    @property
    def ratio(self) -> Fraction:
        """The documented amount over what it should be."""
        return self.figure.amount.middle / self.should.middle

    @property
    def times(self) -> str:
        """The ratio, in as many digits as show that it is not 1."""
        shown = f"{float(self.ratio):.3g}"
        return shown if shown != "1" else f"{float(self.ratio):.7f}".rstrip("0")

    @property
    def right(self) -> str:
        """What to print in its place, or "" where what is known has too few digits for that."""
        low, high = (self.figure.prints(end) for end in (self.should.low, self.should.high))
        return low if low == high else ""

    @property
    def of_params(self) -> bool:
        """Whether it is about parameters; else about operations."""
        return self.figure.claim.metric is Metric.PARAMS


def noun(metric: Metric) -> str:
    """What a count counts."""
    return {Metric.MACS: "MACs", Metric.FLOPS: "FLOPs", Metric.PARAMS: "parameters"}[metric]


def counts(page: LintedPage, row: Row) -> Iterator[CountClaim]:
    """The documented counts of a row, those of zero left out."""
    for claim in row.claims:
        if claim.metric in (Metric.MACS, Metric.FLOPS, Metric.PARAMS) and claim.value:
            operations = 2 if claim.metric is Metric.FLOPS else 1
            middle = Fraction(claim.value) / operations
            half = Fraction(claim.figure.half_unit) * unit_of(claim) / operations
            yield CountClaim(page, row, claim, Amount(middle - half, middle + half, DOCUMENTED))


@lru_cache(maxsize=1)  # several rules ask, one after the other
def differences(zoo: Zoo) -> tuple[ClaimDifference, ...]:
    """Every documented count that is not what it should be.

    A row whose counts are known is held against them. Others are held against what is known of the
    same network elsewhere; else against each other. The same network is one that is pinned under
    the same name, or else one whose name is the same.
    """
    found: list[ClaimDifference] = []
    for metrics in ((Metric.PARAMS,), (Metric.MACS, Metric.FLOPS)):
        figures = [
            figure
            for page, row in zoo.rows()
            for figure in counts(page, row)
            if figure.claim.metric in metrics
        ]
        for group in _of_one_network(figures, zoo):
            found += _within(group, zoo)
    return tuple(found)


def _of_one_network(figures: Iterable[CountClaim], zoo: Zoo) -> Iterable[list[CountClaim]]:
    groups: dict[object, list[CountClaim]] = {}
    for figure in figures:
        row = figure.row
        name = fold(zoo.known(row).network) or network_name(row.source, row.name)
        size = None if figure.claim.metric is Metric.PARAMS else figure.size
        groups.setdefault((name, size), []).append(figure)
    return groups.values()


def _within(group: Sequence[CountClaim], zoo: Zoo) -> Iterator[ClaimDifference]:
    """The differences among the claims about one network, at most one a claim."""
    truths = [(figure, _truth(figure, zoo.known(figure.row))) for figure in group]
    told = next(((figure, truth) for figure, truth in truths if truth), None)
    found: list[ClaimDifference] = []
    for figure, own in truths:
        if own:
            found += _against_own(figure, own, zoo.known(figure.row))
        elif told:
            other, truth = told
            name = Evidence(f"the same network as {other.owner}", other.page.of_row(other.row))
            same = _is_same(figure.row, other.row, zoo)
            found += _against(figure, truth, evidence=(Evidence(truth.told), name), same=same)
    wrong = {difference.figure for difference in found}
    for difference in _against_each_other([one for one in group if one not in wrong], zoo):
        if difference.figure not in wrong:
            wrong.add(difference.figure)
            found.append(difference)
    yield from found


def _truth(figure: CountClaim, known: Known) -> Amount | None:
    if figure.claim.metric is Metric.PARAMS:
        return known.params
    return known.macs if figure.size is not None and figure.size == known.size else None


def _against_own(figure: CountClaim, truth: Amount, known: Known) -> Iterator[ClaimDifference]:
    """Against what is known of the row itself, down to its known defects."""
    claim, evidence = figure.claim, (Evidence(truth.told),)
    for defect in known.defects:
        if defect.column is claim.metric and defect.printed == claim.figure:
            operations = 2 if claim.metric is Metric.FLOPS else 1
            right = Fraction(defect.true, operations)
            should = Amount(right, right, truth.told)
            yield ClaimDifference(figure, Gap.OTHER, should, True, evidence, defect.cause)
            return
    yield from _against(figure, truth, certain=True, evidence=evidence)


def _is_same(one: Row, other: Row, zoo: Zoo) -> bool:
    """Whether two rows of a name are known to be of one network."""
    pinned = zoo.known(one).network
    return same_source(one.source, other.source) or ("" != pinned == zoo.known(other).network)


def _against_each_other(group: Sequence[CountClaim], zoo: Zoo) -> Iterator[ClaimDifference]:
    """Against the one in the middle; of two, against the first.

    Where a figure beside it, of the same source in the same table, says what the middle one says,
    one counter made both, and they have to be equal.
    """
    if len(group) < 2:
        return
    middle = group[0]
    if len(group) > 2:
        middle = sorted(group, key=lambda one: one.amount.middle)[(len(group) - 1) // 2]
    alike = [one for one in group if _says_the_same(one, middle)]
    for figure in group:
        beside = (one for one in alike if one is not figure and _side_by_side(one, figure))
        held = next(beside, middle)
        apart = SAME_COUNTER if _side_by_side(held, figure) else OTHER_COUNTER
        evidence = (held.evidence(),)
        same = _is_same(figure.row, held.row, zoo)
        for difference in _against(figure, held.amount, evidence=evidence, apart=apart, same=same):
            yield _blamed(difference, held)


def _says_the_same(one: CountClaim, other: CountClaim) -> bool:
    """Whether two figures are one, give or take the print and, of operations, its rounding."""
    of_operations = one.claim.metric is not Metric.PARAMS
    near = abs(one.amount.middle / other.amount.middle - 1) <= SAME_COUNTER
    return one.amount.meets(other.amount) or (of_operations and near)


def _side_by_side(one: CountClaim, other: CountClaim) -> bool:
    """Whether two figures are of one source in one table, so that one counter made both."""
    return (
        one.page is other.page
        and (one.row.table, one.claim.metric) == (other.row.table, other.claim.metric)
        and same_source(one.row.source, other.row.source)
    )


def _blamed(difference: ClaimDifference, held: CountClaim) -> ClaimDifference:
    """The same difference, at the other of the two figures where that is the wrong one.

    Doubled MACs are FLOPs, and halved FLOPs are MACs. Nine tenths of a figure mean that the figure
    itself is ten ninths. Of two that are a thousand apart, one does not go with its row.
    """
    figure, gap = difference.figure, difference.gap
    metrics = {figure.claim.metric, held.claim.metric}
    turned = {Gap.HALF: Gap.DOUBLE, Gap.DOUBLE: Gap.HALF}.get(gap, gap)
    at_held = {
        Gap.DOUBLE: metrics == {Metric.FLOPS},
        Gap.HALF: metrics == {Metric.MACS},
        Gap.TEN_NINTHS: difference.ratio < 1,
        Gap.THOUSAND: is_plausible(figure.row) and not is_plausible(held.row),
        Gap.OTHER: False,
        Gap.AT_224: False,
    }
    if not at_held[gap]:
        return difference
    evidence = (figure.evidence(),)
    return replace(difference, figure=held, gap=turned, should=figure.amount, evidence=evidence)


def _against(
    figure: CountClaim,
    should: Amount,
    *,
    evidence: tuple[Evidence, ...],
    certain: bool = False,
    apart: Fraction = OTHER_COUNTER,
    same: bool = True,
) -> Iterator[ClaimDifference]:
    """The difference from an amount, if there is one; ``apart`` is for operations alone."""
    if figure.amount.meets(should):
        return
    ratio = figure.amount.middle / should.middle
    gap = _gap(ratio, figure.size)
    if figure.claim.metric is Metric.PARAMS:
        gap = gap if gap is Gap.THOUSAND else Gap.OTHER
    elif abs(ratio - 1) <= apart and not (gap is Gap.TEN_NINTHS and should.told == DOCUMENTED):
        return
    yield ClaimDifference(figure, gap, should, certain, evidence, same=same)


def _gap(ratio: Fraction, size: int | None) -> Gap:
    def near(factor: Fraction, apart: Fraction = OTHER_COUNTER) -> bool:
        return abs(ratio / factor - 1) <= apart

    if any(near(power) for power in _THOUSANDS):
        return Gap.THOUSAND
    if size not in (None, USUAL) and near(Fraction(USUAL, size or 1) ** 2, _AT_USUAL_APART):
        return Gap.AT_224
    if near(Fraction(2)):
        return Gap.DOUBLE
    if near(Fraction(1, 2)):
        return Gap.HALF
    if near(_TEN_NINTHS, _TEN_NINTHS_APART) or near(1 / _TEN_NINTHS, _TEN_NINTHS_APART):
        return Gap.TEN_NINTHS
    return Gap.OTHER
