"""A run as one page that opens anywhere: no request leaves it, nothing in it executes but its own.

What a release meeting asks stands on the first screen. The rest is a matrix of rows and stages,
from data in the page, by a script of its own; every text of the run is put in as text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, StrictUndefined

from harness.reporting.causes import causes, explanation
from harness.reporting.encoding import encode
from harness.reporting.results import CaseOutcome, CaseResult, Run
from harness.reporting.summary import headline
from harness.reporting.tally import Tally, tally

SIGNS: Final[Mapping[CaseOutcome, str]] = {
    CaseOutcome.FAILED: "✗",
    CaseOutcome.ERRORED: "!",
    CaseOutcome.BLOCKED: "⊘",
    CaseOutcome.INCONCLUSIVE: "?",
    CaseOutcome.KNOWN_ISSUE: "k",
    CaseOutcome.NOT_MEASURED: "–",
    CaseOutcome.SKIPPED: "·",
    CaseOutcome.PASSED: "✓",
}
"""What stands for an outcome beside its colour; the gravest first."""

PLOTTED: Final = ("centred_sqnr", "float_difference", "top1", "top5", "throughput_ratio")
"""Figures that are drawn over the rows, where a run has them."""

MOST_CAUSES: Final = 12
_WIDTH, _BAR, _LABEL = 720, 14, 260  # of a plot, in its own units


def write_html(run: Run, *, today: date | None = None) -> str:
    """The page; the same results in any order give the same text.

    Args:
        today: from when the days of known issues are counted; by default the day of the run.
    """
    counted = tally(run)
    style, script = (_text(f"report.{kind}") for kind in ("css", "js"))
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return template.from_string(_text("report.html.j2")).render(
        policy=_policy(style, script),
        style=style,
        script=script,
        data=_data(run),
        verdict=verdict(run, counted),
        told=headline(run, counted),
        counted=counted,
        missing=sum(claim.not_measured for claim in counted.claims),
        causes=causes(counted.failures)[:MOST_CAUSES],
        more_causes=max(0, len(causes(counted.failures)) - MOST_CAUSES),
        explanation=explanation,
        issues=_issues(counted, today or _day_of(run)),
        plots=list(_plots(run)),
        header=run.header,
        finished=run.finished,
    )


def verdict(run: Run, counted: Tally) -> tuple[str, str]:
    """Whether this may ship, in one sentence, and the word for it."""
    failed, blocked = len(counted.failures), sum(count for _, count in counted.blocked)
    if not run.complete:
        return "unknown", f"Not known: {run.problem}."
    if not run.results:
        return "unknown", "Not known: no case ran."
    if failed or blocked:
        found = len(causes(counted.failures))
        rest = f", and {blocked} more are blocked by them" if blocked else ""
        return "no", f"Not as it is: {failed} cases fail, of {found} causes{rest}."
    missing = sum(claim.not_measured for claim in counted.claims)
    if missing or counted.inconclusive:
        return (
            "open",
            f"Nothing that was measured speaks against it; {missing} of {counted.documented} "
            "claims were not measured.",
        )
    return "yes", f"All {counted.documented} documented claims are reproduced."


def _text(name: str) -> str:
    return files("harness.reporting").joinpath("templates", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Only this very style and script, and nothing from anywhere."""
    hashes = [
        base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in (style, script)
    ]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _data(run: Run) -> str:
    """Every case, for the script; nothing in it can end the element that holds it."""
    cases = sorted(run.results, key=lambda one: one.case)
    outcomes = [{"name": str(one), "sign": sign} for one, sign in SIGNS.items()]
    where = {row: page.path for page in run.header.pages for row in page.rows}
    data = {
        "outcomes": outcomes,
        "rows": [row for page in run.header.pages for row in page.rows],
        "pages": where,
        "cases": [_case(one) for one in cases],
    }
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _case(result: CaseResult) -> dict[str, Any]:
    """What the page shows of a case; what is empty is left out."""
    told = explanation(result) if result.outcome is not CaseOutcome.PASSED else []
    if result.verdict is not None:
        told = [result.verdict.headline, *result.verdict.details]
    shown = {
        "id": result.case,
        "outcome": str(result.outcome),
        "row": result.row,
        "stage": result.stage,
        "told": told,
        "weights": result.weights,
        "seconds": round(result.duration_s, 2),
        "by": result.blocked_by,
        "claims": [
            [str(one.metric), str(one.outcome), one.documented, one.reason] for one in result.claims
        ],
        "figures": [
            [one.name, encode(one.value), one.unit, *map(str, one.conditions.values())]
            for one in result.measurements
        ],
        "defects": [[one.column, one.documented, one.true, one.cause] for one in result.defects],
    }
    return {name: value for name, value in shown.items() if value not in ("", [], 0)}


def _issues(counted: Tally, today: date) -> list[dict[str, Any]]:
    return [
        {"case": one.case, "issue": one.known_issue, "days": (one.known_issue.expires - today).days}
        for one in counted.known
        if one.known_issue
    ]


def _day_of(run: Run) -> date:
    try:
        return date.fromisoformat(run.header.started[:10])
    except ValueError:
        return date.min


def _plots(run: Run) -> Iterable[dict[str, Any]]:
    """A bar a row for each figure that is drawn, the smallest first."""
    for name in PLOTTED:
        found: dict[tuple[str, str], list[tuple[float, str]]] = {}
        for result in run.results:
            for one in result.measurements:
                if one.name == name and one.is_number and result.row:
                    shown = " ".join(map(str, one.conditions.values()))
                    found.setdefault((one.unit, shown), []).append((one.value, result.row))
        for (unit, conditions), values in sorted(found.items()):
            yield _plot(" ".join(filter(None, (name, conditions))), unit, sorted(values))


def _plot(title: str, unit: str, values: Sequence[tuple[float, str]]) -> dict[str, Any]:
    least, most = min(0.0, values[0][0]), max(value for value, _ in values)
    span = (most - least) or 1.0
    bars = [
        {
            "row": row,
            "value": f"{value:.4g}",
            "y": number * _BAR,
            "width": round(max(1.0, (value - least) / span * (_WIDTH - _LABEL - 70)), 1),
        }
        for number, (value, row) in enumerate(values)
    ]
    size = {"width": _WIDTH, "height": len(bars) * _BAR + 4, "bar": _BAR - 4, "left": _LABEL}
    return {"title": title, "unit": unit, "bars": bars, **size}
