"""Everything that is known of one row, gathered from all files that say something of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any, Final

from harness.counting.claims import Pinned
from harness.counting.counts import printed
from harness.errors import HarnessError
from harness.expected.float_operators import read_float_operators
from harness.expected.known_issues import read_known_issues
from harness.expected.tolerances import CHECKS, read_tolerances
from harness.pipeline.catalogue import DocumentedModel
from harness.records import Claim, KnownIssue, Metric, Row
from harness.reporting.results import CaseResult, Run
from harness.reporting.runlog import read

PRECISION: Final = "int8"  # what tolerances are narrowed to
_LOGS: Final = 50  # newest run logs to look through for the row


def explain(
    model: DocumentedModel, expected: Path, *, runs: Path, backends: Sequence[str], today: date
) -> dict[str, Any]:
    """All that is known of a row or a documented failure, as JSON.

    Args:
        model: from the catalogue of ``expected``.
        expected: the folder of expectations.
        runs: where run logs lie; the newest that is about the row is told of.
        backends: as float operators name them.
        today: known issues that have expired are refused.

    Raises:
        ExpectationError: a file below ``expected`` is wrong.
    """
    documented, variant = model.documented, model.variant
    issues = read_known_issues(expected / "known_issues.toml", today=today)
    operators = read_float_operators(expected / "float_operators.toml", backends=backends)
    return {
        "row": model.id,
        "place": model.page.at(documented.line),
        "name": documented.name,
        "source": documented.source,
        "link": documented.link if isinstance(documented, Row) else "",
        "claims": [_claim(claim, model) for claim in _claims(model)],
        "upstream": {
            "source": variant.source,
            "model": variant.model,
            "weights": variant.weights,
            "network": variant.network,
            "params": variant.params,
            "input_size": model.size,
            "unresolved": variant.unresolved,
            "evidence": _evidence(model, expected),
            "uncountable": model.uncountable,
        },
        "counts": _counts(model),
        "pipelines": _pipelines(model),
        "tolerances": _tolerances(model, expected),
        "float_operators": [
            {"backend": backend, "name": one.name, "reason": one.reason}
            for backend in backends
            for one in operators.of(model.id, backend=backend)
        ],
        "known_issues": [_issue(one) for one in issues if covers(one.case, model.slug)],
        "last_run": _last_run(model, runs),
    }


def covers(pattern: str, slug: str) -> bool:
    """Whether a known issue's pattern may name a case of a row.

    >>> covers("suites/test_int8.py::test_parity[resnext-timm-*-int8]", "resnext-timm-net")
    True
    >>> covers("suites/test_int8.py::test_parity[resnext-timm-netz-int8]", "resnext-timm-net")
    False
    """
    inner = pattern.partition("[")[2].removesuffix("]")
    for end in range(len(inner) + 1):
        begins, rest = inner[:end], inner[end:]
        if fnmatchcase(slug, begins) and (not rest or rest[0] in "-*" or begins.endswith("*")):
            return True
    return False


def _claims(model: DocumentedModel) -> Iterable[Claim]:
    documented = model.documented
    return documented.claims if isinstance(documented, Row) else ()


def _claim(claim: Claim, model: DocumentedModel) -> dict[str, Any]:
    return {
        "metric": str(claim.metric),
        "figure": claim.figure.text,
        "unit": claim.unit,
        "header": claim.header,
        "place": f"{model.page.at(claim.line)}:{claim.column}",
    }


def _evidence(model: DocumentedModel, expected: Path) -> str:
    """What spoke for the upstream model, where it was found by resolving the page."""
    path = expected / "findings" / f"{model.page.name}.json"
    if not path.exists():
        return ""
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    return str(rows.get(model.id, {}).get("evidence", ""))


def _counts(model: DocumentedModel) -> dict[str, Any] | None:
    known = model.complexity
    if known is None:
        return None
    return {
        "true": {"params": known.true_params, "macs": known.true_macs},
        "columns": [
            _pinned(claim, known.params if claim.metric is Metric.PARAMS else known.operations)
            for claim in _claims(model)
            if claim.metric in (Metric.MACS, Metric.FLOPS, Metric.PARAMS)
        ],
        "defects": [
            {
                "column": str(one.column),
                "documented": one.printed.text,
                "true": one.true,
                "kind": one.kind,
                "cause": one.cause,
            }
            for one in known.defects
        ],
    }


def _pinned(claim: Claim, pinned: Pinned) -> dict[str, Any]:
    return {
        "column": str(claim.metric),
        "rule": pinned.counter,
        "divisor": pinned.divisor,
        "raw": pinned.raw,
        "prints": str(printed(claim.figure, pinned.raw, pinned.divisor, pinned.printing)),
        "documented": claim.figure.text,
    }


def _pipelines(model: DocumentedModel) -> dict[str, Any] | None:
    known = model.pipelines
    if known is None:
        return None
    return {
        "claim": known.claim,
        "claim_at_input_size": known.claim_at_input_size,
        "stated": known.stated,
        "ships": f"{known.ships.name} ({known.ships.pipeline})",
    }


def _tolerances(model: DocumentedModel, expected: Path) -> list[dict[str, str]]:
    """The bounds that hold for the row; the last rule that applies wins."""
    documented = model.documented
    if not isinstance(documented, Row):
        return []
    tolerances = read_tolerances(expected / "tolerances.toml")
    return [
        {
            "check": check,
            "bound": f"{limit.side} {limit.value} {CHECKS[check].unit}".strip(),
            "reason": limit.reason,
        }
        for check, limit in tolerances.limits(documented, precision=PRECISION).items()
    ]


def _issue(issue: KnownIssue) -> dict[str, str]:
    return {
        "case": issue.case,
        "error": issue.error,
        "reason": issue.reason,
        "since": issue.since.isoformat(),
        "expires": issue.expires.isoformat(),
    }


def _last_run(model: DocumentedModel, runs: Path) -> dict[str, Any] | None:
    """The newest run that has results about the row."""
    for path in islice(sorted(runs.glob("*.jsonl"), reverse=True), _LOGS):
        try:
            run: Run = read(path, allow_incomplete=True)
        except HarnessError:  # of another version, or being written
            continue
        results = [one for one in run.results if one.row == model.id]
        if results:
            return {
                "log": path.as_posix(),
                "started": run.header.started,
                "problem": run.problem,
                "results": [_result(one) for one in results],
            }
    return None


def _result(one: CaseResult) -> dict[str, Any]:
    said = one.verdict.headline if one.verdict is not None else one.reason
    return {
        "case": one.case,
        "outcome": str(one.outcome),
        "said": said.partition("\n")[0],
        "weights": one.weights,
        "measured": {each.name: f"{each.value:g} {each.unit}".strip() for each in one.measurements},
    }
