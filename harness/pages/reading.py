"""A documented page to its rows: composes tables, columns, cells, notes and identity."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness.errors import MalformedTable, NoModelTable, OtherTask, PageError, UnknownColumn
from harness.pages.bounds import MAX_BYTES
from harness.pages.cells import Cell, without_marks
from harness.pages.columns import Column, ColumnRole, is_close_to_accuracy, other_task
from harness.pages.dialects import Extra, is_missing
from harness.pages.figures import read_figure
from harness.pages.formats import parse
from harness.pages.identity import entered, id_part, model_id, page_title
from harness.pages.kinds import NEEDED, Kind, holds_int8_accuracy, holds_precisions, kind_of
from harness.pages.ledger import settle
from harness.pages.notes import FailureNote, failure_notes
from harness.pages.sourcecells import read_sources
from harness.pages.stray import stray_lines
from harness.pages.tables import Document, Table, TableLine
from harness.records import Claim, DocumentedFailure, Metric, Omission, Page, Row
from harness.runtime.foreign import read_bytes, real_path


def read_page(path: Path, *, name: str | None = None, lenient: bool = False) -> Page:
    """Read a page: every row of every model table, and the failures it documents.

    What is understood and claims nothing is listed in ``Page.omissions``: tables about something
    else, extra columns, cells without a figure, footnote marks. Rows in are rows out and rows
    listed there.

    Args:
        path: a UTF-8 file of at most ``MAX_BYTES``.
        name: the page's name in ids; unless given, the file's stem, or the folder's name of a
            README.
        lenient: list what cannot be understood among the omissions, too, instead of refusing the
            page.

    Raises:
        NoModelTable: it has no model table, lenient or not.
        OtherTask: its models do not classify.
        PageError: file and line of what cannot be read, all of it: MalformedTable, UnknownColumn
            or DuplicateRow, as the first is; lenient or not, a page must be readable.
    """
    try:
        data = read_bytes(path, most=MAX_BYTES)
    except OSError as error:
        raise PageError(f"cannot be read: {error.strerror}", path=path.as_posix()) from error
    return _Reading(path, data, name, lenient).page()


def recorded_path(path: Path) -> str:
    """A path that does not depend on the machine: below the working directory, or the name."""
    resolved, here = real_path(path), real_path(Path.cwd())
    return resolved.relative_to(here).as_posix() if here in resolved.parents else path.name


class _Reading:
    """One page on its way from bytes to rows."""

    def __init__(self, path: Path, data: bytes, name: str | None, lenient: bool) -> None:
        self.path = path
        self.file = path.as_posix()
        self.document: Document = parse(_decode(data, self.file), path=path)
        self.sha256 = hashlib.sha256(data + self.document.settings.encode()).hexdigest()
        self.name = self._page_name(name)
        self.lenient = lenient
        self.omissions: list[Omission] = []
        self.faults: list[PageError] = []
        self.seen: dict[str, Row] = {}

    def page(self) -> Page:
        tables = [table for table in self.document.tables if self._is_of_models(table)]
        lines = {table.line for table in tables}
        for stray in stray_lines(self.document, models=lines):
            with self._listing("row", rows=stray.rows):
                raise self._malformed(stray.reason, stray.line)
        if not tables:
            self._refuse()
            raise NoModelTable(self._no_models(), path=self.file, line=1)
        rows = {table: self._rows(table, at) for at, table in enumerate(tables, 1)}
        failures: list[DocumentedFailure] = []
        for note in failure_notes(self.document.tokens, tables=lines):
            with self._listing("note"):
                failures += self._failures(note, rows)
        self._refuse()
        page = Page(
            name=self.name,
            path=recorded_path(self.path),
            sha256=self.sha256,
            rows=tuple(row for of_table in rows.values() for row in of_table),
            failures=tuple(dict.fromkeys(failures)),
            omissions=tuple(sorted(self.omissions, key=lambda omission: omission.line)),
        )
        settle(self.document, page)
        return page

    @contextmanager
    def _listing(self, what: str, *, rows: int = 0) -> Iterator[None]:
        """Turn an error into a listed omission where that is wanted; else note it and go on."""
        try:
            yield
        except PageError as error:
            if error.line is None:
                raise
            if not self.lenient:
                self.faults.append(error)
            self._list(what, error.line, error.message, rows=rows)

    def _refuse(self) -> None:
        """Raise the first of what is wrong with the page, with the rest of it."""
        if not self.faults:
            return
        if about := self._other_task():
            self.faults.insert(0, OtherTask(about, path=self.file, line=self.faults[0].line))
        hint = "--lenient lists what cannot be understood"
        raise self.faults[0].with_others(self.faults[1:], hint=hint)

    def _other_task(self) -> str:
        """That the page is about models of another task, by what its tables have; or ""."""
        columns = [(table.line, one) for table in self.document.tables for one in table.columns]
        if any(one.metric in (Metric.TOP1, Metric.TOP5) for _, one in columns):
            return ""
        if any(is_close_to_accuracy(one) for _, one in columns):
            return ""  # a misspelt page is not left out of its zoo
        for line, column in columns:
            if column.role is ColumnRole.UNKNOWN and (task := other_task(column.header)):
                return (
                    f"no page of classification models: {column.header!r} (line {line}) is a "
                    f"figure of {task}, and no column is top-1 or top-5"
                )
        return ""

    def _list(self, what: str, line: int, reason: str, *, rows: int = 0) -> None:
        self.omissions.append(Omission(what=what, line=line, reason=reason, rows=rows))

    def _malformed(self, message: str, line: int) -> MalformedTable:
        return MalformedTable(message, path=self.file, line=line)

    def _no_models(self) -> str:
        others = [f"line {one.line}: {one.reason}" for one in self.omissions if one.rows]
        found = f"; its tables: {'; '.join(others)}" if others else ""
        about = self._other_task()
        return f"{about or 'no model table'}; {NEEDED} was expected{found}"

    def _page_name(self, name: str | None) -> str:
        try:
            return id_part(page_title(self.path) if name is None else name)
        except ValueError as error:
            raise PageError(f"page name {error}", path=self.file) from None

    def _is_of_models(self, table: Table) -> bool:
        """Whether it is a model table that can be read; what it is else is listed or refused."""
        finding = kind_of(table)
        with self._listing("table", rows=len(table.rows)):
            if finding.kind is Kind.UNCLEAR:
                reason = f"may be a model table: {finding.reason}"
                raise UnknownColumn(reason, path=self.file, line=table.line)
            if finding.kind is Kind.MODELS and table.problem:
                raise self._malformed(table.problem, table.line)
            if finding.kind is Kind.OTHER:
                reason = f"not a model table: {finding.reason}"
                self._list("other table", table.line, reason, rows=len(table.rows))
            return finding.kind is Kind.MODELS
        return False

    def _rows(self, table: Table, number: int) -> list[Row]:
        if not table.rows:
            with self._listing("table"):
                raise self._malformed("a model table without rows", table.line)
        columns = self._columns(table)
        rows: list[Row] = []
        for line in table.rows:
            if all(is_missing(cell.text) for cell in line.cells):
                self._list("empty row", line.line, "no cell says anything", rows=1)
                continue
            with self._listing("row", rows=1):
                of_line = self._of_line(line, columns, number)
                rows += [entered(row, self.seen, path=self.file) for row in of_line]
        return rows

    def _columns(self, table: Table) -> list[Column]:
        """The columns of a model table; one that is not understood, or comes twice, is an extra
        one where omissions are listed."""
        columns: list[Column] = []
        taken: set[ColumnRole | Metric] = set()
        for at, column in enumerate(table.columns):
            if column.role is not ColumnRole.CLAIM and holds_precisions(table, at):
                column = Column(ColumnRole.EXTRA, column.header, extra=Extra.RUN)
            if column.role is ColumnRole.EXTRA and holds_int8_accuracy(table, at):
                column = Column(ColumnRole.CLAIM, column.header, Metric.INT8_TOP1, "%")
            if column.role is ColumnRole.EXTRA:
                self._list("extra column", table.line, f"{column.header!r}: {column.extra}")
                columns.append(column)
                continue
            kept = Column(ColumnRole.EXTRA, column.header)
            with self._listing("column"):
                if column.role is ColumnRole.UNKNOWN:
                    raise UnknownColumn(column.problem, path=self.file, line=table.line)
                what = column.metric or column.role
                if what in taken:
                    twice = f"column {column.header!r} comes a second time"
                    raise self._malformed(twice, table.line)
                taken.add(what)
                kept = column
            columns.append(kept)
        return columns

    def _of_line(self, line: TableLine, columns: list[Column], table: int) -> list[Row]:
        """The rows that a line documents: one for each source that it names."""
        if line.printed != len(columns):
            raise self._malformed(f"{line.printed} cells, the header has {len(columns)}", line.line)
        at = {column.role: cell for column, cell in zip(columns, line.cells, strict=True)}
        try:
            name, marks = without_marks(at[ColumnRole.NAME])
            marks += without_marks(at[ColumnRole.SOURCE])[1] if ColumnRole.SOURCE in at else ()
            named = read_sources(at[ColumnRole.SOURCE]) if ColumnRole.SOURCE in at else (("", ""),)
            if is_missing(name):
                raise ValueError("'' makes no id; the name cell is empty")
            if ColumnRole.SOURCE in at and any(is_missing(source) for source, _ in named):
                raise ValueError("'' makes no id; the source cell is empty")
            ids = [model_id(page=self.name, source=source, name=name) for source, _ in named]
        except ValueError as error:
            raise self._malformed(f"model or source {error}", line.line) from None
        for mark in marks:
            self._list("footnote mark", line.line, f"{mark!r} after the name or source of {name}")
        own = [link.address for link in at[ColumnRole.NAME].links]
        claims = tuple(self._claims(line, columns, name))
        return [
            Row(
                id=id_,
                source=source,
                name=name,
                link=link or (own[0] if len(own) == 1 else ""),
                line=line.line,
                table=table,
                claims=claims,
            )
            for id_, (source, link) in zip(ids, named, strict=True)
        ]

    def _claims(self, line: TableLine, columns: list[Column], name: str) -> list[Claim]:
        claims: list[Claim] = []
        sizes = [self._size(cell, one) for one, cell in zip(columns, line.cells, strict=True)]
        own = next(filter(None, sizes), 0)
        for column, cell in zip(columns, line.cells, strict=True):
            if column.role is not ColumnRole.CLAIM or column.metric is None:
                continue
            where = cell.line or line.line
            if is_missing(cell.text) and not cell.superscripts:
                self._list("missing figure", where, f"{column.header} of {name}")
                continue
            if column.at and own and column.at != own:
                reason = f"{column.header} of {name}, whose own input has {own} px"
                self._list("missing figure", where, reason)
                continue
            with self._listing("figure"):
                claims.append(self._claim(replace(cell, line=where), column, name))
        return claims

    def _size(self, cell: Cell, column: Column) -> int:
        """The input size that a cell says, or 0 where it is about something else or none."""
        if column.role is not ColumnRole.CLAIM or column.metric is not Metric.INPUT_SIZE:
            return 0
        try:
            text, _ = without_marks(cell)
            return int(read_figure(text, metric=column.metric, unit=column.unit)[0].value)
        except ValueError:
            return 0

    def _claim(self, cell: Cell, column: Column, name: str) -> Claim:
        assert column.metric is not None
        try:
            text, marks = without_marks(cell)
            figure, unit = read_figure(text, metric=column.metric, unit=column.unit)
        except ValueError as error:
            raise self._malformed(f"{column.header}: {error}", cell.line) from None
        for mark in marks:
            self._list("footnote mark", cell.line, f"{mark!r} after {column.header} of {name}")
        return Claim(column.metric, figure, unit, column.header, cell.line, cell.column)

    def _failures(
        self, note: FailureNote, rows: dict[Table, list[Row]]
    ) -> Iterator[DocumentedFailure]:
        above = [of_table for table, of_table in rows.items() if table.line < note.line]
        sources = {row.source for row in above[-1]} if above else set()
        if len(sources) != 1:
            said = ", ".join(sorted(sources)) or "none"
            raise self._malformed(
                f"a note about failures needs one source in the table above it; there: {said}",
                note.line,
            )
        (source,) = sources
        for model in note.models:
            try:
                id_ = model_id(page=self.name, source=source, name=model)
            except ValueError as error:
                raise self._malformed(f"model {error}", note.line) from None
            yield DocumentedFailure(id_, source, model, note.format, note.line, note.text)


def _decode(data: bytes, file: str) -> str:
    if b"\0" in data and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise PageError("a zero byte, which no text in UTF-8 has", path=file, line=line)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PageError(
            f"not UTF-8 (byte {data[error.start]:#04x})", path=file, line=line
        ) from None
