"""``expected/tolerances.toml``: how close is close enough, each with its reason.

A table is a check, and its bound is exactly one of ``at_least``, ``at_most`` (a number) and
``within`` (named parts of a tolerance). Overrides narrow it to a source, a precision or a pattern
of row ids; where several apply, the last one in the file wins::

    [centred_sqnr]
    at_least = 14.0
    reason = "…"

    [[centred_sqnr.override]]
    source = "ppcls"
    row = "resnext/ppcls/*_wsl"
    at_least = 11.0
    reason = "…"
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path

from harness.errors import ExpectationError, UnknownKey
from harness.expected.document import Table, suggestion
from harness.judging.verdicts import Limit, Side
from harness.records import Row, Tolerance

CHECKS: Mapping[str, str] = {
    "top1": "points",
    "top5": "points",
    "int8_top1_loss": "points",
    "sqnr": "dB",
    "centred_sqnr": "dB",
    "worst_image_sqnr": "dB",
    "cosine_mean": "",
    "cosine_min": "",
    "centred_cosine_mean": "",
    "centred_cosine_min": "",
    "top1_agreement": "share",
    "top5_overlap": "share",
    "decision_agreement": "share",
    "narrow_share": "share",
    "max_abs_difference": "logits",
    "float_difference": "logits",
    "relative_float_difference": "",
    "same_model_sqnr": "dB",
    "preprocessing_difference": "levels",
}
"""The checks that may have a tolerance, by the name of their measurement, with its unit."""

PRECISIONS = ("fp32", "fp16", "bf16", "int8")
"""Precisions that an override may name."""

BOUNDS = ("at_least", "at_most", "within")
SCOPE = ("source", "precision", "row")


@dataclass(frozen=True, slots=True)
class Rule:
    """One bound and what it applies to; None applies to everything."""

    check: str
    bound: Limit | Tolerance
    source: str | None = None
    precision: str | None = None
    row: str | None = None
    place: str = ""

    def applies(self, row: Row, precision: str) -> bool:
        """Whether the rule is about this row in this precision."""
        return (
            self.source in (None, row.source)
            and self.precision in (None, precision)
            and (self.row is None or fnmatchcase(row.id, self.row))
        )


@dataclass(frozen=True, slots=True)
class Tolerances:
    """All rules of a file, in its order."""

    path: str
    rules: tuple[Rule, ...]

    def limit(self, check: str, *, row: Row, precision: str) -> Limit:
        """The one-sided bound of a check.

        Raises:
            UnknownKey: the file has no such check.
            ExpectationError: the file bounds it on both sides.
        """
        bound = self._bound(check, row=row, precision=precision)
        if not isinstance(bound, Limit):
            raise ExpectationError(f"{self.path}: {check} is bounded by 'within', not on one side")
        return bound

    def within(self, check: str, *, row: Row, precision: str) -> Tolerance:
        """What a check may deviate by, either way.

        Raises:
            UnknownKey: the file has no such check.
            ExpectationError: the file bounds it on one side.
        """
        bound = self._bound(check, row=row, precision=precision)
        if not isinstance(bound, Tolerance):
            raise ExpectationError(f"{self.path}: {check} is bounded on one side, not by 'within'")
        return bound

    def require_used(self, rows: Iterable[Row], precisions: Collection[str] = PRECISIONS) -> None:
        """Refuse overrides that apply to no row, so that a renamed row is not left without.

        Raises:
            UnknownKey: names the override, and the nearest row id or source.
        """
        rows = tuple(rows)
        narrowed = [rule for rule in self.rules if rule.source or rule.precision or rule.row]
        for rule in narrowed:
            if any(rule.applies(row, precision) for row in rows for precision in precisions):
                continue
            near = suggestion(rule.row or "", [row.id for row in rows]) or suggestion(
                rule.source or "", {row.source for row in rows}
            )
            raise UnknownKey(f"{rule.place}: the override applies to no row{near}")

    def _bound(self, check: str, *, row: Row, precision: str) -> Limit | Tolerance:
        found = [
            rule for rule in self.rules if rule.check == check and rule.applies(row, precision)
        ]
        if not found:
            known = {rule.check for rule in self.rules}
            raise UnknownKey(f"{self.path}: no tolerance for {check!r}{suggestion(check, known)}")
        return found[-1].bound


def read_tolerances(path: Path, *, checks: Collection[str] = tuple(CHECKS)) -> Tolerances:
    """Read and validate a tolerances file.

    Raises:
        UnknownKey: a check, a key or a precision that does not exist, with the nearest that does.
        ExpectationError: a bound or a reason is missing, or a value is not what it should be.
    """
    document = Table.load(path)
    document.only(checks, "check")
    rules: list[Rule] = []
    for check in document.values:
        table = document.table(check)
        table.only((*BOUNDS, "reason", "override"))
        base = Rule(check, _bound(table), place=table.where())
        rules.append(base)
        for override in table.tables("override"):
            rules.append(_override(check, override, base))
    return Tolerances(str(path), tuple(rules))


def _override(check: str, table: Table, base: Rule) -> Rule:
    table.only((*SCOPE, *BOUNDS, "reason"))
    if not any(key in table.values for key in SCOPE):
        raise ExpectationError(f"{table.where()} names none of {', '.join(SCOPE)}")
    precision = table.optional_text("precision")
    if precision is not None and precision not in PRECISIONS:
        raise UnknownKey(
            f"{table.where('precision')}: unknown precision {precision!r}"
            f"{suggestion(precision, PRECISIONS)}"
        )
    bound = _bound(table)
    if _kind(bound) != _kind(base.bound):
        raise ExpectationError(
            f"{table.where()} is bounded by {_kind(bound)!r}, the check itself by "
            f"{_kind(base.bound)!r}"
        )
    return Rule(
        check,
        bound,
        source=table.optional_text("source"),
        precision=precision,
        row=table.optional_text("row"),
        place=table.where(),
    )


def _bound(table: Table) -> Limit | Tolerance:
    given = [key for key in BOUNDS if key in table.values]
    if len(given) != 1:
        raise ExpectationError(
            f"{table.where()} has {' and '.join(given) or 'no bound'}, "
            f"expected exactly one of {', '.join(BOUNDS)}"
        )
    reason = table.text("reason")
    match given[0]:
        case "at_least":
            return Limit(Side.AT_LEAST, table.number("at_least"), reason)
        case "at_most":
            return Limit(Side.AT_MOST, table.number("at_most"), reason)
        case _:
            parts = table.table("within")
            return Tolerance(
                tuple((name, parts.number(name, least=Decimal(0))) for name in parts.values), reason
            )


def _kind(bound: Limit | Tolerance) -> str:
    if isinstance(bound, Tolerance):
        return "within"
    return "at_least" if bound.side is Side.AT_LEAST else "at_most"
