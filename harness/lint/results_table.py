"""A results table in the form that timm publishes: accuracy and parameters of every model."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Final

from harness.errors import HarnessError, quoted
from harness.judging.published import Preprocessing, Published
from harness.lint.known import Amount, Knowledge, Known
from harness.lint.naming import library_of
from harness.records import Figure, Row
from harness.runtime.foreign import read_bytes
from harness.sources import sources

MAX_BYTES: Final = 16 * 1024 * 1024
"""timm's whole table is about 0.12 MiB."""

REMEASURED: Final = Fraction(1, 10)
"""In points: how far figures move between two editions of timm's table, twice the largest seen."""

_NEEDED: Final = (
    *("model", "img_size", "top1", "top5"),
    *("param_count", "crop_pct", "interpolation"),
)
_NUMBER: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{0,12})?")
_OLD_NAME: Final = re.compile(r"(?P<tag>gluon|tv)_(?P<model>.+)")

Table = Mapping[str, Known]


def read_results_table(path: Path) -> Table:
    """What a table knows, by architecture, as ``resnet50``, and by model, as ``resnet50.a1_in1k``.

    Raises:
        HarnessError: names the file, and the line where a column or value is not as expected.
    """
    try:
        text = read_bytes(path, most=MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise HarnessError(f"{path}: not UTF-8 at byte {error.start}") from error
    lines = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    results: dict[str, list[Published]] = defaultdict(list)
    params: dict[str, Amount] = {}
    try:
        missing = [name for name in _NEEDED if name not in (lines.fieldnames or ())]
        if missing:
            raise HarnessError(f"{path}:1: no column {', '.join(missing)}, expected timm's table")
        for line in lines:
            if None in line.values():
                raise ValueError(f"fewer than {len(lines.fieldnames or ())} cells")
            model, result, count = _entry(line, f"{path.as_posix()}:{lines.line_num}")
            for name in {model, model.partition(".")[0]}:
                results[name].append(result)
                params.setdefault(name, count)
    except (csv.Error, TypeError, ValueError, ArithmeticError) as error:
        raise HarnessError(f"{path}:{lines.line_num}: not timm's table: {error}") from error
    return {
        name: Known(params=params[name], results=tuple(of_name), noise=REMEASURED)
        for name, of_name in results.items()
    }


def _entry(line: Mapping[str, str], told: str) -> tuple[str, Published, Amount]:
    million = 10**6
    count = Figure(_number(line["param_count"].replace(",", "")))
    half = Fraction(count.half_unit) * million
    middle = Fraction(count.value) * million
    size = int(line["img_size"])
    preprocessing = Preprocessing(size, Fraction(_number(line["crop_pct"])), line["interpolation"])
    top1, top5 = (Figure(_number(line[key])).value for key in ("top1", "top5"))
    if not size > 0 or max(top1, top5) > Decimal(100):
        raise ValueError(f"{quoted(line['model'])}: a size or an accuracy that none can be")
    result = Published(line["model"], told, preprocessing, top1, top5)
    return line["model"], result, Amount(middle - half, middle + half, f"published, {told}")


def _number(text: str) -> str:
    """A number as tables print it, which is small; ``1e999999999`` is one of a billion digits."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{quoted(text)} is not a plain number of up to 12 digits and 12 places")
    return text


def table_knowledge(table: Table, rows: Iterable[Row]) -> Knowledge:
    """What a table knows of timm's rows. An old name says its tag: ``gluon_X`` is ``X.gluon_…``."""
    found: dict[str, Known] = {}
    for row in rows:
        library = sources().get(library_of(row.source))
        if library is None or not library.results_table:
            continue
        names = [row.name]
        if old := _OLD_NAME.fullmatch(row.name):
            names += [name for name in table if name.startswith(f"{old['model']}.{old['tag']}_")]
        if name := next((name for name in names if name in table), ""):
            found[row.id] = table[name]
    return Knowledge(found)
