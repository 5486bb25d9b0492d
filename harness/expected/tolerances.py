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


@dataclass(frozen=True, slots=True)
class Check:
    """What a bound is about.

    ``fails_within``: a bound outside, or at an end, always holds or never does.
    """

    unit: str
    fails_within: tuple[Decimal, Decimal]


_POINTS = Check("points", (Decimal(-1), Decimal(100)))
_SQNR = Check("dB", (Decimal(0), Decimal(200)))  # from noise as strong as the signal to float64
_COSINE = Check("", (Decimal(0), Decimal(1)))
_SHARE = Check("share", (Decimal(0), Decimal(1)))
_LOGITS = Check("logits", (Decimal(0), Decimal(1000)))

CHECKS: Mapping[str, Check] = {
    "top1": _POINTS,
    "top5": _POINTS,
    "int8_top1_loss": _POINTS,
    "sqnr": _SQNR,
    "centred_sqnr": _SQNR,
    "centred_sqnr_ceiling": _SQNR,
    "worst_image_sqnr": _SQNR,
    "cosine_mean": _COSINE,
    "cosine_min": _COSINE,
    "centred_cosine_mean": _COSINE,
    "centred_cosine_min": _COSINE,
    "top1_agreement": _SHARE,
    "top5_overlap": _SHARE,
    "decision_agreement": _SHARE,
    "narrow_share": _SHARE,
    "max_abs_difference": _LOGITS,
    "float_difference": _LOGITS,
    "relative_float_difference": Check("", (Decimal(0), Decimal(1))),
    "same_model_sqnr": _SQNR,
    "preprocessing_difference": Check("levels", (Decimal(0), Decimal(255))),
}
"""The checks that may have a tolerance, by the name of their measurement."""

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

    def limits(self, row: Row, *, precision: str) -> Mapping[str, Limit]:
        """The one-sided bounds that hold for a row, by check; the last rule that applies wins."""
        found = (rule for rule in self.rules if rule.applies(row, precision))
        return {rule.check: rule.bound for rule in found if isinstance(rule.bound, Limit)}

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
        base = Rule(check, _bound(table, CHECKS.get(check)), place=table.where())
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
    bound = _bound(table, CHECKS.get(check))
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


def _bound(table: Table, check: Check | None) -> Limit | Tolerance:
    given = [key for key in BOUNDS if key in table.values]
    if len(given) != 1:
        raise ExpectationError(
            f"{table.where()} has {' and '.join(given) or 'no bound'}, "
            f"expected exactly one of {', '.join(BOUNDS)}"
        )
    reason = table.text("reason")
    if given[0] != "within":
        side = Side.AT_LEAST if given[0] == "at_least" else Side.AT_MOST
        value = table.number(given[0])
        _require_it_can_fail(table, given[0], value, check)
        return Limit(side, value, reason)
    parts = table.table("within")
    within = Tolerance(
        tuple((name, parts.number(name, least=Decimal(0))) for name in parts.values), reason
    )
    _require_it_can_fail(table, "within", within.total, check)
    return within


def _require_it_can_fail(table: Table, key: str, value: Decimal, check: Check | None) -> None:
    if check is None:
        return
    least, most = check.fails_within
    if not (value < most and (value >= 0 if key == "within" else value > least)):
        raise ExpectationError(
            f"{table.where(key)} is {value}, which every measurement meets or none, expected "
            f"something between {least} and {most} {check.unit}".rstrip()
        )


def _kind(bound: Limit | Tolerance) -> str:
    if isinstance(bound, Tolerance):
        return "within"
    return "at_least" if bound.side is Side.AT_LEAST else "at_most"
