"""``expected/tolerances.toml``: how close is close enough, each with its reason.

A table is a check, and its bound is ``at_least`` or ``at_most``, whichever way the check is open.
Overrides narrow it to a source, a precision or a pattern of row ids; where several apply, the last
one in the file wins::

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
from harness.judging.int8 import CEILING, PARITY_MEASURES, SAME_MODEL
from harness.judging.verdicts import Limit, Side
from harness.records import Row
from harness.runtime.document import ExpectedTable, suggestion


@dataclass(frozen=True, slots=True)
class Check:
    """What a bound is about.

    Attributes:
        side: which way it is open.
        fails_within: outside, or at an end, a bound always holds or never does.
    """

    unit: str
    side: Side
    fails_within: tuple[Decimal, Decimal]

    @property
    def key(self) -> str:
        """How the bound is written down."""
        return self.side.name.lower()


_DECIBELS = (Decimal(0), Decimal(200))  # from noise as strong as the signal to float64
_SHARES = (Decimal(0), Decimal(1))
_SQNR = Check("dB", Side.AT_LEAST, _DECIBELS)
_COSINE = Check("", Side.AT_LEAST, _SHARES)
_SHARE = Check("share", Side.AT_LEAST, _SHARES)

CHECKS: Mapping[str, Check] = {
    "sqnr": _SQNR,
    "centred_sqnr": _SQNR,
    "worst_image_sqnr": _SQNR,
    SAME_MODEL: _SQNR,
    CEILING: Check("dB", Side.AT_MOST, _DECIBELS),
    "cosine_mean": _COSINE,
    "cosine_min": _COSINE,
    "centred_cosine_mean": _COSINE,
    "centred_cosine_min": _COSINE,
    "top1_agreement": _SHARE,
    "top5_overlap": _SHARE,
    "decision_agreement": _SHARE,
    "max_abs_difference": Check("logits", Side.AT_MOST, (Decimal(0), Decimal(1000))),
}
"""The checks that may have a tolerance, by their measurement's name. Each that has is judged."""

REQUIRED = (*PARITY_MEASURES, CEILING, SAME_MODEL)
"""The checks without which a run would hold int8 against nothing."""

PRECISIONS = ("fp32", "fp16", "bf16", "int8")
"""Precisions that an override may name."""

SCOPE = ("source", "precision", "row")


@dataclass(frozen=True, slots=True)
class ToleranceRule:
    """One bound and what it applies to; None applies to everything."""

    check: str
    bound: Limit
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
    rules: tuple[ToleranceRule, ...]

    def limits(self, row: Row, *, precision: str) -> Mapping[str, Limit]:
        """The bounds that hold for a row, by check; the last rule that applies wins."""
        return {rule.check: rule.bound for rule in self.rules if rule.applies(row, precision)}

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


def read_tolerances(path: Path) -> Tolerances:
    """Read and validate a tolerances file.

    Raises:
        UnknownKey: a check, a key or a precision that does not exist, with the nearest that does.
        ExpectationError: a check of :data:`REQUIRED`, a bound or a reason is missing, or a bound
            is no number, or one that cannot fail.
    """
    document = ExpectedTable.load(path)
    document.only(CHECKS, "check")
    rules: list[ToleranceRule] = []
    for name, check in CHECKS.items():
        if name in document.values or name in REQUIRED:
            rules += _rules(name, check, document.table(name))
    return Tolerances(str(path), tuple(rules))


def _rules(name: str, check: Check, table: ExpectedTable) -> Iterable[ToleranceRule]:
    table.only((check.key, "reason", "override"))
    yield ToleranceRule(name, _bound(check, table), place=table.where())
    for override in table.tables("override"):
        yield _override(name, check, override)


def _override(name: str, check: Check, table: ExpectedTable) -> ToleranceRule:
    table.only((*SCOPE, check.key, "reason"))
    if not any(key in table.values for key in SCOPE):
        raise ExpectationError(f"{table.where()} names none of {', '.join(SCOPE)}")
    return ToleranceRule(
        name,
        _bound(check, table),
        source=table.optional_text("source"),
        precision=table.one_of("precision", PRECISIONS) if "precision" in table.values else None,
        row=table.optional_text("row"),
        place=table.where(),
    )


def _bound(check: Check, table: ExpectedTable) -> Limit:
    value, (least, most) = table.number(check.key), check.fails_within
    if not least < value < most:
        raise ExpectationError(
            f"{table.where(check.key)} is {value}, which every measurement meets or none, expected "
            f"something between {least} and {most} {check.unit}".rstrip()
        )
    return Limit(check.side, value, table.text("reason"))
