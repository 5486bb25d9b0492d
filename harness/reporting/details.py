"""What the page tells of a row: claims, cases, plots, and what the run log holds nothing of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from harness.records import Measurement, Outcome
from harness.reporting.causes import explanation
from harness.reporting.clauses import Clause, clauses, number, place_of
from harness.reporting.history import Series
from harness.reporting.matrix import Line
from harness.reporting.plots import Span, bars, over_time, spans
from harness.reporting.results import CaseResult, ChangedImage, ClaimResult
from harness.reporting.tally import stage_order

LONGEST = 4000
"""Characters of one case's explanation that are shown; the log has all of it."""

WORST = 10
"""Layers that are plotted."""

MOST_FIGURES = 400
"""Measured figures of a row that are shown."""

PARITY_OF_BEFORE = "parity of earlier runs, without --history"
NOT_HELD = ("the SQNR of single layers, without --layers", PARITY_OF_BEFORE)
"""What one would look for, and what no run log holds."""

GIB = 2**30

_STEP = "_mean_rms"  # what ends the names of an ablation's figures, a step each


@dataclass(frozen=True, slots=True)
class ShownClaim:
    """A documented figure as a table shows it; what the log does not hold is ""."""

    metric: str
    on: str
    outcome: Outcome
    documented: str
    measured: str
    tolerated: str
    rule: str
    place: str
    told: str


@dataclass(frozen=True, slots=True)
class ShownCase:
    """A case as a table shows it.

    Attributes:
        test: what it promises: its name as words, without file and row.
        on: what of its id says more than the row: form, backend, metric, precision.
        told: its explanation, a line each.
    """

    result: CaseResult
    test: str
    on: str
    told: tuple[str, ...]
    command: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot, and how to read it."""

    title: str
    legend: str
    drawing: Markup


@dataclass(frozen=True, slots=True)
class Detail:
    """All that is told of a row."""

    claims: tuple[ShownClaim, ...]
    cases: tuple[ShownCase, ...]
    plots: tuple[Plot, ...]
    changed: tuple[ChangedImage, ...]
    figures: tuple[Measurement, ...]
    left_out: int


def detail(line: Line, past: Iterable[Series] = ()) -> Detail:
    """What a row's cases hold; nothing that they do not. ``past``: figures of all rows."""
    figures = [one for result in line.results for one in result.measurements]
    return Detail(
        claims=tuple(_claim(result, one) for result in line.results for one in result.claims),
        cases=tuple(_case(result) for result in line.results),
        plots=(*_plots(line), *_past(line, past)),
        changed=tuple(one for result in line.results for one in result.changed),
        figures=tuple(figures[:MOST_FIGURES]),
        left_out=max(0, len(figures) - MOST_FIGURES),
    )


def _case(result: CaseResult) -> ShownCase:
    name = result.case.rpartition("::")[2]
    told = [one for one in _bounded(_told(result)) if one]
    command = result.command
    if command:
        told = [one for one in told if not one.strip().startswith("repeat: ")]
    test = name.partition("[")[0].removeprefix("test_").replace("_", " ")
    return ShownCase(result, test, _on(result), tuple(told), command)


def _told(result: CaseResult) -> list[str]:
    if result.verdict is None and not result.reason.strip():
        return []  # it passed, and there is nothing to say
    first, *rest = explanation(result)
    return [place_of(first)[0], *rest] if result.verdict is not None else [first, *rest]


def _bounded(lines: Iterable[str]) -> Iterator[str]:
    room = LONGEST
    for line in lines:
        if len(line) > room:
            yield f"{line[:room]}… (the log has more)"
            return
        room -= len(line)
        yield line


def _on(result: CaseResult) -> str:
    """What a case's brackets say besides its row.

    >>> from harness.reporting.results import CaseOutcome
    >>> _on(CaseResult("t.py::t[p-timm-a-onnx]", CaseOutcome.PASSED, row="p/timm/a"))
    'onnx'
    """
    inner = result.case.partition("[")[2].removesuffix("]")
    slug = result.row.replace("/", "-")
    return inner.removeprefix(slug).removeprefix("-") if slug else inner


def _claim(result: CaseResult, claim: ClaimResult) -> ShownClaim:
    judged = claim.outcome is not Outcome.NOT_MEASURED
    sentence, place = place_of(claim.reason) if judged else (claim.reason, "")
    found = next((one for one in clauses(claim.reason) if one.kind == "documented"), None)
    tolerated = ""
    if found is not None and found.tolerance:
        tolerated = f"± {found.tolerance}" + (f" ({found.parts})" if found.parts else "")
    return ShownClaim(
        metric=str(claim.metric),
        on=_on(result),
        outcome=claim.outcome,
        documented=claim.documented,
        measured=found.measured if found is not None else "",
        tolerated=tolerated,
        rule=found.rule if found is not None else "",
        place=result.place or place,
        told="" if found is not None else sentence,
    )


# ── plots ─────────────────────────────────────────────────────────────────────────────────────


def _plots(line: Line) -> Iterator[Plot]:
    yield from _accuracy(line)
    yield from _parity(line)
    yield from _layers(line)
    yield from _ablation(line)
    yield from _cost(line)


def _accuracy(line: Line) -> Iterator[Plot]:
    """Each accuracy that was measured against its claim; top-1 and top-5 on axes of their own."""
    legend = (
        "Dot: measured; line through it: what sampling explains. Dashed box: the claim, give "
        "or take print and what the precision may cost."
    )
    judged = [pair for pair in _clauses(line) if pair[1].kind == "documented"]
    for metric in ("top1", "top5"):
        found = (_accuracy_row(result, one) for result, one in judged if one.name == metric)
        rows = [row for row in found if row is not None]
        if rows:
            title = f"{metric} against its claim"
            yield Plot(title, legend, spans(title, "%", rows))


def _accuracy_row(result: CaseResult, one: Clause) -> Span | None:
    figures = (one.measured, one.standard, one.tolerance)
    measured, claim, tolerance = (number(text) for text in figures)
    if measured is None or claim is None or tolerance is None:
        return None
    reach = one.amounts.get("sampling", 0.0)
    margin = max(tolerance - reach, 0.0)
    label = " ".join(filter(None, (result.backend, result.precision))) or one.name
    told = f"{label} {one.measured}, documented {one.standard} ± {one.tolerance} ({one.parts})"
    band = (claim - margin, claim + margin)
    return Span(label, measured, f"{measured:.4g}", told, band=band, reach=reach)


def _parity(line: Line) -> Iterator[Plot]:
    """Centred SQNR of each target against its limit and what was accepted."""
    found: dict[tuple[str, str], dict[str, Clause]] = {}
    for result, one in _clauses(line):
        if one.name == "centred_sqnr" and one.kind in ("at least", "accepted"):
            found.setdefault((result.backend, result.precision), {})[one.kind] = one
    rows = []
    for (backend, precision), kinds in sorted(found.items()):
        row = _parity_row(line, backend, precision, kinds)
        if row is not None:
            rows.append(row)
    if rows:
        legend = "Dot: measured. Line with a foot: the least allowed. Dashed box: as accepted."
        yield Plot("Centred SQNR against limit and accepted", legend, spans("SQNR", "dB", rows))


def _parity_row(line: Line, backend: str, precision: str, kinds: dict[str, Clause]) -> Span | None:
    limit, accepted = kinds.get("at least"), kinds.get("accepted")
    exact = next(
        (
            one.value
            for result in line.results
            for one in result.measurements
            if one.name == "centred_sqnr" and one.is_number
            if (result.backend, result.precision) == (backend, precision)
        ),
        None,
    )
    shown = number((limit or accepted or next(iter(kinds.values()))).measured)
    measured = exact if exact is not None else shown
    if measured is None:
        return None
    least = number(limit.standard) if limit else None
    center = number(accepted.standard) if accepted else None
    width = number(accepted.tolerance) if accepted else None
    band = (center - width, center + width) if center is not None and width is not None else None
    label = " ".join(filter(None, (backend, precision))) or "int8"
    told = [f"{label} {measured:.2f} dB"]
    told += [f"at least {limit.standard}"] if limit else ["no limit in this log"]
    told += [f"accepted {accepted.standard} ± {accepted.tolerance} dB"] if accepted else []
    return Span(label, measured, f"{measured:.2f}", ", ".join(told), band=band, limit=least)


def _layers(line: Line) -> Iterator[Plot]:
    """What the worst layers of each target lose by themselves."""
    legend = f"The {WORST} layers that lose most: keep those in a higher precision first."
    for result in line.results:
        losses = [
            (_short(str(one.conditions.get("layer", ""))), one.value)
            for one in result.measurements
            if one.name == "layer_loss" and one.is_number and one.value >= 0
        ]
        if losses:
            title = f"SQNR lost by layer: {_on(result)}"
            worst = sorted(losses, key=lambda one: -one[1])[:WORST]
            yield Plot(title, legend, bars(title, "dB", worst))


def _short(name: str, most: int = 18) -> str:
    """What tells a layer from others: its path without repetitions and operator, from the end.

    >>> _short("/layer2/layer2.2/conv3/Conv")
    'layer2.2/conv3'
    >>> _short("/layer1/layer1.0/downsample/downsample.0/Conv")
    '…r1.0/downsample.0'
    """
    *path, last = name.strip("/").split("/")
    parts = [one for one, after in pairwise((*path, "")) if not after.startswith(f"{one}.")]
    shown = "/".join(parts) or last
    return shown if len(shown) <= most else f"…{shown[1 - most :]}"


def _ablation(line: Line) -> Iterator[Plot]:
    """What each step of preprocessing changes, a bar a step, for each way."""
    legend = "Mean over the images of the root mean square that each step changes, of 255 levels."
    for result in line.results:
        steps = [
            (one.name.removesuffix(_STEP).replace("_", " "), one.value)
            for one in result.measurements
            if one.name.endswith(_STEP) and one.is_number and one.value >= 0
        ]
        if steps:
            title = f"Preprocessing, step by step: {_on(result)}"
            yield Plot(title, legend, bars(title, "levels", steps))


def _cost(line: Line) -> Iterator[Plot]:
    """Seconds by stage."""
    seconds: dict[str, float] = {}
    for result in line.results:
        if math.isfinite(result.duration_s) and result.duration_s >= 0:
            stage = result.stage or "no stage"
            seconds[stage] = seconds.get(stage, 0.0) + result.duration_s
    rows = [(stage, seconds[stage]) for stage in sorted(seconds, key=stage_order)]
    if any(amount for _, amount in rows):
        legend = "Seconds of this run; what an earlier run left in the store costs nothing anew."
        yield Plot("Time by stage", legend, bars("Time by stage", "s", rows))

    cpu_s: dict[str, float] = {}
    peaks: dict[str, float] = {}
    for step in (step for result in line.results for step in result.steps):
        if math.isfinite(step.cpu_s) and step.cpu_s >= 0 and step.peak_bytes >= 0:
            cpu_s[step.name] = cpu_s.get(step.name, 0.0) + step.cpu_s
            peaks[step.name] = max(peaks.get(step.name, 0.0), step.peak_bytes / GIB)
    if cpu_s:
        told = (
            ("Processor time by step", "s", cpu_s, "Seconds of the steps that ran in this run."),
            ("Memory by step", "GiB", peaks, "The most that a step's process held."),
        )
        for title, unit, amounts, legend in told:
            yield Plot(title, legend, bars(title, unit, list(amounts.items())))


def _past(line: Line, past: Iterable[Series]) -> Iterator[Plot]:
    """Parity of the row over past runs, on each backend."""
    legend = "A dot is the last run; a ring is a run in which it came to another level."
    for one in past:
        if one.row == line.id and len(one.points) > 1:
            title = f"{one.name} over past runs: {one.on}"
            yield Plot(title, legend, over_time(title, one.unit, one.points, one.steps))


def _clauses(line: Line) -> Iterator[tuple[CaseResult, Clause]]:
    """Every comparison that a row's cases print, in their headlines and below."""
    for result in line.results:
        if result.verdict is not None:
            for sentence in (result.verdict.headline, *result.verdict.details):
                yield from ((result, one) for one in clauses(sentence))
