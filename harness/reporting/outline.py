"""What every report of a run tells and in which order, whatever it is laid out in.

Text, Markdown and the page are written from one :class:`Outline`, so that none of them counts or
sorts anything of its own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

from harness.records import KnownIssue
from harness.reporting.causes import FailureCause, causes
from harness.reporting.results import CaseOutcome, CaseResult, ReportedDefect, Run
from harness.reporting.tally import Tally, tally

SECTIONS = (
    "decision",
    "since",
    "causes",
    "unmeasured",
    "defects",
    "known",
    "setting",
    "pages",
    "blocked",
    "inconclusive",
    "claims",
    "skipped",
    "stages",
    "figures",
)
"""The parts of a report, in their order: the first seven are for one screen."""

QUESTION = "May this ship?"
YES = "Yes"
NO = "No"
CANNOT_SAY = "Cannot be said"
NOTHING_AGAINST = "Nothing that was measured stands against it"
NOTHING_FOUND = "Nothing against it"  # the same in a table

STAND_IN = "stand-in"
"""What tools that only stand in for others say of themselves."""

SEEDED = (
    "{seeded} of {cases} cases ran on seeded weights in place of the published ones: they judge "
    "export, quantization and preprocessing, and say nothing about accuracy"
)
NOT_COMPARED = "not compared with an earlier run"


@dataclass(frozen=True, slots=True)
class MetIssue:
    """A known issue that was met.

    Attributes:
        results: the cases that fail as it says; at least one.
        days: from the run's day until it has to be looked at again; None where the log tells none.
    """

    issue: KnownIssue
    results: tuple[CaseResult, ...]
    days: int | None

    @property
    def left(self) -> str:
        """The days left, in words."""
        if self.days is None:
            return f"until {self.issue.expires}"
        return f"{counted(self.days, 'day')} left, until {self.issue.expires}"


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """What came of one page: the answer as for the whole run, and its rows, claims and cases."""

    name: str
    path: str
    answer: str
    rows: int
    documented: int
    reproduced: int
    outcomes: Mapping[CaseOutcome, int]


@dataclass(frozen=True, slots=True)
class Outline:
    """A report's content.

    Attributes:
        answer: to :data:`QUESTION`: :data:`YES`, :data:`NO`, :data:`CANNOT_SAY` or
            :data:`NOTHING_AGAINST`.
        reason: why, with counts.
        warnings: what nobody may overlook: a log that is not whole, stand-ins, seeded weights.
        missing: what was not measured, with counts.
        since: what is new since the last run; None where there was no comparison.
        unmeasured: what was not measured, the reason, and how many claims and cases that are.
        defects: of the documentation, by their causes.
        pages: what came of each page, those that may not ship first; none where there is one page.
        setting: on which weights, backends, machine and versions: what, and its value.
    """

    run: Run
    tally: Tally
    answer: str
    reason: str
    warnings: tuple[str, ...]
    missing: str
    since: tuple[str, ...] | None
    causes: tuple[FailureCause, ...]
    unmeasured: tuple[tuple[str, str, int], ...]
    defects: tuple[tuple[str, tuple[ReportedDefect, ...]], ...]
    known: tuple[MetIssue, ...]
    setting: tuple[tuple[str, str], ...]
    pages: tuple[PageAnswer, ...] = ()

    @property
    def counts(self) -> tuple[str, ...]:
        """Rows, claims and cases, a sentence each."""
        tally, left_out = self.tally, sum(page.left_out for page in self.run.header.pages)
        chosen = f" ({left_out} more were not chosen)" if left_out else ""
        return (
            f"{tally.rows_with_cases} of {tally.rows} rows have cases{chosen}; "
            f"{tally.reproduced} of {tally.documented} claims reproduced",
            f"{counted(len(self.run.results), 'case')} in {tally.duration_s:.1f} s: "
            f"{outcomes_told(tally.outcomes) or 'none'}",
            *_waiting(self.run),
        )


def outline(run: Run, *, since: Sequence[str] | None = None) -> Outline:
    """Gather what reports tell; the same results in any order give the same outline.

    ``since``: what is new since the last run, a sentence each, where there was a comparison.
    """
    found = tally(run)
    grouped = causes(found.failures)
    answer, reason = _decision(run, found, len(grouped))
    by_cause = groupby(found.defects, key=lambda defect: defect.cause)
    defects = [(cause, tuple(group)) for cause, group in by_cause]
    return Outline(
        run=run,
        tally=found,
        answer=answer,
        reason=reason,
        warnings=tuple(_warnings(run, found)),
        missing=_missing(found),
        since=None if since is None else tuple(since),
        causes=grouped,
        unmeasured=_unmeasured(found),
        defects=tuple(sorted(defects, key=lambda pair: (-len(pair[1]), pair[0]))),
        known=_known(run, found),
        setting=tuple(_setting(run)),
        pages=_pages(run),
    )


def counted(number: int, word: str) -> str:
    """A number and its word.

    >>> counted(1, "case"), counted(2, "case")
    ('1 case', '2 cases')
    """
    return f"{number} {word}{'s' * (number != 1)}"


def outcomes_told(outcomes: Mapping[CaseOutcome, int]) -> str:
    """Counts by outcome, in words.

    >>> outcomes_told({CaseOutcome.FAILED: 1, CaseOutcome.PASSED: 2})
    '2 passed, 1 failed'
    """
    return ", ".join(
        f"{outcomes[outcome]} {outcome}" for outcome in CaseOutcome if outcomes.get(outcome)
    )


def _waiting(run: Run) -> list[str]:
    """How long steps waited for memory, and which of them for most of it; less than a second is
    not told."""
    waits = [(one.waited_s, one, result.row) for result in run.results for one in result.steps]
    waits = [wait for wait in waits if math.isfinite(wait[0]) and wait[0] > 0]
    total = sum(waited_s for waited_s, _, _ in waits)
    if total < 1:
        return []
    longest, step, row = max(waits, key=lambda wait: wait[0])
    asked = f"{step.asked_bytes / 2**30:.1f} GiB"
    return [
        f"steps waited {total:.0f} s for memory, the longest {longest:.0f} s: {step.name} of "
        f"{row or 'no row'}, which asks for {asked}"
    ]


def _decision(run: Run, found: Tally, kinds: int) -> tuple[str, str]:
    """The answer, and why. Only cases that passed speak for a release."""
    cases, outcomes = len(run.results), found.outcomes
    against = (CaseOutcome.FAILED, CaseOutcome.ERRORED, CaseOutcome.BLOCKED)
    bad = {one: outcomes[one] for one in against if outcomes.get(one)}
    unfinished = "" if run.complete else "; the run log is not whole"
    if bad:
        of = f", of {counted(kinds, 'cause')}" if kinds else ""
        return NO, f"{outcomes_told(bad)} of {counted(cases, 'case')}{of}{unfinished}"
    if not run.complete:
        return CANNOT_SAY, f"the run log is not whole; it holds {counted(cases, 'case')}"
    if not cases:
        return CANNOT_SAY, "no case was run"
    if not outcomes.get(CaseOutcome.PASSED):
        return CANNOT_SAY, f"none of {counted(cases, 'case')} passed or failed"
    if run.exit_status:
        return CANNOT_SAY, f"no case failed, and the run ended with status {run.exit_status}"
    passed = f"{outcomes[CaseOutcome.PASSED]} of {counted(cases, 'case')} passed, none failed"
    known = outcomes.get(CaseOutcome.KNOWN_ISSUE)
    if _is_all(run, found):
        return YES, f"all {counted(found.documented, 'claim')} are reproduced, and {passed}"
    return NOTHING_AGAINST, f"{passed}{f'; {known} fail as known' if known else ''}"


def _is_all(run: Run, found: Tally) -> bool:
    """Whether every claim of whole pages is reproduced, and no case left anything open."""
    closed = {CaseOutcome.PASSED, CaseOutcome.SKIPPED}
    real = not any(STAND_IN in said.lower() for said in run.header.tools.values())
    whole = not any(page.left_out for page in run.header.pages)
    reproduced = 0 < found.documented == found.reproduced
    return reproduced and whole and real and set(found.outcomes) <= closed


def _missing(found: Tally) -> str:
    outcomes = found.outcomes
    cases = outcomes.get(CaseOutcome.NOT_MEASURED, 0)
    if not cases and not found.not_measured:
        return "Everything that was asked for was measured"
    claims = f"{found.not_measured} of {counted(found.documented, 'claim')}"
    return f"Not measured: {claims} and {counted(cases, 'case')}"


def _warnings(run: Run, found: Tally) -> list[str]:
    told = [] if run.complete else [f"INCOMPLETE RUN LOG: {run.problem}"]
    told += [
        f"STAND-IN {name}: {said}: its cases say nothing about the real tools"
        for name, said in sorted(run.header.tools.items())
        if STAND_IN in said.lower()
    ]
    if found.seeded:
        told.append(SEEDED.format(seeded=found.seeded, cases=len(run.results)))
    return told


def _unmeasured(found: Tally) -> tuple[tuple[str, str, int], ...]:
    """The reasons, what most was left out for first; claims by their metrics, and cases."""
    kinds: dict[str, list[tuple[int, str]]] = {}
    for claim in found.claims:
        for reason, count in claim.reasons.items():
            kinds.setdefault(reason, []).append((count, f"{count} {claim.metric}"))
    told = {
        reason: f"{', '.join(words for _, words in pairs)} {_plural('claim', pairs)}"
        for reason, pairs in kinds.items()
    }
    totals = Counter({reason: sum(n for n, _ in pairs) for reason, pairs in kinds.items()})
    for reason, count in found.unmeasured:
        totals[reason] += count
        told[reason] = ", ".join(filter(None, (told.get(reason), counted(count, "case"))))
    ranked = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple((told[reason], reason, count) for reason, count in ranked)


def _plural(word: str, pairs: Sequence[tuple[int, str]]) -> str:
    return word if sum(count for count, _ in pairs) == 1 else f"{word}s"


def _pages(run: Run) -> tuple[PageAnswer, ...]:
    """Each page as if the run had been about it alone."""
    pages = run.header.pages
    if len(pages) < 2:
        return ()
    of_page: dict[str, list[CaseResult]] = {}
    for result in run.results:
        of_page.setdefault(result.row.partition("/")[0], []).append(result)
    answers = []
    for page in pages:
        own = tuple(of_page.get(page.name, ()))
        status = None if run.exit_status is None else 0
        alone = replace(
            run, header=replace(run.header, pages=(page,)), results=own, exit_status=status
        )
        found = tally(alone)
        answer, _ = _decision(alone, found, 0)
        answer = NOTHING_FOUND if answer == NOTHING_AGAINST else answer
        answers.append(
            PageAnswer(
                *(page.name, page.path, answer, len(page.rows)),
                *(found.documented, found.reproduced, found.outcomes),
            )
        )
    order = (NO, CANNOT_SAY, NOTHING_FOUND, YES)
    return tuple(sorted(answers, key=lambda one: order.index(one.answer)))


def _known(run: Run, found: Tally) -> tuple[MetIssue, ...]:
    """What has the fewest days left first."""
    groups: dict[KnownIssue, list[CaseResult]] = {}
    for result in found.known:
        if result.known_issue is not None:
            groups.setdefault(result.known_issue, []).append(result)
    day = _day(run.header.started)
    known = (
        MetIssue(issue, tuple(results), (issue.expires - day).days if day else None)
        for issue, results in groups.items()
    )
    return tuple(sorted(known, key=lambda one: (one.issue.expires, one.issue.case)))


def _day(started: str) -> date | None:
    try:
        return date.fromisoformat(started[:10])
    except ValueError:
        return None


def _setting(run: Run) -> list[tuple[str, str]]:
    header, machine = run.header, run.header.machine
    weights = Counter(result.weights for result in run.results if result.weights)
    ran = {(one.backend, one.precision) for one in run.results if one.backend}
    backends = [
        f"{name} in {', '.join(precision for _, precision in pairs)}"
        for name, pairs in groupby(sorted(ran), key=lambda pair: pair[0])
    ]
    memory = f"{machine.memory_bytes / 2**30:.1f} GiB"
    return [
        (
            "weights",
            ", ".join(f"{kind} in {counted(n, 'case')}" for kind, n in sorted(weights.items()))
            or "none took part",
        ),
        ("backends", "; ".join(backends) or "none in the log"),
        ("processor", f"{machine.cpu}, {counted(machine.cores, 'core')}, {memory}"),
        ("platform", machine.platform),
        ("started", header.started),
        ("finished", run.finished or "never"),
        ("command", " ".join(header.command)),
        *((f"page {page.name}", f"{page.path} {page.sha256}") for page in header.pages),
        *((f"option {name}", value) for name, value in sorted(header.options.items())),
        *((name, version) for name, version in sorted(header.tools.items())),
    ]
