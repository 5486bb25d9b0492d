"""What a table is about, told by what it has and not by where it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from harness.pages.cells import Cell, invisible, without_marks
from harness.pages.columns import Column, ColumnRole, is_close_to_claim, is_close_to_name
from harness.pages.dialects import INT8_ALONE, PRECISIONS, Extra, is_missing
from harness.pages.figures import read_figure
from harness.pages.tables import Table
from harness.records import Metric

NEEDED: Final = "a table with a name column and a column of figures"

_COUNTS: Final = frozenset({Metric.MACS, Metric.FLOPS, Metric.PARAMS})
_NUMBER_LIKE: Final = re.compile(r"[(\[~≈<>+\u2212-]*\s*\.?[0-9]|nan\b|inf\b", re.IGNORECASE)


class Kind(Enum):
    """A table of models, a table of something else, or one that may be either."""

    MODELS = auto()
    OTHER = auto()
    UNCLEAR = auto()


@dataclass(frozen=True, slots=True)
class TableKind:
    """What a table is, and why it is not a table of models or may be none; "" where it is one."""

    kind: Kind
    reason: str = ""


def kind_of(table: Table) -> TableKind:
    """What a table is.

    A model table names models and has figures about them: a claim column in which at least one cell
    is a figure. Without a source column that figure has to be one that can be read, and columns of
    speed alone, without counts, make a table of results on hardware. So do columns of device or
    precision. A table is unclear where one misspelt header would make it a model table.
    """
    columns = table.columns
    roles = {column.role for column in columns}
    sourced = ColumnRole.SOURCE in roles
    claims = [at for at, column in enumerate(columns) if column.metric and not in_int8(column)]
    if ColumnRole.NAME not in roles:
        return _without_names(columns, claims, sourced=sourced)
    if not claims:
        close = next((column for column in columns if is_close_to_claim(column)), None)
        if sourced and close:
            return TableKind(Kind.UNCLEAR, close.problem)
        return TableKind(Kind.OTHER, "no column of accuracy, counts or input size")
    if not table.rows:
        return TableKind(Kind.MODELS) if sourced else TableKind(Kind.OTHER, "no rows")
    if how_run := _how_run(table, sourced=sourced):
        return TableKind(Kind.OTHER, f"results on hardware, by the column {how_run!r}")
    if not any(_has_figures(table, at, readable=not sourced) for at in claims):
        headers = ", ".join(columns[at].header for at in claims)
        return TableKind(Kind.OTHER, f"no figure in the columns {headers}")
    return TableKind(Kind.MODELS)


def in_int8(column: Column) -> bool:
    """Whether a column claims what a model does in int8, which alone makes no table of models."""
    return column.metric is not None and column.metric is not column.metric.in_float


def holds_int8_accuracy(table: Table, at: int) -> bool:
    """Whether a column that says no more than that it is of int8 has accuracies: top-1, as the
    column beside it says."""
    columns = table.columns
    if columns[at].header.strip().casefold() not in INT8_ALONE:
        return False
    cells = [line.cells[at] for line in table.rows if not is_missing(line.cells[at].text)]
    whole = Column(ColumnRole.CLAIM, columns[at].header, Metric.INT8_TOP1, "%")
    beside = any(column.metric is Metric.TOP1 for column in columns)
    return beside and bool(cells) and all(_reads(cell, whole) for cell in cells)


def holds_precisions(table: Table, at: int) -> bool:
    """Whether every cell of a column is the name of a precision, whatever its header says."""
    texts = [line.cells[at].text for line in table.rows]
    return bool(texts) and all(PRECISIONS.fullmatch(text) for text in texts)


def _without_names(columns: Sequence[Column], claims: Sequence[int], *, sourced: bool) -> TableKind:
    close = next((column for column in columns if is_close_to_name(column)), None)
    if claims and close:
        return TableKind(Kind.UNCLEAR, close.problem)
    if claims and sourced:
        return TableKind(Kind.UNCLEAR, "sources and figures, and no column is known to name models")
    return TableKind(Kind.OTHER, "no column names models")


def _how_run(table: Table, *, sourced: bool) -> str:
    """The header that says on what or how models were run, if that is what the table is about."""
    columns = table.columns
    counted = any(column.metric in _COUNTS for column in columns)
    by_run = [
        column.header
        for at, column in enumerate(columns)
        if column.extra is Extra.RUN or holds_precisions(table, at)
    ]
    if by_run and not (sourced and counted):
        return by_run[0]
    by_speed = [column.header for column in columns if column.extra is Extra.SPEED]
    return by_speed[0] if by_speed and not sourced and not counted else ""


def _has_figures(table: Table, at: int, *, readable: bool) -> bool:
    """Whether a cell of a claim column is a figure, or may be one that is hard to read."""
    column = table.columns[at]
    cells = [line.cells[at] for line in table.rows]
    if readable and column.role is ColumnRole.CLAIM:
        return any(_reads(cell, column) for cell in cells)
    ragged = any(line.printed != len(table.columns) for line in table.rows)
    return ragged or any(_NUMBER_LIKE.match(cell.text) or invisible(cell.text) for cell in cells)


def _reads(cell: Cell, column: Column) -> bool:
    assert column.metric is not None
    try:
        read_figure(without_marks(cell)[0], metric=column.metric, unit=column.unit)
    except ValueError:
        return False
    return True
