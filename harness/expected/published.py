"""``expected/published``: published tables as facts, and the defects of the page against them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

from harness.errors import ExpectationError, MissingSource
from harness.judging.published import (
    METRICS,
    FigureDefect,
    Preprocessing,
    PreprocessingDefect,
    Published,
    Statistics,
)
from harness.records import Metric, Tolerance
from harness.runtime.document import ExpectedTable

_LONGEST_SIDE = 8192  # pixels
_MEASURED = ("size", "crop", "interpolation", "mean", "std", "crop_mode")


class TableRole(StrEnum):
    """What a table is to the page."""

    CURRENT = "current"
    COPIED = "copied"


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table of one source: what it publishes now, or what the page was copied from.

    ``noise``: how far its figures move when they are measured again, in points.
    """

    source: str
    role: TableRole
    noise: Tolerance
    results: tuple[Published, ...]


@dataclass(frozen=True, slots=True)
class ExpectedPublished:
    """What is known of upstream's figures for one page.

    Attributes:
        path: the file.
        page_crop: the share of the resized short side that the page's own pipeline keeps, or None
            where the page states no pipeline.
        page_interpolation: the kernel that it resizes with.
        page_mean, page_std: of R, G and B in fractions; None where the page does not say them.
        tables: at most one of each role for a source.
        missing: of rows for which nothing is published, why.
        figures: known defects of documented figures, by row and metric.
        preprocessing: known defects of how figures were measured, by row.
    """

    path: Path
    page_crop: Fraction | None
    page_interpolation: str
    page_mean: Statistics | None
    page_std: Statistics | None
    tables: tuple[PublishedTable, ...]
    missing: Mapping[str, str]
    figures: Mapping[tuple[str, Metric], FigureDefect]
    preprocessing: Mapping[str, PreprocessingDefect]

    def table(self, source: str, role: TableRole) -> PublishedTable | None:
        """A source's table in one role, or None."""
        return next((one for one in self.tables if (one.source, one.role) == (source, role)), None)

    def page_at(self, size: int) -> Preprocessing:
        """The page's own pipeline at an input size in pixels.

        Raises:
            MissingSource: the page states none.
        """
        if self.page_crop is None:
            raise MissingSource(f"{self.path.stem}: the page does not say how images are prepared")
        return Preprocessing(
            size, self.page_crop, self.page_interpolation, self.page_mean, self.page_std
        )


def read_expected(path: Path, rows: Collection[str]) -> ExpectedPublished:
    """Read a file of published figures and hold its row ids against those of the page.

    Args:
        path: a file such as ``expected/published/resnext.toml``.
        rows: the ids of all rows on the page.

    Raises:
        ExpectationError: the file cannot be read, a key is missing or its value is not what it
            should be, or something stands in it twice.
        UnknownKey: a key, row, role, metric or cause that does not exist.
    """
    top = ExpectedTable.load(path)
    top.only(("page", "tables", "causes", "missing", "figures", "preprocessing"))
    page = top.optional_table("page")
    page.only(("resize", "crop", "interpolation", "mean", "std"))
    causes = top.optional_table("causes")
    missing = top.optional_table("missing")
    missing.only(rows, "row")
    return ExpectedPublished(
        path,
        Fraction(
            page.whole("crop", least=1, most=_LONGEST_SIDE),
            page.whole("resize", least=1, most=_LONGEST_SIDE),
        )
        if page.values
        else None,
        page.text("interpolation") if page.values else "",
        _statistics(page, "mean"),
        _statistics(page, "std"),
        _tables(top.table("tables")),
        {row: missing.text(row) for row in missing.values},
        _figures(top, rows, causes),
        _preprocessing(top, rows, causes),
    )


def _tables(parent: ExpectedTable) -> tuple[PublishedTable, ...]:
    tables: list[PublishedTable] = []
    for name in parent.values:
        table = _table(parent.table(name))
        if any((one.source, one.role) == (table.source, table.role) for one in tables):
            raise ExpectationError(
                f"{parent.where(name)}: a second table of source {table.source!r} that is "
                f"{str(table.role)!r}"
            )
        tables.append(table)
    return tuple(tables)


def _table(table: ExpectedTable) -> PublishedTable:
    table.only(("source", "role", "where", "remeasured", "reason", "results"))
    role = table.one_of("role", [str(role) for role in TableRole])
    noise = Tolerance(())
    if "remeasured" in table.values:
        part = ("re-measured", table.number("remeasured", least=Decimal(0)))
        noise = Tolerance((part,), table.text("reason"))
    results: list[Published] = []
    for entry in table.tables("results"):
        result = _result(entry, table.text("where"))
        if any(_same_place(result, other) for other in results):
            raise ExpectationError(
                f"{entry.where()}: a second result of {result.model} at "
                f"{result.preprocessing.size} px"
            )
        results.append(result)
    if not results:
        raise ExpectationError(f"{table.where('results')} is empty, expected published results")
    return PublishedTable(table.text("source"), TableRole(role), noise, tuple(results))


def _same_place(one: Published, other: Published) -> bool:
    return (one.model, one.preprocessing.size) == (other.model, other.preprocessing.size)


def _result(entry: ExpectedTable, where: str) -> Published:
    entry.only(("model", *_MEASURED, "top1", "top5"))
    top1, top5 = _percentage(entry, "top1"), _percentage(entry, "top5")
    if top1 > top5:
        raise ExpectationError(f"{entry.where('top1')} is {top1}, above top5 = {top5}: swapped?")
    return Published(entry.text("model"), where, _measured(entry), top1, top5)


def _measured(entry: ExpectedTable) -> Preprocessing:
    crop = entry.number("crop", least=Decimal(0))
    if not 0 < crop <= 1:
        raise entry.wrong("crop", "a share of the short side, above 0 and at most 1")
    return Preprocessing(
        _side(entry, "size"),
        Fraction(crop),
        entry.text("interpolation"),
        _statistics(entry, "mean"),
        _statistics(entry, "std"),
        entry.optional_text("crop_mode") or "center",
    )


def _statistics(table: ExpectedTable, key: str) -> Statistics | None:
    """Three fractions, or None where the key is absent."""
    return table.channels(key, least=Decimal(0), most=Decimal(1)) if key in table.values else None


def _figures(
    top: ExpectedTable, rows: Collection[str], causes: ExpectedTable
) -> dict[tuple[str, Metric], FigureDefect]:
    found: dict[tuple[str, Metric], FigureDefect] = {}
    for entry in top.tables("figures"):
        entry.only(("row", "metric", "documented", "published", "cause"))
        metric = Metric(entry.one_of("metric", [str(metric) for metric in METRICS]))
        key = entry.one_of("row", rows), metric
        if key in found:
            raise ExpectationError(f"{entry.where()}: a second defect of {key[0]} {metric}")
        documented = entry.figure("documented")
        found[key] = FigureDefect(documented, _percentage(entry, "published"), _why(entry, causes))
    return found


def _preprocessing(
    top: ExpectedTable, rows: Collection[str], causes: ExpectedTable
) -> dict[str, PreprocessingDefect]:
    found: dict[str, PreprocessingDefect] = {}
    for entry in top.tables("preprocessing"):
        entry.only(("row", *_MEASURED, "cause"))
        row = entry.one_of("row", rows)
        if row in found:
            raise ExpectationError(f"{entry.where()}: a second defect of {row}")
        found[row] = PreprocessingDefect(_measured(entry), _why(entry, causes))
    return found


def _why(entry: ExpectedTable, causes: ExpectedTable) -> str:
    return causes.text(entry.one_of("cause", causes.values.keys()))


def _side(table: ExpectedTable, key: str) -> int:
    return table.whole(key, least=1, most=_LONGEST_SIDE)


def _percentage(table: ExpectedTable, key: str) -> Decimal:
    number = table.number(key, least=Decimal(0))
    if number > 100:
        raise table.wrong(key, "a percentage, 0 to 100")
    return number
