"""``expected/float_operators.toml``: what a compiler may leave in floating point, and why.

::

    [[operator]]
    row = "resnext/timm/*"
    backend = "onnxruntime"
    name = "/fc/Gemm*"
    reason = "…"
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from harness.errors import UnknownKey
from harness.judging.int8 import FloatOperator
from harness.runtime.document import ExpectedTable, Gathered, suggestion

FIELDS = ("row", "backend", "name", "reason")


@dataclass(frozen=True, slots=True)
class FloatOperators:
    """All declarations of a file."""

    operators: tuple[FloatOperator, ...] = ()

    def of(self, row: str, *, backend: str) -> tuple[FloatOperator, ...]:
        """What is declared for a row id."""
        return tuple(
            one for one in self.operators if one.backend == backend and fnmatchcase(row, one.row)
        )

    def require_used(self, rows: Collection[str]) -> None:
        """Refuse declarations about no row, so that a renamed row is noticed.

        Raises:
            UnknownKey: names the declaration and the nearest row id.
        """
        for one in self.operators:
            if not any(fnmatchcase(row, one.row) for row in rows):
                near = suggestion(one.row, rows)
                raise UnknownKey(f"{one.place}: {one.row!r} is no row{near}")


def read_float_operators(path: Path, *, backends: Collection[str]) -> FloatOperators:
    """Read and validate a file of declarations; none is fine.

    Raises:
        UnknownKey: a key or a backend that does not exist, with the nearest that does.
        ExpectationError: a field is missing or blank; all of them are told.
    """
    document, faults = ExpectedTable.load(path), Gathered()
    document.only(("operator",))
    operators = faults.of(_operator, document.tables("operator"), backends)
    faults.require_none()
    return FloatOperators(operators)


def _operator(table: ExpectedTable, backends: Collection[str]) -> FloatOperator:
    table.only(FIELDS)
    return FloatOperator(
        table.text("row"),
        table.one_of("backend", backends),
        table.text("name"),
        table.text("reason"),
        table.where(),
    )
