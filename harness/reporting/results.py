"""The nouns of a run: what was asked, on what machine, and what came of every case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.records import KnownIssue, Measurement, Metric, Outcome, Page, Verdict

STAGES = (
    "page",
    "complexity",
    "preprocessing",
    "export",
    "half",
    "int8",
    "postprocessing",
    "accuracy",
    "throughput",
)
"""The suite's stages, in the order in which they are told."""


class CaseOutcome(StrEnum):
    """What came of one test. Only ``PASSED`` is a pass.

    ``BLOCKED``: what it needs failed, which is the failure of another case.
    """

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    BLOCKED = "blocked"
    KNOWN_ISSUE = "known issue"
    INCONCLUSIVE = "inconclusive"
    NOT_MEASURED = "not measured"
    SKIPPED = "skipped"


GRAVITY = (
    CaseOutcome.FAILED,
    CaseOutcome.ERRORED,
    CaseOutcome.BLOCKED,
    CaseOutcome.NOT_MEASURED,
    CaseOutcome.INCONCLUSIVE,
    CaseOutcome.KNOWN_ISSUE,
    CaseOutcome.PASSED,
    CaseOutcome.SKIPPED,
)
"""Outcomes, what most stands against a release first."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the run ran on: cores this process may use, memory in bytes."""

    cpu: str
    cores: int
    memory_bytes: int
    platform: str


@dataclass(frozen=True, slots=True)
class PageTotals:
    """What a page documents of the chosen rows, so that a claim that no case judged is missed.

    ``left_out``: how many rows of the page were not chosen.
    """

    name: str
    path: str
    sha256: str
    rows: tuple[str, ...]
    claims: Mapping[str, int]
    left_out: int = 0

    @classmethod
    def of(cls, page: Page, chosen: Collection[str]) -> PageTotals:
        """The totals of a page: ids of the chosen rows, and how many claims each metric has."""
        rows = [row for row in page.rows if row.id in chosen]
        claims = Counter(str(claim.metric) for row in rows for claim in row.claims)
        ids, left_out = tuple(row.id for row in rows), len(page.rows) - len(rows)
        return cls(page.name, page.path, page.sha256, ids, dict(claims), left_out)


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
class ReportedDefect:
    """A figure that the document has wrong, whether or not it can be reproduced."""

    row: str
    column: str
    documented: str
    true: str
    cause: str


@dataclass(frozen=True, slots=True)
class ChangedImage:
    """An image that two halves answered otherwise: its file, and what became of the right class."""

    path: str
    told: str


@dataclass(frozen=True, slots=True)
class StepCost:
    """What a step took that ran for a case.

    Attributes:
        cpu_s: processor seconds.
        peak_bytes: its most resident memory.
        waited_s: seconds before it began, until the memory that it asked for was free.
        asked_bytes: how much that was.
        host: where in a cluster it ran; "" for this machine.
    """

    name: str
    cpu_s: float
    peak_bytes: int
    waited_s: float = 0.0
    asked_bytes: int = 0
    host: str = ""


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
        blocked_by: the case, or the row, whose failure keeps it from being judged, or "".
        place: the page's file and line that document the row, or "".
        backend, precision: what it ran on and in, or "" where it is about neither.
        command: what repeats just this case, or "" in a log that is older than this field.
        changed: some of the images that int8 answers otherwise than fp32.
        steps: those that ran for it; not what an earlier run left in the store.
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
    defects: tuple[ReportedDefect, ...] = ()
    blocked_by: str = ""
    place: str = ""
    backend: str = ""
    precision: str = ""
    command: str = ""
    changed: tuple[ChangedImage, ...] = ()
    steps: tuple[StepCost, ...] = ()


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
