"""A whole page: a variant, true counts and findings for each row, or why there are none."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from harness.counting.rules import TRUE
from harness.errors import MissingSource, one_line, quoted
from harness.expected.variants import Variant
from harness.records import Claim, DocumentedFailure, Metric, Page, Row
from harness.resolving.counted import Countable, Watch, unwatched
from harness.resolving.counting import Counted, FigureOrigin, find
from harness.resolving.elsewhere import is_open, with_copies, with_other_networks
from harness.resolving.libraries import as_documented, library_of, source_named
from harness.resolving.matching import Unresolved, resolve
from harness.resolving.networks import network_name
from harness.runtime.store import Store
from harness.sources import adapter
from harness.sources.choices import Choice

ASSUMED_SIZE = 224  # pixels, where neither the page nor the library says another
LOOKED_UP = "looking it up"
"""The step of a row before it has an upstream model."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A row that ended the process: in which step, and what became of the process."""

    step: str
    reason: str


NOTHING_LOST: Mapping[str, Lost] = {}


@dataclass(frozen=True, slots=True)
class Resolved:
    """One row, or one documented failure, and what was found of it.

    Attributes:
        size: height and width in pixels.
        choice: the upstream model; None where the row is unresolved, see ``variant.unresolved``.
        evidence: what speaks for the choice.
        true_params, true_macs: of the network itself; 0 where it cannot be counted.
        uncountable: why not, or "".
        grouped: whether some convolution has groups.
        layers: the settings of its operators, see :mod:`harness.counting.operators`.
    """

    row: Row
    variant: Variant
    size: int
    choice: Choice | None = None
    evidence: str = ""
    true_params: int = 0
    true_macs: int = 0
    uncountable: str = ""
    grouped: bool = False
    layers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageResolution:
    """Everything found of a page.

    ``failures`` are the models of which the page documents that they fail. Findings are by row id.
    """

    page: Page
    rows: tuple[Resolved, ...]
    failures: tuple[Resolved, ...]
    operations: dict[str, FigureOrigin] = field(default_factory=dict)
    params: dict[str, FigureOrigin] = field(default_factory=dict)


def resolve_page(
    page: Page,
    *,
    lost: Mapping[str, Lost] = NOTHING_LOST,
    watch: Watch = unwatched,
    store: Store | None = None,
) -> PageResolution:
    """Resolve and count every row of a page. Imports the libraries of its rows; slow.

    Nothing about a single row is an error: what is unknown, ambiguous or cannot be counted, and
    whatever a library raises, is said in its result.

    Args:
        lost: rows by id that ended the process of an earlier try: not tried again.
        watch: told before each step of each row.
        store: where counts are looked up and kept.
    """
    countable = Countable(store, watch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what libraries say while they are imported and traced
        rows = _distinct([_row(row, countable, lost) for row in page.rows])
        failures = _distinct([_row(_as_row(one), countable, lost) for one in page.failures])
        operations = _operations(rows, countable)
        params = _params(rows, countable, operations)
        operations, params = (with_copies(each, page.rows) for each in (operations, params))
        for one in rows:
            _look_elsewhere(one, countable, operations, params)
    return PageResolution(page, tuple(rows), tuple(failures), operations, params)


def _as_row(failure: DocumentedFailure) -> Row:
    return Row(failure.id, failure.source, failure.name, "", failure.line, 0, ())


def _row(row: Row, countable: Countable, lost: Mapping[str, Lost]) -> Resolved:
    gone = lost.get(row.id)
    claim = row.claim(Metric.INPUT_SIZE)
    documented = int(claim.figure.value) if claim else None
    fallback = documented or ASSUMED_SIZE
    if gone is not None and gone.step == LOOKED_UP:
        return Resolved(row, _unresolved(row, gone.reason), fallback)
    try:
        countable.watch(row.id, LOOKED_UP)
        source = source_named(row.source)
        choice, evidence = _chosen(row, source)
        size = documented or choice.input_size or ASSUMED_SIZE
        adapter(source)  # is it installed?
        network = network_name(source, choice.name)
    except (Unresolved, MissingSource) as error:
        return Resolved(row, _unresolved(row, str(error) or one_line(error)), fallback)
    except (Exception, SystemExit) as error:  # whatever a library raises over a name
        reason = f"looking {quoted(row.name)} up: {one_line(error)}"
        return Resolved(row, _unresolved(row, reason), fallback)
    variant = Variant(row.id, source, choice.model, choice.weights, network)
    if gone is not None:
        return Resolved(row, variant, size, choice, evidence, uncountable=gone.reason)
    try:
        params = countable.params(variant, size)
    except MissingSource as error:
        return Resolved(row, _unresolved(row, one_line(error)), size)
    except (Exception, SystemExit) as error:  # whatever a library raises for a size or a platform
        reason = f"{choice.model} cannot be built at {size} px: {one_line(error)}"
        return Resolved(row, variant, size, choice, evidence, uncountable=reason)
    macs, reason = _macs(variant, size, countable)
    grouped, layers = countable.is_grouped(variant, size), countable.layers(variant, size)
    return Resolved(row, variant, size, choice, evidence, params, macs, reason, grouped, layers)


def _chosen(row: Row, source: str) -> tuple[Choice, str]:
    library = library_of(source)
    if library is None:
        return as_documented(row), f"the documented name; the source {source} is an added one"
    decision = resolve(row, library)
    return decision.choice, decision.evidence


def _unresolved(row: Row, reason: str) -> Variant:
    return Variant(row.id, row.source, "", "", "", unresolved=reason)


def _macs(variant: Variant, size: int, countable: Countable) -> tuple[int, str]:
    """Multiply-accumulates, or why they are not known."""
    counts = countable.count(variant, size, TRUE)
    if counts is not None:
        return counts.operations, ""
    build = (variant.source, variant.model, size)
    return 0, countable.failures[build, TRUE]


def _distinct(rows: Sequence[Resolved]) -> list[Resolved]:
    """No two rows share a network's name that do not have the same counts."""
    counts: dict[str, tuple[int, int]] = {}
    found = []
    for one in rows:
        variant, own = one.variant, (one.true_params, one.true_macs)
        if variant.network and counts.setdefault(variant.network, own) != own:
            renamed = f"{variant.source}-{variant.network}-{one.size}"
            variant = replace(variant, network=renamed)
        found.append(replace(one, variant=variant))
    return found


def _operations(rows: Sequence[Resolved], countable: Countable) -> dict[str, FigureOrigin]:
    findings: dict[str, FigureOrigin] = {}
    for metric in (Metric.MACS, Metric.FLOPS):
        for group in _groups(rows, metric):
            findings |= find(group, countable)
    return findings


def _params(
    rows: Sequence[Resolved], countable: Countable, operations: dict[str, FigureOrigin]
) -> dict[str, FigureOrigin]:
    """By the rules that the operations of the same rows come from, where these fit."""
    findings: dict[str, FigureOrigin] = {}
    for group in _groups(rows, Metric.PARAMS):
        known = [operations[one.row] for one in group if one.row in operations]
        used = [finding.use.rule for finding in known if finding.reproduced]
        prefer = tuple(sorted(set(used), key=lambda rule: -used.count(rule)))
        findings |= find(group, countable, prefer=prefer)
    return findings


def _look_elsewhere(
    one: Resolved,
    countable: Countable,
    operations: dict[str, FigureOrigin],
    params: dict[str, FigureOrigin],
) -> None:
    """Put into the findings of a row that they are another network's, where they are."""
    columns = [each for each in (operations, params) if one.row.id in each]
    found = [each[one.row.id] for each in columns]
    if not found or not all(map(is_open, found)):
        return
    library = library_of(one.variant.source)
    if library is None:
        return
    counted = [Counted(one.row.id, one.variant, one.size, each.claim) for each in found]
    with suppress(Exception):  # whatever a library raises over another network's name
        found = with_other_networks(one.row, counted, found, library, countable)
    for column, finding in zip(columns, found, strict=True):
        column[one.row.id] = finding


def _groups(rows: Sequence[Resolved], metric: Metric) -> list[list[Counted]]:
    """The rows that claim a metric and can be counted, by source."""
    groups: dict[tuple[str, str], list[Counted]] = {}
    for one in rows:
        claim: Claim | None = one.row.claim(metric)
        if claim is not None and one.choice is not None and one.true_params:
            counted = Counted(one.row.id, one.variant, one.size, claim)
            groups.setdefault((one.variant.source, claim.unit), []).append(counted)
    return list(groups.values())
