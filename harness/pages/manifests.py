"""Manifests in YAML and JSON as tables: a ``zoo.toml`` above them says which key is which column.

::

    [[manifest]]
    files = ["*/metafile.yml"]
    rows = "Models[?Results]"

    [manifest.columns]
    Model = "Name"
    Source = { text = "mmcls", link = "Config" }
    "Top-1" = "Results[?Dataset=='ImageNet-1k'] | [0].Metrics.\\"Top 1 Accuracy\\""
    "FLOPs (G)" = { value = "Metadata.FLOPs", divide = 1_000_000_000 }

Paths are JMESPath (jmespath.org), of rows from the document, of columns from a row. Headers are
those that tables have. Every value keeps its printed form, and its line and column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any, Final

import jmespath
import yaml
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from harness.errors import ExpectationError, MalformedTable, PageError, quoted
from harness.pages.bounds import MOST_COLUMNS
from harness.pages.cells import Cell, read_cell
from harness.pages.columns import Column, ColumnRole, read_header
from harness.pages.tables import Document, Table, TableLine, split_lines
from harness.runtime.document import ExpectedTable
from harness.runtime.foreign import real_path

ENDINGS: Final = frozenset({".yaml", ".yml", ".json"})
SETTINGS: Final = "zoo.toml"
"""The file that says how manifests are read, in their folder or the nearest above that has it."""

_MOST_ROWS: Final = 10_000
_NOTHING: Final = frozenset({"", "~", "null"})
_PLAIN: Final = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,9})?")
_TABS: Final = re.compile(r"^\t+", re.MULTILINE)
_PAIR: Final = re.compile(r"\\u(?P<high>d[89ab][0-9a-f]{2})\\u(?P<low>d[c-f][0-9a-f]{2})", re.I)
"""A character beyond the first plane, as JSON escapes it and YAML does not."""


@dataclass(frozen=True, slots=True)
class ColumnPath:
    """Where the cells of a column come from.

    Attributes:
        column: what its header means.
        value: the path of the text, or None where ``text`` stands in every row.
        link: the path of an address that the text links to, or None.
        divide: what numbers are divided by, so that they have the header's unit.
    """

    column: Column
    value: ParsedResult | None
    text: str
    link: ParsedResult | None
    divide: Decimal


@dataclass(frozen=True, slots=True)
class ManifestKind:
    """How the manifests of these names are read; ``settings`` is what ``zoo.toml`` says of it."""

    settings: str
    files: tuple[str, ...]
    rows: ParsedResult
    columns: tuple[ColumnPath, ...]


class _Text(str):
    """A scalar as it is printed, with its place."""

    line = 0
    column = 0


class _Entries(dict[str, Any]):
    """A mapping, with its line."""

    line = 0


_Text.__name__, _Entries.__name__ = "str", "dict"  # by which JMESPath's functions know types


def kind_of_file(path: Path) -> ManifestKind | None:
    """How a manifest is read, or None where no ``zoo.toml`` says it.

    Raises:
        ExpectationError: what it says cannot be understood; names file and key.
    """
    path = real_path(path)
    for folder in path.parents:
        settings = folder / SETTINGS
        if settings.is_file():
            below = path.relative_to(folder).as_posix()
            kinds = _kinds(settings, settings.stat().st_mtime_ns)
            return next((k for k in kinds if any(fnmatchcase(below, f) for f in k.files)), None)
    return None


def parse(text: str, *, file: str = "manifest.yaml") -> Document:
    """Parse a manifest; ``file`` is what errors name, and what a ``zoo.toml`` is looked for above.

    Raises:
        PageError: no ``zoo.toml`` says how it is read; it is not YAML; a key stands twice.
        ExpectationError: see :func:`kind_of_file`.
    """
    kind = kind_of_file(Path(file))
    if kind is None:
        told = f"a manifest, and no {SETTINGS} in its folder or above it has a [[manifest]] for it"
        raise PageError(told, path=file)
    lines = split_lines(text)
    if file.lower().endswith(".json"):
        text = _PAIR.sub(_joined, _TABS.sub(lambda tabs: " " * len(tabs[0]), text))
    document = _read(text, file)
    found = _found(kind.rows, document, "rows", file)
    rows = found if isinstance(found, list) else [found]
    if len(rows) > _MOST_ROWS:
        raise PageError(f"{len(rows):,} rows, expected at most {_MOST_ROWS:,}", path=file)
    body = [_line(row, kind, file) for row in rows if row is not None]
    columns = tuple(one.column for one in kind.columns)
    at = [line.line for line in body]
    tables = (Table(min(at), max(at), columns, tuple(body)),) if body else ()
    return Document(lines, (), tables, loose=False, settings=kind.settings)


def _line(row: Any, kind: ManifestKind, file: str) -> TableLine:
    cells = tuple(_cell(one, row, file) for one in kind.columns)
    line = getattr(row, "line", 0) or next((cell.line for cell in cells if cell.line), 1)
    return TableLine(line, cells, len(cells))


def _cell(column: ColumnPath, row: Any, file: str) -> Cell:
    header = column.column.header
    found = _found(column.value, row, header, file) if column.value else column.text
    address = _found(column.link, row, header, file) if column.link else None
    values = found if isinstance(found, list) else [found]
    place = next((one for one in values if isinstance(one, _Text)), _Text())
    if not all(isinstance(one, str | None) for one in values):
        told = f"{header}: {quoted(found)} is no text, number or list of them"
        raise MalformedTable(told, path=file, line=getattr(row, "line", 1))
    text = " x ".join(str(one) for one in values if one is not None)
    if text in _NOTHING:
        return read_cell("-", line=place.line, column=place.column)
    html = escape(_divided(text, column.divide), quote=False)
    if isinstance(address, str) and address not in _NOTHING:
        html = f'<a href="{escape(address)}">{html}</a>'
    return read_cell(html, line=place.line, column=place.column)


def _found(path: ParsedResult, row: Any, what: str, file: str) -> Any:
    """
    Raises:
        MalformedTable: a function of the path does not take what stands there.
    """
    try:
        return path.search(row)
    except JMESPathError as error:
        told = " ".join(str(error).split())
        raise MalformedTable(f"{what}: {told}", path=file, line=getattr(row, "line", 1)) from None


def _divided(text: str, by: Decimal) -> str:
    """A whole number, divided; without the zeros at its end, which may be digits or not.

    >>> _divided("4270000000", Decimal(10) ** 9), _divided("4.3 G", Decimal(10) ** 9)
    ('4.27', '4.3 G')
    """
    if by == 1 or not _PLAIN.fullmatch(text):
        return text
    return f"{(Decimal(text) / by).normalize():f}"


# ── what zoo.toml says ────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=64)
def _kinds(settings: Path, _changed: int) -> tuple[ManifestKind, ...]:
    return tuple(_kind(table) for table in ExpectedTable.load(settings).tables("manifest"))


def _kind(table: ExpectedTable) -> ManifestKind:
    table.only(("files", "rows", "columns"))
    files = table.values.get("files")
    if not isinstance(files, list) or not all(isinstance(one, str) and one for one in files):
        raise table.wrong("files", "an array of patterns, such as ['*/metafile.yml']")
    columns = table.table("columns")
    if not 0 < len(columns.values) <= MOST_COLUMNS:
        raise table.wrong("columns", f"headers with their paths, at most {MOST_COLUMNS}")
    rows = _path(table, "rows") if "rows" in table.values else jmespath.compile("@")
    return ManifestKind(
        repr(table.values),
        tuple(files),
        rows,
        tuple(_column(columns, header) for header in columns.values),
    )


def _column(columns: ExpectedTable, header: str) -> ColumnPath:
    column = read_header(header)
    if column.role is ColumnRole.UNKNOWN:
        raise ExpectationError(f"{columns.where(header)}: {column.problem}")
    if isinstance(columns.values[header], str):
        return ColumnPath(column, _path(columns, header), "", None, Decimal(1))
    entry = columns.table(header)
    entry.only(("value", "text", "link", "divide"))
    if ("value" in entry.values) == ("text" in entry.values):
        raise ExpectationError(f"{entry.where()}: expected either value, a path, or text")
    return ColumnPath(
        column,
        _path(entry, "value") if "value" in entry.values else None,
        entry.optional_text("text") or "",
        _path(entry, "link") if "link" in entry.values else None,
        Decimal(entry.optional_count("divide") or 1),
    )


def _path(table: ExpectedTable, key: str) -> ParsedResult:
    try:
        return jmespath.compile(table.text(key))
    except JMESPathError as error:
        told = " ".join(str(error).split())
        raise ExpectationError(f"{table.where(key)}: not JMESPath: {told}") from error


# ── YAML, of which JSON is a part ─────────────────────────────────────────────────────────────


def _read(text: str, file: str) -> Any:
    """The document, with all scalars as they are printed."""
    try:
        node = yaml.compose(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
        return None if node is None else _built(node, file, {})
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise MalformedTable(f"not YAML: {error.problem}", path=file, line=line) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise PageError(f"not YAML: {' '.join(str(error).split())}", path=file) from None


def _joined(pair: re.Match[str]) -> str:
    high, low = int(pair["high"], 16), int(pair["low"], 16)
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + low - 0xDC00:08x}"


def _built(node: yaml.Node, file: str, built: dict[int, Any]) -> Any:
    """What a node says; one that is repeated by an alias is built once."""
    if id(node) in built:
        return built[id(node)]
    made: Any
    if isinstance(node, yaml.ScalarNode):
        made = _Text(node.value)
        made.line, made.column = _place(node)
        built[id(node)] = made
    elif isinstance(node, yaml.SequenceNode):
        built[id(node)] = made = []
        made += [_built(one, file, built) for one in node.value]
    else:
        built[id(node)] = made = _Entries()
        made.line = _place(node)[0]
        _fill(made, node.value, file, built)
    return made


def _fill(
    made: _Entries, pairs: Sequence[tuple[yaml.Node, yaml.Node]], file: str, built: dict[int, Any]
) -> None:
    for key, value in pairs:
        name = key.value if isinstance(key, yaml.ScalarNode) else str(key.tag)
        if name in made:
            told = f"key {quoted(name)} stands here twice"
            raise MalformedTable(told, path=file, line=_place(key)[0])
        made[name] = _built(value, file, built)


def _place(node: yaml.Node) -> tuple[int, int]:
    """Line and column, from 1; behind a quote."""
    mark, quote = node.start_mark, getattr(node, "style", None) in ("'", '"')
    return mark.line + 1, mark.column + 1 + quote
