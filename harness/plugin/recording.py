"""What a test says about its case, on its way to the run log.

A test notes claims, measurements, verdicts and defects on its ``record``; they travel with the
test report (through xdist too) and are written by the controlling process alone.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest

from harness.backends.registry import EMBEDDED
from harness.errors import (
    BuildError,
    HarnessError,
    MissingBackend,
    MissingLicence,
    NoCard,
    NonConformance,
    NotEnoughDisk,
    Regression,
    StageError,
    Unavailable,
    UnfitVersion,
)
from harness.judging.verdicts import require
from harness.pipeline.catalogue import DocumentedModel
from harness.pipeline.pipeline import Pipeline
from harness.plugin.blocking import FAULTS, Blocked, Faults, Rest, require_unblocked
from harness.plugin.collection import CASE, ISSUE, Case, page_of
from harness.plugin.foundations import networks
from harness.plugin.options import GATE, GROUP
from harness.records import Claim, Measurement, Outcome, Verdict
from harness.reporting import encoding
from harness.reporting.results import (
    STAGES,
    CaseOutcome,
    CaseResult,
    ChangedImage,
    ClaimResult,
    ReportedDefect,
    StepCost,
)
from harness.runtime import option_types

RECORD = pytest.StashKey["Record"]()
PROPERTY = "zoo"
ONLY_WHICH = frozenset(
    {"row", "source", "changed_since", "survey", "nightly", "run_log", "history", "no_images"}
    | {"cluster"}
)
"""Options that only say which cases run, which a case's id says, where, and what is kept. Every
other option of the suite that was given belongs to the command that repeats a case."""
HOST_LACKS = (MissingBackend, MissingLicence, UnfitVersion, NoCard, NotEnoughDisk)
"""What is wrong with a host on which a backend cannot be used."""
WITH_WEIGHTS = frozenset({"export", "half", "int8", "accuracy", "throughput"})
"""Stages in which a network's weights matter."""
PHASES = ("setup", "call", "teardown")
"""The phases of a test that a report may be about; xdist's own reports are about none."""


@dataclass
class Record:
    """One case's notes.

    ``row``: its id; of a case about a whole page, the page's name.
    ``address``: the case's id as pytest takes it where it was started. ``options``: those that were
    given, without which it might not be the same case.
    """

    case: str
    row: str = ""
    stage: str = ""
    where: str = ""
    weights: str = ""
    verdict: Verdict | None = None
    claims: list[ClaimResult] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    defects: list[ReportedDefect] = field(default_factory=list)
    changed: list[ChangedImage] = field(default_factory=list)
    steps: list[StepCost] = field(default_factory=list)
    reason: str = ""
    address: str = ""
    options: tuple[str, ...] = ()
    item: pytest.Item | None = None
    place: str = ""
    backend: str = ""
    precision: str = ""

    @property
    def command(self) -> str:
        """What repeats just this case."""
        return shlex.join(("pytest", self.address or self.case, *self.options))

    def answered_otherwise(self, *images: ChangedImage) -> None:
        """Note some of the images that int8 answers otherwise than fp32."""
        self.changed += images

    def measured(self, *measurements: Measurement) -> None:
        """Note figures, whatever is judged about them."""
        self.measurements += measurements

    def note_defect(
        self, model: DocumentedModel, column: str, documented: str, true: object, cause: str
    ) -> None:
        """Note what the page is known to have wrong about a row.

        Args:
            documented: as the page prints it.
            true: what belongs there; counts are printed with ``_`` between thousands.
        """
        place = model.page.at(model.documented.line)
        shown = f"{true:_}" if isinstance(true, int) else str(true)
        self.defects.append(
            ReportedDefect(model.id, str(column), f"{documented} {place}", shown, cause)
        )

    def judge(
        self,
        verdict: Verdict,
        *,
        claim: Claim | None = None,
        place: Callable[[], str] | None = None,
        rests_on: Iterable[Rest] = (),
        failure: type[NonConformance] | type[Regression] = NonConformance,
    ) -> None:
        """Note a verdict, about a documented figure or not, and require it to conform.

        Where it belongs and what repeats it are added here, for every check. ``place``: finds
        where the fault is, in the network or on the page; asked only where the verdict does not
        conform.
        ``rests_on``: what has to hold for the verdict to mean anything.

        Raises:
            Blocked: that does not hold, and is judged by another case of this run: one fault, one
                failure.
            NonConformance, Regression: it does not.
            Unavailable: it is inconclusive, or nothing was measured.
        """
        if self.item is not None:
            require_unblocked(self.item, rests_on)
        if place is not None and verdict.outcome is Outcome.DOES_NOT_CONFORM:
            found = [told for told in [_place(place)] if told]
            verdict = replace(verdict, details=(*verdict.details, *found))
        self.verdict = verdict = verdict.recorded(self.where, self.command)
        if claim is not None:
            self.claims.append(
                ClaimResult(claim.metric, verdict.outcome, claim.figure.text, verdict.headline)
            )
        require(verdict, failure=failure)

    def result(self, outcome: CaseOutcome) -> CaseResult:
        """The case as the run log has it."""
        return CaseResult(
            case=self.case,
            outcome=outcome,
            row=self.row,
            stage=self.stage,
            reason=self.reason,
            weights=self.weights,
            verdict=self.verdict,
            claims=tuple(self.claims),
            measurements=tuple(self.measurements),
            defects=tuple(self.defects),
            place=self.place,
            backend=self.backend,
            precision=self.precision,
            command=self.command,
            changed=tuple(self.changed),
            steps=tuple(self.steps),
        )


def _place(find: Callable[[], str]) -> str:
    """Where two runs part; that it cannot be found does not hide that they do."""
    try:
        return find()
    except HarnessError as error:
        return f"layers cannot be compared: {str(error).splitlines()[0]}"


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """The notes of the running case."""
    notes: Record = request.node.stash[RECORD]
    return notes


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Open the notes of a case."""
    case = item.stash.get(CASE, None)
    stage = next((name for name in STAGES if item.get_closest_marker(name)), "")
    page = page_of(item)
    row = case.model.id if case else page.name if page else ""
    weights = item.config.stash[GATE].settings.weights_kind if stage in WITH_WEIGHTS else ""
    item.stash[RECORD] = Record(
        item.nodeid,
        row,
        stage,
        where=case.model.where if case else _parameters(item),
        weights=weights,
        address=_address(item),
        options=given_options(item.config),
        item=item,
        place=case.model.page.at(case.model.documented.line) if case else page.path if page else "",
        backend=_backend(case) if case else "",
        precision=case.precision if case else "",
    )


def _backend(case: Case) -> str:
    """What a case runs on; the default backend's cases of accuracy do not name it."""
    return case.backend or (EMBEDDED if case.precision else "")


def _parameters(item: pytest.Item) -> str:
    """What a case without a row is about, as its id has it."""
    name = item.name.partition("[")[2]
    return f"[{name}" if name else ""


def _address(item: pytest.Item) -> str:
    """Its id, from where pytest was started; with an absolute path where the suite is elsewhere."""
    file, *rest = item.nodeid.split("::", 1)
    path, started = item.config.rootpath / file, item.config.invocation_params.dir
    shown = path.relative_to(started) if path.is_relative_to(started) else path
    return "::".join((shown.as_posix(), *rest))


def given_options(config: pytest.Config) -> tuple[str, ...]:
    """The suite's own options that were given, and do more than choose cases.

    They are taken from what is registered, so that none can be forgotten.
    """
    groups = (group for group in config._parser._groups if group.name.startswith(GROUP))
    found: list[str] = []
    for option in (option for group in groups for option in group.options):
        if option.dest not in ONLY_WHICH:
            value = config.getoption(option.dest)
            found += option_types.words(option.names()[-1], value, default=option.default)
    return tuple(found)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """What is not available here is not measured: a skip with its reason, unless it is required.

    A network that its library does not build is blocked, where it is known to be another one.
    """
    case = item.stash.get(CASE, None)
    if case is not None and case.inapplicable:
        pytest.skip(case.inapplicable)
    try:
        yield
    except BuildError:
        pipeline = item.funcargs.get("pipeline") if isinstance(item, pytest.Function) else None
        if case is not None and isinstance(pipeline, Pipeline):
            with suppress(StageError):
                require_unblocked(item, networks(pipeline, case.model))
        raise
    except Unavailable as error:
        notes = item.stash[RECORD]
        notes.reason = str(error)
        gate = item.config.stash[GATE]
        wanted = case is not None and case.backend in gate.required_backends
        no_card = gate.cards_required and isinstance(error, NoCard)
        lacking = (wanted and isinstance(error, HOST_LACKS)) or no_card
        if notes.stage in gate.required or lacking:
            raise
        pytest.skip(str(error))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the notes along with the report that decides the outcome."""
    report = yield
    if RECORD not in item.stash:
        return report
    if report.when != "call" and report.passed:
        return report
    notes = item.stash[RECORD]
    error = call.excinfo.value if call.excinfo else None
    issue, case = item.stash.get(ISSUE, None), item.stash.get(CASE, None)
    known = issue is not None and hasattr(report, "wasxfail") and report.skipped
    if known and issue is not None and issue.message not in str(error):
        del report.wasxfail
        report.outcome = "failed"
        error = NonConformance(
            f"known to fail with {issue.message!r}, but failed otherwise:\n{error}"
        )
    origin = error.origin if isinstance(error, Blocked) else ""
    if isinstance(error, StageError):
        if report.failed:
            origin = item.session.stash[FAULTS].origin(item, error)
        notes.stage = error.stage if not notes.stage else notes.stage
        error = error.repeated_by(notes.command, case=case.model.place if case else "")
    elif isinstance(error, NonConformance) and notes.verdict is None:
        error = NonConformance(f"{error} {notes.where}\n  repeat: {notes.command}")
    if isinstance(error, HarnessError) and report.failed:
        report.longrepr = str(error)  # the words are for the reader, the traceback is not
    if isinstance(error, AssertionError) and type(error) is not AssertionError and report.failed:
        report.longrepr = str(error)
    pipeline = item.funcargs.get("pipeline") if isinstance(item, pytest.Function) else None
    if isinstance(pipeline, Pipeline):
        notes.steps, pipeline.builder.ran = pipeline.builder.ran, []
    result = notes.result(_outcome(report, error, notes))
    if origin:
        told = f"blocked by {origin}: {str(error).splitlines()[0]}"
        result = replace(result, outcome=CaseOutcome.BLOCKED, blocked_by=origin, reason=told)
        report.longrepr, report.when = told, "setup"  # an error in JUnit XML, and no failure
    if result.outcome is CaseOutcome.KNOWN_ISSUE and issue is not None:
        result = replace(result, known_issue=issue, reason=str(error))
    elif error is not None and not result.reason:
        result = replace(result, reason=str(error))
    report.user_properties.append((PROPERTY, json.dumps(encoding.encode(result))))
    item.user_properties += [(_labelled(one), one.value) for one in result.measurements]
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport, config: pytest.Config
) -> tuple[str, str, tuple[str, Mapping[str, bool]]] | None:
    """Show what is blocked as such; where its stage is required, as the error that it is."""
    result = _result(report)
    if result is None or result.outcome is not CaseOutcome.BLOCKED:
        return None
    if result.stage in config.stash[GATE].required:
        return "error", "E", ("ERROR", {"red": True})
    return "blocked", "B", ("BLOCKED", {"yellow": True})


def _labelled(one: Measurement) -> str:
    """A figure's name in JUnit XML: what, on what, in which unit.

    >>> _labelled(Measurement("sqnr", 30.0, "dB", {"precision": "int8"}))
    'sqnr[precision=int8] dB'
    """
    conditions = ",".join(f"{name}={value}" for name, value in one.conditions.items())
    return f"{one.name}{f'[{conditions}]' * bool(conditions)} {one.unit}".rstrip()


def _outcome(report: pytest.TestReport, error: BaseException | None, notes: Record) -> CaseOutcome:
    if hasattr(report, "wasxfail") and report.skipped:
        return CaseOutcome.KNOWN_ISSUE
    if report.passed:
        return CaseOutcome.PASSED
    if report.skipped:
        if notes.verdict is not None and notes.verdict.outcome is Outcome.INCONCLUSIVE:
            return CaseOutcome.INCONCLUSIVE
        return CaseOutcome.NOT_MEASURED if notes.reason else CaseOutcome.SKIPPED
    if error is None or isinstance(error, AssertionError | Unavailable):
        return CaseOutcome.FAILED  # what does not hold, or was required and not measured
    return CaseOutcome.ERRORED


def read(report: pytest.TestReport, *, worker: str) -> CaseResult | None:
    """The case's result out of a report, or None where the report does not decide it.

    A report without notes is one that xdist made of a worker that died.
    """
    result = _result(report)
    if result is not None:
        return replace(result, duration_s=report.duration, worker=worker)
    if report.failed and report.when not in PHASES:
        reason = str(report.longrepr or "the worker died")
        return CaseResult(report.nodeid, CaseOutcome.ERRORED, reason=reason, worker=worker)
    return None


def _result(report: pytest.CollectReport | pytest.TestReport) -> CaseResult | None:
    for name, value in getattr(report, "user_properties", ()):
        if name == PROPERTY:
            return encoding.case_result(json.loads(str(value)))
    return None


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin with no faults."""
    session.stash[FAULTS] = Faults()
