"""A run as a short Markdown report, for a pull request, a step summary or a release page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from harness.reporting.causes import FailureCause, explanation
from harness.reporting.clauses import place_of
from harness.reporting.outline import (
    NOT_COMPARED,
    QUESTION,
    SECTIONS,
    Outline,
    counted,
    outcomes_told,
    outline,
)
from harness.reporting.results import CaseResult, Run

MOST_LINES = 60
"""Lines that no report has more of: one screen of a pull request."""

LARGEST = 60_000
"""Characters, of the 65,536 that a comment may have. What is folded is left out before that."""

MOST_CASES = 100
"""Cases of one outcome that are told one by one where they are folded."""

MOST = {"warnings": 4, "since": 4, "causes": 6, "unmeasured": 4, "defects": 4, "known": 3}
"""Lines of a section that are shown; the others are counted."""


def write_markdown(run: Run, *, since: Sequence[str] | None = None) -> str:
    """The report; the same results in any order give the same text.

    Below :data:`MOST_LINES` lines. Details are folded: HTML, a line each. Texts from the run are
    escaped, so that none of them can become markup or end a table.
    """
    told = outline(run, since=since)
    shown = [_SHOWN[name](told) for name in SECTIONS if name in _SHOWN]
    lines = [*(line for section in shown if section for line in [*section, ""])]
    folded = [_FOLDED[name](told) for name in SECTIONS if name in _FOLDED]
    room = LARGEST - sum(len(line) + 1 for line in lines)
    return "\n".join([*lines, *_fitting([one for one in folded if one], room)]) + "\n"


def _fitting(folded: list[str], room: int) -> list[str]:
    """Those of the folded parts that fit, in their order."""
    kept: list[str] = []
    for line in folded:
        if len(line) < room:
            kept.append(line)
            room -= len(line) + 1
    left = len(folded) - len(kept)
    return kept + [f"{counted(left, 'part')} left out, as too long for a comment"] * bool(left)


# ── shown ─────────────────────────────────────────────────────────────────────────────────────


def _decision(told: Outline) -> list[str]:
    lines = ["# Conformance report", ""]
    lines += [f"> - **{plain_text(one)}**" for one in told.warnings[: MOST["warnings"]]]
    lines += [""] * bool(told.warnings)
    lines += [f"**{QUESTION} {plain_text(f'{told.answer}: {told.reason}')}.**", ""]
    lines += [f"**{plain_text(told.missing)}.**", ""]
    return lines + [f"- {plain_text(line)}" for line in told.counts]


def _since(told: Outline) -> list[str]:
    if told.since is None:
        return [f"New since the last run: {NOT_COMPARED}."]
    entries = [plain_text(one) for one in told.since]
    return _listed(f"New since the last run ({len(entries)})", entries, "since")


def _causes(told: Outline) -> list[str]:
    title = f"Failures ({len(told.tally.failures)}, of {counted(len(told.causes), 'cause')})"
    return _listed(title, [_cause(one) for one in told.causes], "causes")


def _cause(cause: FailureCause) -> str:
    rows = f" of {counted(len(cause.rows), 'row')}" * bool(cause.rows)
    many = f"{counted(len(cause.results), 'case')}{rows}, first " * (len(cause.results) > 1)
    stage = f" at {plain_text(cause.first.stage)}" if cause.first.stage else ""
    what = plain_text(_short(explanation(cause.first)[0]))
    place = cause.first.place or place_of(explanation(cause.first)[0])[1]
    where = f" ({plain_text(place)})" if place else ""
    return f"{many}{_code(cause.first.case)}{where}: {cause.first.outcome}{stage}: {what}"


def _unmeasured(told: Outline) -> list[str]:
    entries = [
        f"{plain_text(what)}: {plain_text(_short(reason))}" for what, reason, _ in told.unmeasured
    ]
    return _listed("Not measured", entries, "unmeasured")


def _defects(told: Outline) -> list[str]:
    entries = [f"{len(group)} × {plain_text(_short(cause))}" for cause, group in told.defects]
    title = f"Defects of the documentation ({len(told.tally.defects)})"
    return _listed(title, entries, "defects")


def _known(told: Outline) -> list[str]:
    entries = [
        f"{_code(one.issue.case)}: {plain_text(one.left)}: {plain_text(_short(one.issue.reason))}"
        for one in told.known
    ]
    return _listed(f"Known issues ({len(told.tally.known)})", entries, "known")


def _setting(told: Outline) -> list[str]:
    return ["; ".join(f"{what}: {plain_text(value)}" for what, value in told.setting[:3])]


_SHOWN: Mapping[str, Callable[[Outline], list[str]]] = {
    "decision": _decision,
    "since": _since,
    "causes": _causes,
    "unmeasured": _unmeasured,
    "defects": _defects,
    "known": _known,
    "setting": _setting,
}


def _listed(title: str, entries: Sequence[str], section: str) -> list[str]:
    """A heading and a list that is cut; nothing where there is nothing to tell."""
    if not entries:
        return []
    most = MOST[section]
    cut = entries if len(entries) <= most else entries[: most - 1]
    more = [f"{len(entries) - len(cut)} more"] * (len(cut) < len(entries))
    return [f"## {title}", "", *(f"- {entry}" for entry in [*cut, *more])]


# ── folded ────────────────────────────────────────────────────────────────────────────────────


def _all_failures(told: Outline) -> str:
    return _cases("Failures", told.tally.failures)


def _all_unmeasured(told: Outline) -> str:
    rows = [(what, reason) for what, reason, _ in told.unmeasured]
    return _table("Not measured", ("what", "reason"), rows)


def _all_defects(told: Outline) -> str:
    rows = [(d.row, d.column, d.documented, d.true, d.cause) for d in told.tally.defects]
    header = ("row", "column", "documented", "true", "cause")
    return _table(f"Defects of the documentation ({len(rows)})", header, rows)


def _all_known(told: Outline) -> str:
    rows = [
        (result.case, one.issue.error, one.issue.stage, one.issue.reason, one.issue.since, one.left)
        for one in told.known
        for result in one.results
    ]
    header = ("case", "error", "stage", "reason", "since", "left")
    return _table(f"Known issues ({len(rows)})", header, rows)


def _all_setting(told: Outline) -> str:
    return _table("Run, machine and versions", ("what", "value"), told.setting)


def _pages(told: Outline) -> str:
    rows = [
        (
            one.name,
            one.answer,
            one.rows,
            one.documented,
            one.reproduced,
            outcomes_told(one.outcomes),
        )
        for one in told.pages
    ]
    header = ("page", "may ship", "rows", "claims", "reproduced", "cases")
    return _table(f"Pages ({len(rows)})", header, rows)


def _blocked(told: Outline) -> str:
    return _table("Blocked", ("by the failure of", "cases"), told.tally.blocked)


def _inconclusive(told: Outline) -> str:
    return _cases("Inconclusive", told.tally.inconclusive)


def _claims(told: Outline) -> str:
    rows = [
        (c.metric, c.documented, c.reproduced, c.failed, c.inconclusive, c.not_measured)
        for c in told.tally.claims
    ]
    header = ("claim", "documented", "reproduced", "failed", "inconclusive", "not measured")
    return _table("Claims", header, rows)


def _skipped(told: Outline) -> str:
    return _table("Skipped, as they do not apply", ("reason", "cases"), told.tally.skipped)


def _stages(told: Outline) -> str:
    rows = [(name, outcomes_told(found)) for name, found in told.tally.stages]
    return _table("Stages", ("stage", "cases"), rows)


def _figures(told: Outline) -> str:
    rows = [
        (s.name, s.unit, s.count, f"{s.least:.4g}", f"{s.middle:.4g}", f"{s.most:.4g}", s.unusable)
        for s in told.tally.spreads
    ]
    header = ("measured", "unit", "figures", "least", "median", "most", "NaN or inf")
    return _table("Figures", header, rows)


_FOLDED: Mapping[str, Callable[[Outline], str]] = {
    "causes": _all_failures,
    "unmeasured": _all_unmeasured,
    "defects": _all_defects,
    "known": _all_known,
    "setting": _all_setting,
    "pages": _pages,
    "blocked": _blocked,
    "inconclusive": _inconclusive,
    "claims": _claims,
    "skipped": _skipped,
    "stages": _stages,
    "figures": _figures,
}


def _cases(title: str, results: Sequence[CaseResult]) -> str:
    entries = []
    for result in results[:MOST_CASES]:
        stage = f" at {escape(result.stage)}" if result.stage else ""
        lines = "<br>".join(_html(line) for line in explanation(result))
        entries.append(f"<li><code>{_html(result.case)}</code>: {result.outcome}{stage}<br>{lines}")
    more = len(results) - len(entries)
    entries += [f"<li>{counted(more, 'case')} more"] * bool(more)
    return _folded(f"{title} ({len(results)})", f"<ul>{''.join(entries)}</ul>") if entries else ""


def _table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    cells = ["".join(f"<td>{_html(str(cell))}</td>" for cell in row) for row in rows]
    head = "".join(f"<th>{name}</th>" for name in header)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return _folded(title, f"<table><tr>{head}</tr>{body}</table>") if cells else ""


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>{body}</details>"


def _html(text: str) -> str:
    """One line, in which nothing is markup."""
    return escape(" ".join(text.split()))


def _short(text: str) -> str:
    """As much of a sentence as a line of a list shows; all of it is folded."""
    line = " ".join(place_of(text)[0].split()) if len(text) < 2000 else text
    return line if len(line) <= 240 else f"{line[:240]}…"


def plain_text(text: str) -> str:
    """One line in which nothing is markup."""
    return re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """A code span, also in a table and also around backticks."""
    line = " ".join(text.split()).replace("|", r"\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"{fence}{line}{fence}" if fence == "`" else f"{fence} {line} {fence}"
