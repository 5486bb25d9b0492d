"""What each documented row is known to count, and which documented figures are defects."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.counting.counts import Printing, reproduces
from harness.counting.rules import rule_names
from harness.errors import ExpectationError
from harness.expected.document import Table
from harness.records import Figure, Metric

COLUMNS = (Metric.MACS, Metric.FLOPS, Metric.PARAMS)
"""The columns of a page that are counts."""

UNITS: Mapping[str, int] = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
"""One printed unit of a column, in counts."""

NOT_REPRODUCED = "not-reproduced"
"""The kind of a figure that no rule gives; what is pinned is the rule that comes nearest."""

COUNTED_AT = "counted-at-"
"""How the kind of a figure begins that the pinned rule gives at another input size: its pixels."""

ZEROS_ADDED = "zeros-added"
"""The kind of a figure with more places than were known: 34.180 for what prints 34.179."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """How a documented figure comes about: what the counter gives, divided by the divisor.

    ``unit`` is one printed unit, in counts; another divisor needs a reason. A count of FLOPs may
    be halved where multiply-accumulates are printed, and the other way round. Other digits than
    rounding gives need a reason too.
    """

    counter: str
    divisor: int
    raw: int
    unit: int
    printing: Printing = Printing.ROUNDED

    @property
    def is_plain(self) -> bool:
        """Whether it is rounded to the unit, or half or double that, as FLOPs and MACs differ."""
        if self.printing is not Printing.ROUNDED:
            return False
        return self.divisor in (self.unit, 2 * self.unit) or 2 * self.divisor == self.unit


@dataclass(frozen=True, slots=True)
class Defect:
    """A documented figure that is not the true one, with what is and why it is not.

    ``kind`` is a short name that many rows may share, ``cause`` its explanation in a sentence,
    ``true`` the count that belongs in the column, undivided.
    """

    column: Metric
    printed: Figure
    kind: str
    true: int
    cause: str

    @property
    def is_reproduced(self) -> bool:
        """Whether the pinned count prints the figure, wrong as it is."""
        return self.kind != NOT_REPRODUCED and not self.kind.startswith(COUNTED_AT)

    @property
    def figure(self) -> Figure:
        """The figure that the pinned count has to print: without zeros that were added."""
        if self.kind != ZEROS_ADDED or not self.printed.places:
            return self.printed
        return Figure(self.printed.text.rstrip("0").rstrip("."))


@dataclass(frozen=True, slots=True)
class ExpectedComplexity:
    """What one row is known to count.

    ``true_macs`` are the multiply-accumulates of convolutions, fully connected layers and the
    products of attention.
    """

    row: str
    operations: Pinned
    params: Pinned
    true_params: int
    true_macs: int
    defects: tuple[Defect, ...] = ()

    def defect(self, column: Metric) -> Defect | None:
        """The row's known defect in one column, or None."""
        return next((each for each in self.defects if each.column is column), None)


@dataclass(frozen=True, slots=True)
class PageComplexity:
    """What the rows of one page are known to count, each by its id.

    Attributes:
        rows: in the order of the page.
        unknown: why the others cannot be counted.
    """

    rows: Mapping[str, ExpectedComplexity]
    unknown: Mapping[str, str]


def read_expected(path: Path, rows: Collection[str]) -> PageComplexity:
    """Read a file of pinned counts and hold it against the rows of its page.

    Args:
        path: a file such as ``expected/complexity/resnext.toml``.
        rows: the ids of all rows on the page.

    Raises:
        ExpectationError: the file cannot be read; a key is missing or its value is not what it
            should be; a row has no entry; a defect's figure is no defect, or is not the figure
            that the pinned count prints.
        UnknownKey: a key, row, counter or kind that does not exist.
    """
    top = Table.load(path)
    top.only(("kinds", "rows", "unknown"))
    kinds = top.optional_table("kinds")
    causes = {kind: kinds.text(kind) for kind in kinds.values}
    entries, table = top.table("rows"), top.optional_table("unknown")
    entries.only(rows, "row")
    table.only(rows, "row")
    unknown = {row: table.text(row) for row in table.values}
    for row in unknown:
        if row in entries.values:
            raise ExpectationError(f"{table.where(row)} has an entry in [rows], so it is known")
    missing = [row for row in rows if row not in entries.values and row not in unknown]
    if missing:
        raise ExpectationError(f"{path}: no entry in [rows] for {', '.join(missing)}")
    known = {row: _read_row(row, entries.table(row), causes) for row in rows if row not in unknown}
    return PageComplexity(known, unknown)


def _read_row(row: str, entry: Table, causes: Mapping[str, str]) -> ExpectedComplexity:
    entry.only(("operations", "params", "true", "defects"))
    true = entry.table("true")
    true.only(("params", "macs"))
    expected = ExpectedComplexity(
        row=row,
        operations=_read_pinned(entry.table("operations"), unit="G"),
        params=_read_pinned(entry.table("params"), unit="M"),
        true_params=true.count("params"),
        true_macs=true.count("macs"),
        defects=tuple(_read_defect(each, causes) for each in entry.tables("defects")),
    )
    for table, defect in zip(entry.tables("defects"), expected.defects, strict=True):
        _check_defect(table.where(), expected, defect)
    _check_admitted(entry, expected)
    return expected


def _read_pinned(table: Table, *, unit: str) -> Pinned:
    """``unit``: of pages that say nothing else."""
    table.only(("counter", "divisor", "raw", "unit", "printing"))
    counter = table.one_of("counter", rule_names())
    if "unit" in table.values:
        unit = table.one_of("unit", UNITS)
    divisor, raw = table.count("divisor"), table.count("raw")
    printing = Printing.ROUNDED
    if "printing" in table.values:
        printing = Printing(table.one_of("printing", list(Printing)))
    return Pinned(counter, divisor=divisor, raw=raw, unit=UNITS[unit], printing=printing)


def _read_defect(table: Table, causes: Mapping[str, str]) -> Defect:
    table.only(("column", "printed", "kind", "true"))
    kind = table.one_of("kind", causes)
    return Defect(
        column=Metric(table.one_of("column", COLUMNS)),
        printed=table.figure("printed"),
        kind=kind,
        true=table.count("true"),
        cause=causes[kind],
    )


def _check_defect(where: str, expected: ExpectedComplexity, defect: Defect) -> None:
    if expected.defect(defect.column) is not defect:
        raise ExpectationError(f"{where}: a second defect in column {str(defect.column)!r}")
    pinned = expected.params if defect.column is Metric.PARAMS else expected.operations
    if reproduces(defect.printed, defect.true, pinned.unit):
        raise ExpectationError(
            f"{where}: {defect.printed.text} is what {defect.true} prints, so it is no defect"
        )
    printed = reproduces(defect.figure, pinned.raw, pinned.divisor, pinned.printing)
    if printed and not defect.is_reproduced:
        raise ExpectationError(
            f"{where}: {defect.printed.text} is what the pinned count prints, so it is reproduced"
        )
    if not printed and defect.is_reproduced:
        raise ExpectationError(
            f"{where}: printed {defect.printed.text}, but the pinned count "
            f"{pinned.raw} / {pinned.divisor}, {pinned.printing}, does not print that"
        )


def _check_admitted(entry: Table, expected: ExpectedComplexity) -> None:
    wrong = {
        "operations": not expected.operations.is_plain,
        "params": expected.params.divisor != expected.params.unit
        or not expected.params.is_plain
        or expected.params.raw != expected.true_params,
    }
    admitted = {
        "params" if each.column is Metric.PARAMS else "operations" for each in expected.defects
    }
    for key in wrong:
        if wrong[key] and key not in admitted:
            raise ExpectationError(
                f"{entry.where(key)} is not the true count in its unit, expected a defect for it"
            )
