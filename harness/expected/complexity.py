"""What each documented row is known to count, and which documented figures are defects."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.counting.claims import COLUMNS, UNITS, Defect, Pinned
from harness.counting.counts import Printing, reproduces
from harness.counting.operators import KINDS
from harness.counting.rules import rule_names
from harness.errors import ExpectationError
from harness.records import Metric
from harness.runtime.document import ExpectedTable, Gathered


@dataclass(frozen=True, slots=True)
class ExpectedComplexity:
    """What one row is known to count.

    ``true_macs`` are the multiply-accumulates of convolutions, fully connected layers and the
    products of attention. ``layers``: the settings of all operators, as
    :mod:`harness.counting.operators` has them.
    """

    row: str
    operations: Pinned
    params: Pinned
    true_params: int
    true_macs: int
    layers: Mapping[str, str]
    defects: tuple[Defect, ...] = ()

    def pinned(self, metric: Metric) -> Pinned:
        """How the documented figure of one column comes about."""
        return self.params if metric is Metric.PARAMS else self.operations

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
    top = ExpectedTable.load(path)
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
    known, faults = dict[str, ExpectedComplexity](), Gathered()
    for row in rows:
        with faults.one():
            if row not in unknown:
                known[row] = _read_row(row, entries.table(row), causes)
    faults.require_none()
    return PageComplexity(known, unknown)


def check_row(row: str, entry: Mapping[str, object], causes: Mapping[str, str]) -> None:
    """Hold one entry of ``[rows]`` against what the file's reader asks of it.

    Args:
        row: its id.
        entry: what stands below it.
        causes: the kinds of defect that the file lists, each with its cause.

    Raises:
        ExpectationError, UnknownKey: as :func:`read_expected`.
    """
    _read_row(row, ExpectedTable(Path("draft"), ("rows", row), entry), causes)


def _read_row(row: str, entry: ExpectedTable, causes: Mapping[str, str]) -> ExpectedComplexity:
    entry.only(("operations", "params", "true", "defects", "layers"))
    layers = entry.table("layers")
    layers.only(KINDS)
    if not layers.values:
        raise entry.wrong("layers", f"a table with one of {', '.join(KINDS)} at least")
    true = entry.table("true")
    true.only(("params", "macs"))
    expected = ExpectedComplexity(
        row=row,
        operations=_read_pinned(entry.table("operations"), unit="G"),
        params=_read_pinned(entry.table("params"), unit="M"),
        true_params=true.count("params"),
        true_macs=true.count("macs"),
        defects=tuple(_read_defect(each, causes) for each in entry.tables("defects")),
        layers={kind: layers.text(kind) for kind in layers.values},
    )
    for table, defect in zip(entry.tables("defects"), expected.defects, strict=True):
        _check_defect(table.where(), expected, defect)
    _check_admitted(entry, expected)
    return expected


def _read_pinned(table: ExpectedTable, *, unit: str) -> Pinned:
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


def _read_defect(table: ExpectedTable, causes: Mapping[str, str]) -> Defect:
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


def _check_admitted(entry: ExpectedTable, expected: ExpectedComplexity) -> None:
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
