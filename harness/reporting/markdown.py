"""A run as a Markdown report, for a release page or a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from harness.reporting.causes import explanation
from harness.reporting.results import CaseOutcome, CaseResult, Run
from harness.reporting.summary import headline
from harness.reporting.tally import Tally, tally


def write_markdown(run: Run) -> str:
    """The report; the same results in any order give the same text.

    Texts from the run are escaped, so that none of them can become markup or end a table.
    """
    counted = tally(run)
    sections = (
        _head(run, counted),
        _claims(counted),
        _cases("Failures", counted.failures),
        _blocked(counted),
        _cases("Inconclusive", counted.inconclusive),
        _known(counted.known),
        _defects(counted),
        _skipped(counted),
        _stages(counted),
        _figures(counted),
        _environment(run),
    )
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _head(run: Run, counted: Tally) -> list[str]:
    lines = ["# Conformance report", ""]
    return lines + [f"- {_text(line)}" for line in headline(run, counted)]


def _claims(counted: Tally) -> list[str]:
    if not counted.claims:
        return []
    rows = [
        (c.metric, c.documented, c.reproduced, c.failed, c.inconclusive, c.not_measured)
        for c in counted.claims
    ]
    header = ("claim", "documented", "reproduced", "failed", "inconclusive", "not measured")
    lines = ["## Claims", "", *_table(header, rows)]
    reasons = [
        f"- {claim.metric} not measured: {_text(reason)} ({count})"
        for claim in counted.claims
        for reason, count in claim.reasons.items()
    ]
    return [*lines, "", *reasons] if reasons else lines


def _cases(title: str, results: Sequence[CaseResult]) -> list[str]:
    lines = [f"## {title} ({len(results)})", ""] if results else []
    for result in results:
        stage = f" at {_text(result.stage)}" if result.stage else ""
        lines.append(f"- {_code(result.case)}: {result.outcome}{stage}")
        lines += [f"  - {_text(line)}" for line in explanation(result)]
    return lines


def _blocked(counted: Tally) -> list[str]:
    if not counted.blocked:
        return []
    rows = [(_code(origin), count) for origin, count in counted.blocked]
    return ["## Blocked", "", *_table(("by the failure of", "cases"), rows, escaped=1)]


def _known(results: Sequence[CaseResult]) -> list[str]:
    if not results:
        return []
    rows = [
        (_code(result.case), issue.error, issue.stage, issue.reason, issue.since, issue.expires)
        for result in results
        if (issue := result.known_issue)
    ]
    header = ("case", "error", "stage", "reason", "since", "until")
    return [f"## Known issues ({len(results)})", "", *_table(header, rows, escaped=1)]


def _defects(counted: Tally) -> list[str]:
    if not counted.defects:
        return []
    rows = [(d.row, d.column, d.documented, d.true, d.cause) for d in counted.defects]
    header = ("row", "column", "documented", "true", "cause")
    title = f"## Defects of the documentation ({len(counted.defects)})"
    return [title, "", *_table(header, rows)]


def _skipped(counted: Tally) -> list[str]:
    if not counted.skipped:
        return []
    rows = [(reason, count) for reason, count in counted.skipped]
    return ["## Skipped or not measured", "", *_table(("reason", "cases"), rows)]


def _stages(counted: Tally) -> list[str]:
    if not counted.stages:
        return []
    present = [outcome for outcome in CaseOutcome if counted.outcomes.get(outcome)]
    rows = [
        (name, *(outcomes.get(outcome, 0) for outcome in present))
        for name, outcomes in counted.stages
    ]
    return ["## Stages", "", *_table(("stage", *(str(outcome) for outcome in present)), rows)]


def _figures(counted: Tally) -> list[str]:
    if not counted.spreads:
        return []
    rows = [
        (s.name, s.unit, s.count, f"{s.least:.4g}", f"{s.middle:.4g}", f"{s.most:.4g}", s.unusable)
        for s in counted.spreads
    ]
    header = ("measured", "unit", "cases", "least", "median", "most", "NaN or inf")
    return ["## Figures", "", *_table(header, rows)]


def _environment(run: Run) -> list[str]:
    machine = run.header.machine
    memory = f"{machine.memory_bytes / 2**30:.1f} GiB"
    rows = [
        ("started", run.header.started),
        ("finished", run.finished or "never"),
        ("command", " ".join(run.header.command)),
        ("processor", f"{machine.cpu}, {machine.cores} cores, {memory}"),
        ("platform", machine.platform),
        *((f"page {page.name}", f"{page.path} {page.sha256}") for page in run.header.pages),
        *((f"option {name}", value) for name, value in sorted(run.header.options.items())),
        *((name, version) for name, version in sorted(run.header.tools.items())),
    ]
    return ["## Run", "", *_table(("what", "value"), rows)]


def _table(
    header: Sequence[str], rows: Iterable[Sequence[object]], *, escaped: int = 0
) -> list[str]:
    """A table; the first ``escaped`` cells of each row are Markdown already."""
    lines = [header, ["---"] * len(header)]
    for row in rows:
        lines.append(
            [str(cell) if index < escaped else _text(str(cell)) for index, cell in enumerate(row)]
        )
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def _text(text: str) -> str:
    """One line in which nothing is markup."""
    return re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """A code span, also in a table and also around backticks."""
    line = " ".join(text.split()).replace("|", r"\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"{fence}{line}{fence}" if fence == "`" else f"{fence} {line} {fence}"
