"""A run as plain lines: what stands at the end of a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence

from harness.reporting.causes import FailureCause, explanation
from harness.reporting.outline import (
    QUESTION,
    SECTIONS,
    Outline,
    counted,
    outcomes_told,
    outline,
)
from harness.reporting.results import CaseResult, Run

NARROWEST = 40
"""Columns below which lines are laid out as if there were that many."""

MOST_CAUSES = 12
"""Causes of failures that are told one by one; the rest are counted, and stand in the log."""

MOST_ROWS = 20
"""Rows that are named for a cause."""

MOST_REASONS = 15
"""Reasons for skipping that are told one by one; the rest are counted."""


def summarize(run: Run, *, width: int = 80) -> list[str]:
    """The ending of a run, in the order of :data:`harness.reporting.outline.SECTIONS`.

    The same results in any order give the same lines. No line is wider than ``width`` unless one
    word of it is; there are no colours.
    """
    width = max(width, NARROWEST)
    told = outline(run)
    lines: list[str] = []
    for section in filter(None, (_WRITERS[name](told) for name in SECTIONS)):
        lines += [""] * bool(lines)
        for line in section:
            lines += _fold(line, width)
    return lines


def _decision(told: Outline) -> list[str]:
    decision = f"{QUESTION} {told.answer}: {told.reason}"
    return [*told.warnings, decision, told.missing, *told.counts]


def _since(told: Outline) -> list[str]:
    return [] if not told.since else ["new since the last run", *(f"  {one}" for one in told.since)]


def _causes(told: Outline) -> list[str]:
    found = told.causes
    failures = len(told.tally.failures)
    lines = [f"failures ({failures}, of {counted(len(found), 'cause')})"] if found else []
    for cause in found[:MOST_CAUSES]:
        lines += _case(cause.first) if len(cause.results) == 1 else _cause(cause)
    if rest := found[MOST_CAUSES:]:
        cases = sum(len(one.results) for one in rest)
        lines.append(f"  {counted(cases, 'further failure')} of {counted(len(rest), 'cause')}")
    return lines


def _cause(cause: FailureCause) -> list[str]:
    """Many failures: how many, the first one's words, and all rows once."""
    cases, rows = len(cause.results), cause.rows
    of = " of ".join(filter(None, (counted(len(rows), "row"), cause.source)))
    told = explanation(cause.first)
    shown = ", ".join(row.rpartition("/")[2] for row in rows[:MOST_ROWS])
    more = f" and {len(rows) - MOST_ROWS} more" * (len(rows) > MOST_ROWS)
    lines = [f"  {counted(cases, 'case')} of {of}, the first of them {cause.first.case}:"]
    lines += [f"    {line}" for line in told]
    return lines + [f"    rows: {shown}{more}"] * (len(rows) > 1)


def _case(result: CaseResult) -> list[str]:
    stage = f" at {result.stage}" if result.stage else ""
    lines = [f"  {result.case}: {result.outcome}{stage}"]
    return lines + [f"    {line}" for line in explanation(result)]


def _unmeasured(told: Outline) -> list[str]:
    lines = [f"  {_one_line(f'{what}: {reason}')}" for what, reason, _ in told.unmeasured]
    return ["not measured", *_cut(lines, told.unmeasured)] if lines else []


def _defects(told: Outline) -> list[str]:
    lines = [f"defects of the documentation ({len(told.tally.defects)})"] * bool(told.defects)
    for cause, group in told.defects:
        lines.append(f"  {cause}")
        lines += [
            f"    {d.row} {d.column}: documented {d.documented}, true {d.true}" for d in group
        ]
    return lines


def _known(told: Outline) -> list[str]:
    lines = [f"known issues ({len(told.tally.known)})"] if told.known else []
    for one in told.known:
        lines += [f"  {result.case}" for result in one.results]
        lines.append(
            f"    {one.issue.error} at {one.issue.stage}: {one.issue.reason} "
            f"(since {one.issue.since}, {one.left})"
        )
    return lines


def _setting(told: Outline) -> list[str]:
    """What figures depend on most; versions stand in the log."""
    return [f"{what}: {value}" for what, value in told.setting[:3]]


def _pages(told: Outline) -> list[str]:
    if not told.pages:
        return []
    rows = [
        (one.name, one.answer, one.rows, f"{one.reproduced} of {one.documented}")
        for one in told.pages
    ]
    width = max(len(one.answer) for one in told.pages)
    table = _columns(
        ("pages", "may ship".ljust(width), "rows", "claims reproduced"),
        [(name, answer.ljust(width), *others) for name, answer, *others in rows],
    )
    told_of = ("cases", *(outcomes_told(one.outcomes) or "none" for one in told.pages))
    return [f"{line}  {cases}" for line, cases in zip(table, told_of, strict=True)]


def _blocked(told: Outline) -> list[str]:
    origins = told.tally.blocked
    if not origins:
        return []
    lines = [f"blocked ({sum(count for _, count in origins)})"]
    return lines + [f"  {count} by {origin}" for origin, count in origins]


def _inconclusive(told: Outline) -> list[str]:
    results = told.tally.inconclusive
    lines = [f"inconclusive ({len(results)})"] if results else []
    return lines + [line for result in results for line in _case(result)]


def _claims(told: Outline) -> list[str]:
    if not told.tally.claims:
        return []
    header = ("claims", "documented", "reproduced", "failed", "inconclusive", "not measured")
    rows = [
        (c.metric, c.documented, c.reproduced, c.failed, c.inconclusive, c.not_measured)
        for c in told.tally.claims
    ]
    total = tuple(sum(column) for column in list(zip(*rows, strict=True))[1:])
    return _columns(header, [*rows, ("all", *total)])


def _skipped(told: Outline) -> list[str]:
    reasons = told.tally.skipped
    lines = [f"  {count} × {_one_line(reason)}" for reason, count in reasons]
    title = f"skipped, as they do not apply ({sum(count for _, count in reasons)})"
    return [title, *_cut(lines, reasons)] if lines else []


def _cut(lines: list[str], reasons: Sequence[tuple[object, ...]]) -> list[str]:
    """The first lines; the reasons of the others, whose last part is how often, counted."""
    rest = reasons[MOST_REASONS:]
    more = sum(int(str(one[-1])) for one in rest)
    return lines[:MOST_REASONS] + [f"  {more} for {len(rest)} further reasons"] * bool(rest)


def _stages(told: Outline) -> list[str]:
    stages = told.tally.stages
    width = max((len(name) for name, _ in stages), default=0)
    lines = [f"  {name:{width}}  {outcomes_told(found)}" for name, found in stages]
    return ["stages", *lines] if lines else []


def _figures(told: Outline) -> list[str]:
    if not told.tally.spreads:
        return []
    rows = [
        (
            " ".join(filter(None, (s.name, f"[{s.unit}]" if s.unit else ""))),
            s.count,
            *(f"{value:.4g}" for value in (s.least, s.middle, s.most)),
            s.unusable or "",
        )
        for s in told.tally.spreads
    ]
    return _columns(("measured", "figures", "least", "median", "most", "NaN or inf"), rows)


_WRITERS: Mapping[str, Callable[[Outline], list[str]]] = {
    "decision": _decision,
    "since": _since,
    "causes": _causes,
    "unmeasured": _unmeasured,
    "defects": _defects,
    "known": _known,
    "setting": _setting,
    "pages": _pages,
    "blocked": _blocked,
    "inconclusive": _inconclusive,
    "claims": _claims,
    "skipped": _skipped,
    "stages": _stages,
    "figures": _figures,
}


def _columns(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    table = [tuple(header), *(tuple(str(cell) for cell in row) for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _fold(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line.strip(),
        width,
        initial_indent=indent,
        subsequent_indent=indent + "    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
