"""A run as plain lines: what stands at the end of a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from harness.reporting.causes import Cause, causes, explanation
from harness.reporting.results import CaseOutcome, CaseResult, ReportedDefect, Run
from harness.reporting.tally import Tally, tally

NARROWEST = 40
"""Columns below which lines are laid out as if there were that many."""

MOST_CAUSES = 12
"""Causes of failures that are told one by one; the rest are counted, and stand in the log."""

MOST_ROWS = 20
"""Rows that are named for a cause."""

MOST_REASONS = 15
"""Reasons for skipping that are told one by one; the rest are counted."""

STAND_IN = "stand-in"
"""What tools that only stand in for others say of themselves."""

SEEDED = (
    "{seeded} of {cases} cases ran on seeded weights in place of the published ones: they judge "
    "export, quantization and preprocessing, and say nothing about accuracy"
)


def summarize(run: Run, *, width: int = 80) -> list[str]:
    """The ending of a run: figures first, then what failed, is wrong, is known or was left out.

    The same results in any order give the same lines. No line is wider than ``width`` unless one
    word of it is; there are no colours.
    """
    width = max(width, NARROWEST)
    counted = tally(run)
    sections = (
        headline(run, counted),
        _claims(counted),
        _failures(counted.failures),
        _blocked(counted.blocked),
        _cases("inconclusive", counted.inconclusive),
        _known(counted.known),
        _defects(counted.defects),
        _skipped(counted.skipped),
        _stages(counted),
        _figures(counted),
    )
    lines: list[str] = []
    for section in filter(None, sections):
        lines += [""] * bool(lines)
        for line in section:
            lines += _fold(line, width)
    return lines


def headline(run: Run, counted: Tally) -> list[str]:
    """The sentences that no report goes without."""
    told = []
    if not run.complete:
        told.append(f"INCOMPLETE RUN LOG: {run.problem}")
    told += [
        f"STAND-IN {name}: {said}: its cases say nothing about the real tools"
        for name, said in sorted(run.header.tools.items())
        if STAND_IN in said.lower()
    ]
    cases = len(run.results)
    reproduced = sum(claim.reproduced for claim in counted.claims)
    left_out = sum(page.left_out for page in run.header.pages)
    chosen = f" ({left_out} more were not chosen)" if left_out else ""
    told.append(
        f"{counted.rows_with_cases} of {counted.rows} rows have cases{chosen}; "
        f"{reproduced} of {counted.documented} claims reproduced"
    )
    outcomes = _told(counted.outcomes) or "none"
    told.append(f"{cases} cases in {counted.duration_s:.1f} s: {outcomes}")
    if counted.seeded:
        told.append(SEEDED.format(seeded=counted.seeded, cases=cases))
    return told


def _claims(counted: Tally) -> list[str]:
    if not counted.claims:
        return []
    header = ("claims", "documented", "reproduced", "failed", "inconclusive", "not measured")
    rows = [
        (c.metric, c.documented, c.reproduced, c.failed, c.inconclusive, c.not_measured)
        for c in counted.claims
    ]
    total = tuple(sum(column) for column in list(zip(*rows, strict=True))[1:])
    lines = _columns(header, [*rows, ("all", *total)])
    for claim in counted.claims:
        lines += [
            f"  {claim.metric} not measured: {reason} ({count})"
            for reason, count in claim.reasons.items()
        ]
    return lines


def _failures(failures: Sequence[CaseResult]) -> list[str]:
    found = causes(failures)
    lines = [f"failures ({len(failures)}, of {_count(len(found), 'cause')})"] if found else []
    for cause in found[:MOST_CAUSES]:
        lines += _case(cause.first) if len(cause.results) == 1 else _cause(cause)
    if rest := found[MOST_CAUSES:]:
        cases = sum(len(one.results) for one in rest)
        lines.append(f"  {_count(cases, 'further failure')} of {_count(len(rest), 'cause')}")
    return lines


def _cause(cause: Cause) -> list[str]:
    """Many failures: how many, the first one's words, and all rows once."""
    cases, rows = len(cause.results), cause.rows
    of = " of ".join(filter(None, (_count(len(rows), "row"), cause.source)))
    told = explanation(cause.first)
    shown = ", ".join(row.rpartition("/")[2] for row in rows[:MOST_ROWS])
    more = f" and {len(rows) - MOST_ROWS} more" * (len(rows) > MOST_ROWS)
    lines = [f"  {_count(cases, 'case')} of {of}, the first of them {cause.first.case}:"]
    lines += [f"    {line}" for line in told]
    return lines + [f"    rows: {shown}{more}"] * (len(rows) > 1)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"


def _cases(title: str, results: Sequence[CaseResult]) -> list[str]:
    lines = [f"{title} ({len(results)})"] if results else []
    return lines + [line for result in results for line in _case(result)]


def _case(result: CaseResult) -> list[str]:
    stage = f" at {result.stage}" if result.stage else ""
    lines = [f"  {result.case}: {result.outcome}{stage}"]
    return lines + [f"    {line}" for line in explanation(result)]


def _blocked(origins: Sequence[tuple[str, int]]) -> list[str]:
    if not origins:
        return []
    lines = [f"blocked ({sum(count for _, count in origins)})"]
    return lines + [f"  {count} by {origin}" for origin, count in origins]


def _known(results: Sequence[CaseResult]) -> list[str]:
    lines = [f"known issues ({len(results)})"] if results else []
    for result in results:
        lines.append(f"  {result.case}")
        if issue := result.known_issue:
            lines.append(
                f"    {issue.error} at {issue.stage}: {issue.reason} "
                f"(since {issue.since}, until {issue.expires})"
            )
    return lines


def _defects(defects: Sequence[ReportedDefect]) -> list[str]:
    lines = [f"defects of the documentation ({len(defects)})"] if defects else []
    for cause, group in groupby(defects, key=lambda defect: defect.cause):
        lines.append(f"  {cause}")
        lines += [
            f"    {d.row} {d.column}: documented {d.documented}, true {d.true}" for d in group
        ]
    return lines


def _skipped(reasons: Sequence[tuple[str, int]]) -> list[str]:
    if not reasons:
        return []
    lines = [f"skipped or not measured ({sum(count for _, count in reasons)})"]
    lines += [f"  {count} × {_one_line(reason)}" for reason, count in reasons[:MOST_REASONS]]
    if rest := reasons[MOST_REASONS:]:
        lines.append(f"  {sum(count for _, count in rest)} for {len(rest)} further reasons")
    return lines


def _stages(counted: Tally) -> list[str]:
    if not counted.stages:
        return []
    width = max(len(name) for name, _ in counted.stages)
    return ["stages", *(f"  {name:{width}}  {_told(found)}" for name, found in counted.stages)]


def _figures(counted: Tally) -> list[str]:
    if not counted.spreads:
        return []
    rows = [
        (
            " ".join(filter(None, (s.name, f"[{s.unit}]" if s.unit else ""))),
            s.count,
            *(f"{value:.4g}" for value in (s.least, s.middle, s.most)),
            s.unusable or "",
        )
        for s in counted.spreads
    ]
    return _columns(("measured", "cases", "least", "median", "most", "NaN or inf"), rows)


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


def _told(outcomes: Mapping[CaseOutcome, int]) -> str:
    return ", ".join(
        f"{outcomes[outcome]} {outcome}" for outcome in CaseOutcome if outcomes.get(outcome)
    )


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
