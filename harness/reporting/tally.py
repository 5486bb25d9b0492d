"""A run counted: everything that a report says, before it is laid out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from harness.errors import StageError
from harness.records import Metric, Outcome
from harness.reporting.results import STAGES, CaseOutcome, CaseResult, ReportedDefect, Run

UNJUDGED = "no case judged it"
"""Why a claim that the page makes and no result mentions was not measured."""

_PRECEDENCE = (
    Outcome.DOES_NOT_CONFORM,
    Outcome.INCONCLUSIVE,
    Outcome.CONFORMS,
    Outcome.NOT_MEASURED,
)


@dataclass(frozen=True, slots=True)
class ClaimTally:
    """What came of the claims about one metric; a claim judged several times counts once.

    One judgement that does not conform outweighs one that does; having been measured anywhere
    outweighs not having been measured elsewhere.
    """

    metric: str
    documented: int
    reproduced: int
    failed: int
    inconclusive: int
    reasons: Mapping[str, int]

    @property
    def not_measured(self) -> int:
        """Claims nobody measured."""
        return sum(self.reasons.values())


@dataclass(frozen=True, slots=True)
class Spread:
    """One measured figure over all cases; ``unusable`` counts NaN and infinities."""

    name: str
    unit: str
    count: int
    unusable: int
    least: float
    middle: float
    most: float


@dataclass(frozen=True, slots=True)
class Tally:
    """A run in figures. Reasons and defects are in the order in which they are told."""

    rows: int
    rows_with_cases: int
    outcomes: Mapping[CaseOutcome, int]
    claims: tuple[ClaimTally, ...]
    stages: tuple[tuple[str, Mapping[CaseOutcome, int]], ...]
    unmeasured: tuple[tuple[str, int], ...]
    skipped: tuple[tuple[str, int], ...]
    defects: tuple[ReportedDefect, ...]
    spreads: tuple[Spread, ...]
    seeded: int
    duration_s: float
    failures: tuple[CaseResult, ...]
    known: tuple[CaseResult, ...]
    inconclusive: tuple[CaseResult, ...]
    blocked: tuple[tuple[str, int], ...]

    @property
    def documented(self) -> int:
        """All claims of all pages."""
        return sum(claim.documented for claim in self.claims)

    @property
    def reproduced(self) -> int:
        """The claims that were measured, and conform wherever they were."""
        return sum(claim.reproduced for claim in self.claims)

    @property
    def not_measured(self) -> int:
        """The claims that nobody measured."""
        return sum(claim.not_measured for claim in self.claims)


def tally(run: Run) -> Tally:
    """Count a run; the same results in another order give the same tally."""
    results = tuple(sorted(run.results, key=lambda result: result.case))
    documented = {row for page in run.header.pages for row in page.rows}
    rows = {result.row for result in results if result.row}
    defects = {defect for result in results for defect in result.defects}
    return Tally(
        rows=len(documented or rows),
        rows_with_cases=len(rows & documented if documented else rows),
        outcomes=Counter(result.outcome for result in results),
        claims=_claims(run, results),
        stages=_stages(results),
        unmeasured=_reasons(_having(results, CaseOutcome.NOT_MEASURED)),
        skipped=_reasons(_having(results, CaseOutcome.SKIPPED)),
        defects=tuple(sorted(defects, key=lambda d: (d.cause, d.row, d.column))),
        spreads=_spreads(results),
        seeded=sum(result.weights == "seeded" for result in results),
        duration_s=sum(result.duration_s for result in results),
        failures=_having(results, CaseOutcome.FAILED, CaseOutcome.ERRORED),
        known=_having(results, CaseOutcome.KNOWN_ISSUE),
        inconclusive=_having(results, CaseOutcome.INCONCLUSIVE),
        blocked=_ranked(
            result.blocked_by for result in results if result.outcome is CaseOutcome.BLOCKED
        ),
    )


def _having(results: Iterable[CaseResult], *outcomes: CaseOutcome) -> tuple[CaseResult, ...]:
    return tuple(result for result in results if result.outcome in outcomes)


def _reasons(results: Iterable[CaseResult]) -> tuple[tuple[str, int], ...]:
    reasons = (result.reason.removeprefix(f"{result.outcome}: ") for result in results)
    return _ranked(reason or "no reason given" for reason in reasons)


def _claims(run: Run, results: Iterable[CaseResult]) -> tuple[ClaimTally, ...]:
    judged: dict[tuple[str, str], tuple[Outcome, str]] = {}
    for result in results:
        for claim in result.claims:
            key = (str(claim.metric), result.row)
            found = (claim.outcome, claim.reason)
            judged[key] = min(
                judged.get(key, found), found, key=lambda pair: _PRECEDENCE.index(pair[0])
            )
    documented: Counter[str] = Counter()
    for page in run.header.pages:
        documented.update(page.claims)
    seen = Counter(metric for metric, _ in judged)
    order = [str(metric) for metric in Metric]
    names = sorted({*documented, *seen}, key=lambda name: (_rank(name, order), name))
    return tuple(_of_metric(name, documented[name], judged) for name in names)


def _of_metric(
    metric: str, documented: int, judged: Mapping[tuple[str, str], tuple[Outcome, str]]
) -> ClaimTally:
    found = [pair for (name, _), pair in judged.items() if name == metric]
    outcomes = Counter(outcome for outcome, _ in found)
    reasons = dict(_ranked(reason for outcome, reason in found if outcome is Outcome.NOT_MEASURED))
    if unjudged := max(0, documented - len(found)):
        reasons[UNJUDGED] = reasons.get(UNJUDGED, 0) + unjudged
    return ClaimTally(
        metric,
        max(documented, len(found)),
        outcomes[Outcome.CONFORMS],
        outcomes[Outcome.DOES_NOT_CONFORM],
        outcomes[Outcome.INCONCLUSIVE],
        reasons,
    )


def _stages(
    results: Iterable[CaseResult],
) -> tuple[tuple[str, Mapping[CaseOutcome, int]], ...]:
    counts: dict[str, Counter[CaseOutcome]] = {}
    for result in results:
        counts.setdefault(result.stage or "-", Counter())[result.outcome] += 1
    return tuple((name, counts[name]) for name in sorted(counts, key=stage_order))


def stage_order(stage: str) -> tuple[int, str]:
    """What stages are sorted by: the suite's own first, then steps that broke, in their order."""
    order = [*STAGES, *(kind.stage for kind in StageError.__subclasses__())]
    return _rank(stage, order), stage


def _spreads(results: Iterable[CaseResult]) -> tuple[Spread, ...]:
    values: dict[tuple[str, str], list[float]] = {}
    unusable: Counter[tuple[str, str]] = Counter()
    for result in results:
        for measurement in result.measurements:
            key = (measurement.name, measurement.unit)
            values.setdefault(key, [])
            if measurement.is_number:
                values[key].append(measurement.value)
            else:
                unusable[key] += 1
    spreads = []
    for key in sorted(values):
        found = values[key] or [float("nan")]
        count = len(values[key]) + unusable[key]
        spreads.append(Spread(*key, count, unusable[key], min(found), median(found), max(found)))
    return tuple(spreads)


def _ranked(texts: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(texts).items(), key=lambda pair: (-pair[1], pair[0])))


def _rank(word: str, order: list[str]) -> int:
    return order.index(word) if word in order else len(order)
