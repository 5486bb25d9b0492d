"""The nouns of a run: what was asked, on what machine, and what came of every case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.records import KnownIssue, Measurement, Metric, Outcome, Page, Verdict


class CaseOutcome(StrEnum):
    """What came of one test. Only ``PASSED`` is a pass."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    KNOWN_ISSUE = "known issue"
    INCONCLUSIVE = "inconclusive"
    NOT_MEASURED = "not measured"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Machine:
    """What the run ran on: cores this process may use, memory in bytes."""

    cpu: str
    cores: int
    memory_bytes: int
    platform: str


@dataclass(frozen=True, slots=True)
class PageTotals:
    """What a page documents, so that a claim that no case judged is missed."""

    name: str
    path: str
    sha256: str
    rows: tuple[str, ...]
    claims: Mapping[str, int]

    @classmethod
    def of(cls, page: Page) -> PageTotals:
        """The totals of a page: its row ids, and how many claims each metric has."""
        claims = Counter(str(claim.metric) for row in page.rows for claim in row.claims)
        rows = tuple(row.id for row in page.rows)
        return cls(page.name, page.path, page.sha256, rows, dict(claims))


@dataclass(frozen=True, slots=True)
class Header:
    """What was asked of the run. ``started`` is ISO 8601 in UTC; the command line is as typed."""

    started: str
    machine: Machine
    command: tuple[str, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    pages: tuple[PageTotals, ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """What came of one documented figure; ``reason`` says why it was not measured."""

    metric: Metric
    outcome: Outcome
    documented: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Defect:
    """A figure that the document has wrong, whether or not it can be reproduced."""

    row: str
    column: str
    documented: str
    true: str
    cause: str


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One test as it ended.

    Attributes:
        case: the test id.
        outcome: what came of it.
        row: the id of the row it is about, or "".
        stage: the step it failed in, or else the last one it reached.
        duration_s: seconds.
        worker: the process that ran it.
        reason: why it was skipped or not measured, or the error it failed with.
        weights: "published", "seeded", or "" where no weights were involved.
        verdict: the judgement, where one was reached.
        claims: the documented figures it judged.
        measurements: the figures it measured.
        known_issue: the issue that it is known by.
        defects: what it found wrong in the document.
    """

    case: str
    outcome: CaseOutcome
    row: str = ""
    stage: str = ""
    duration_s: float = 0.0
    worker: str = "main"
    reason: str = ""
    weights: str = ""
    verdict: Verdict | None = None
    claims: tuple[ClaimResult, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    known_issue: KnownIssue | None = None
    defects: tuple[Defect, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A run log as read. ``problem`` says in what way it is not whole, and is "" where it is."""

    header: Header
    results: tuple[CaseResult, ...]
    finished: str = ""
    exit_status: int | None = None
    problem: str = ""

    @property
    def complete(self) -> bool:
        """Whether the run finished and its log is as it was written."""
        return not self.problem
