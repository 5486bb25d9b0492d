"""A run as a matrix: rows by stages, and within a stage by backend and precision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from harness.reporting.causes import source_of
from harness.reporting.results import GRAVITY, CaseOutcome, CaseResult, Run
from harness.reporting.tally import stage_order

NO_ROW = "about no row"
"""The source under which cases stand that are about no row; they share a line for each stage."""


@dataclass(frozen=True, slots=True, order=True)
class MatrixColumn:
    """A stage, with what its cases ran on and in; "" where they say neither."""

    order: tuple[int, str]
    stage: str
    backend: str
    precision: str

    @property
    def target(self) -> str:
        """Backend and precision, as a heading."""
        return " ".join(filter(None, (self.backend, self.precision)))


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a page with its cases.

    Attributes:
        id: the row's id, or of cases about no row their stage.
        source: of the row, or :data:`NO_ROW`.
        place: the page's file and line, or "" where the log has none.
        results: its cases, in their order; none where the row has none.
        cells: how many of each outcome, for the columns that it has cases in.
    """

    id: str
    source: str
    place: str
    results: tuple[CaseResult, ...]
    cells: Mapping[MatrixColumn, Mapping[CaseOutcome, int]]

    @property
    def outcomes(self) -> Mapping[CaseOutcome, int]:
        """How many cases came to each outcome, the gravest first."""
        counts = Counter(result.outcome for result in self.results)
        return {one: counts[one] for one in GRAVITY if counts[one]}

    @property
    def gravity(self) -> int:
        """Place of its gravest outcome in :data:`GRAVITY`; a row without cases comes before."""
        return min((GRAVITY.index(one.outcome) for one in self.results), default=-1)

    @property
    def duration_s(self) -> float:
        """Seconds that its cases took."""
        return sum(result.duration_s for result in self.results)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Lines in the order of the pages; those about no row come last."""

    columns: tuple[MatrixColumn, ...]
    lines: tuple[Line, ...]

    @property
    def stages(self) -> Mapping[str, int]:
        """The stages, and how many columns each has."""
        return Counter(column.stage for column in self.columns)

    @property
    def sources(self) -> tuple[str, ...]:
        """Of the lines, in their order, each once."""
        return tuple(dict.fromkeys(line.source for line in self.lines))


def matrix(run: Run) -> Matrix:
    """Every documented row that was chosen has a line, and so has every case of the run."""
    documented = dict.fromkeys(row for page in run.header.pages for row in page.rows)
    found: dict[str, list[CaseResult]] = {row: [] for row in documented}
    free: dict[str, list[CaseResult]] = {}
    for result in sorted(run.results, key=lambda one: (stage_order(one.stage), one.case)):
        of_row = "/" in result.row  # and not of a page as a whole
        where, key = (found, result.row) if of_row else (free, result.stage or "no stage")
        where.setdefault(key, []).append(result)
    lines = [_line(row, results) for row, results in found.items()]
    lines += [_line(stage, results, source=NO_ROW) for stage, results in free.items()]
    columns = sorted({column for line in lines for column in line.cells})
    return Matrix(tuple(columns), tuple(lines))


def _line(id: str, results: list[CaseResult], *, source: str = "") -> Line:
    cells: dict[MatrixColumn, Counter[CaseOutcome]] = {}
    for result in results:
        cells.setdefault(_column(result), Counter())[result.outcome] += 1
    place = next((result.place for result in results if result.place), "")
    named = source or (source_of(results[0]) if results else _source(id))
    ordered = {
        column: {one: counts[one] for one in GRAVITY if counts[one]}
        for column, counts in cells.items()
    }
    return Line(id, named, place, tuple(results), ordered)


def _source(row: str) -> str:
    return row.split("/")[1] if row.count("/") >= 2 else ""


def _column(result: CaseResult) -> MatrixColumn:
    stage = result.stage or "no stage"
    return MatrixColumn(stage_order(stage), stage, result.backend, result.precision)
