"""A documented page to its rows: composes tables, columns, cells, notes and identity."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from harness.errors import MalformedTable, PageError, UnknownColumn
from harness.pages.columns import Column, Role, is_model_header, misspelt
from harness.pages.figures import read_figure
from harness.pages.identity import id_part, model_id, refuse_duplicate
from harness.pages.notes import FailureNote, failure_notes
from harness.pages.stray import html_tables, stray_rows
from harness.pages.tables import Document, Table, TableLine, parse
from harness.records import Claim, DocumentedFailure, Metric, Omission, Page, Row

_NEEDED: Final = "a table with a name column, a source column and at least one claim column"


def read_page(path: Path, *, name: str | None = None, lenient: bool = False) -> Page:
    """Read a Markdown page: every row of every model table, and the failures it documents.

    Args:
        path: a UTF-8 file.
        name: the page's name in ids; the file's stem unless given.
        lenient: list what cannot be understood in ``Page.omissions`` instead of refusing the
            page, so that rows in = rows out + rows listed.

    Raises:
        PageError: file and line of what cannot be read: MalformedTable, UnknownColumn,
            DuplicateRow; lenient or not, a page must be readable and have a model table.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PageError(f"cannot be read: {error.strerror}", path=path.as_posix()) from error
    return _Reading(path, data, name, lenient).page()


def recorded_path(path: Path) -> str:
    """A path that does not depend on the machine: below the working directory, or the name."""
    resolved, here = path.resolve(), Path.cwd().resolve()
    return resolved.relative_to(here).as_posix() if here in resolved.parents else path.name


class _Reading:
    """One page on its way from bytes to rows."""

    def __init__(self, path: Path, data: bytes, name: str | None, lenient: bool) -> None:
        self.path = path
        self.file = path.as_posix()
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.document: Document = parse(_decode(data, self.file))
        self.name = self._page_name(name)
        self.lenient = lenient
        self.omissions: list[Omission] = []
        self.seen: dict[str, Row] = {}

    def page(self) -> Page:
        tables = [table for table in self.document.tables if self._is_model_table(table)]
        self._refuse_stray()
        if not tables:
            raise MalformedTable(f"no model table; {_NEEDED} was expected", path=self.file, line=1)
        rows = {table: self._rows(table, at) for at, table in enumerate(tables, 1)}
        failures: list[DocumentedFailure] = []
        for note in failure_notes(self.document.tokens, tables={table.line for table in tables}):
            with self._listing("note"):
                failures += self._failures(note, rows)
        return Page(
            name=self.name,
            path=recorded_path(self.path),
            sha256=self.sha256,
            rows=tuple(row for of_table in rows.values() for row in of_table),
            failures=tuple(dict.fromkeys(failures)),
            omissions=tuple(sorted(self.omissions, key=lambda omission: omission.line)),
        )

    @contextmanager
    def _listing(self, what: str) -> Iterator[None]:
        """Turn an error into a listed omission where that is wanted."""
        try:
            yield
        except PageError as error:
            if not self.lenient or error.line is None:
                raise
            reason = str(error).removeprefix(f"{error.path}:{error.line}: ")
            self.omissions.append(Omission(what=what, line=error.line, reason=reason))

    def _malformed(self, message: str, line: int) -> MalformedTable:
        return MalformedTable(message, path=self.file, line=line)

    def _page_name(self, name: str | None) -> str:
        try:
            return id_part(self.path.stem if name is None else name)
        except ValueError as error:
            raise PageError(f"page name {error}", path=self.file) from None

    def _is_model_table(self, table: Table) -> bool:
        if suspect := misspelt(table.columns):
            with self._listing("table"):
                raise UnknownColumn(suspect.problem, path=self.file, line=table.line)
        return is_model_header(table.columns)

    def _refuse_stray(self) -> None:
        for what, found in (
            ("row", stray_rows(self.document)),
            ("table", html_tables(self.document)),
        ):
            for line, reason in found:
                with self._listing(what):
                    raise self._malformed(reason, line)

    def _rows(self, table: Table, number: int) -> list[Row]:
        columns = self._columns(table)
        if not table.rows:
            with self._listing("table"):
                raise self._malformed("a model table without rows", table.line)
        rows = []
        for line in table.rows:
            with self._listing("row"):
                row = self._row(line, columns, number)
                refuse_duplicate(row, self.seen, path=self.file)
                rows.append(row)
        return rows

    def _columns(self, table: Table) -> list[Column]:
        """The columns of a model table; one that is not understood, or comes twice, is ignored
        where omissions are listed."""
        columns: list[Column] = []
        taken: set[Role | Metric] = set()
        for column in table.columns:
            kept = Column(Role.IGNORED, column.header)
            with self._listing("column"):
                if column.role is Role.UNKNOWN:
                    raise UnknownColumn(column.problem, path=self.file, line=table.line)
                what = column.metric or column.role
                if what in taken and what is not Role.IGNORED:
                    twice = f"column {column.header!r} comes a second time"
                    raise self._malformed(twice, table.line)
                taken.add(what)
                kept = column
            columns.append(kept)
        return columns

    def _row(self, line: TableLine, columns: list[Column], table: int) -> Row:
        if line.printed != len(columns):
            raise self._malformed(f"{line.printed} cells, the header has {len(columns)}", line.line)
        at = {column.role: cell for column, cell in zip(columns, line.cells, strict=True)}
        name, source = at[Role.NAME].text, at[Role.SOURCE].text
        if len(at[Role.SOURCE].links) > 1:
            raise self._malformed("more than one link in the source cell", line.line)
        try:
            id_ = model_id(page=self.name, source=source, name=name)
        except ValueError as error:
            raise self._malformed(f"model or source {error}", line.line) from None
        return Row(
            id=id_,
            source=source,
            name=name,
            link=next(iter(at[Role.SOURCE].links), ""),
            line=line.line,
            table=table,
            claims=tuple(self._claims(line, columns)),
        )

    def _claims(self, line: TableLine, columns: list[Column]) -> Iterator[Claim]:
        for column, cell in zip(columns, line.cells, strict=True):
            if column.role is not Role.CLAIM or column.metric is None:
                continue
            try:
                figure, unit = read_figure(cell.text, metric=column.metric, unit=column.unit)
            except ValueError as error:
                raise self._malformed(f"{column.header}: {error}", line.line) from None
            yield Claim(column.metric, figure, unit, column.header, line.line, cell.column)

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
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PageError(
            f"not UTF-8 (byte {data[error.start]:#04x})", path=file, line=line
        ) from None
