"""Headers: what a column is for, which metric it claims, and in which unit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum, auto
from typing import Final

from harness.errors import quoted
from harness.pages.bounds import LONGEST_HEADER
from harness.pages.cells import invisible
from harness.pages.dialects import (
    AMBIGUOUS,
    AT_SIZE,
    EXTRAS,
    FILE_UNITS,
    INT8_WORDS,
    MEASURED_WORDS,
    METRICS,
    NAMES,
    OPERATION_UNIT,
    OPERATIONS,
    SIZES,
    SMALLEST_SIZE,
    SOURCES,
    SPEED_WORDS,
    TASKS,
    UNITS,
    USUAL_UNITS,
    Extra,
    known_units,
)
from harness.records import Metric


class ColumnRole(Enum):
    """What a column is for."""

    NAME = auto()
    SOURCE = auto()
    CLAIM = auto()
    EXTRA = auto()
    UNKNOWN = auto()


_SHORT: Final = 5  # characters, as "topl1"
_CLOSE_PHRASE: Final = 0.85  # "lfw accuracy" is none
_CLOSE_TO_CLAIM: Final = 0.75  # ratio of difflib: tpo1 is close to top1, mAP is not to mac
_BRACKETED: Final = re.compile(r"(?P<word>.*?)\s*(?:\((?P<round>[^()]*)\)|\[(?P<square>[^]]*)\])")
_EMPTY: Final = re.compile(r"\(\s*\)|\[\s*\]|[,/]\s*(?=[(\[]|$)")
_INT8: Final = (Metric.INT8_TOP1, Metric.INT8_TOP5)
_BRACKETS: Final = re.compile(r"[()\[\]]")
_AFTER: Final = re.compile(r"(?P<word>.+?)(?:\s*[/,]\s*|\s+)(?P<unit>[^\s/,]+)")
_PREFIXED: Final = re.compile(r"(?P<unit>[kmgbt])(?P<word>flops?|macs?|madds?|params?)")
_SEPARATORS: Final = re.compile(r"[\s\-_.:#\u2010-\u2015]+")
_ORNAMENTS: Final = re.compile(r"[↑↓▲▼⬆⬇*†‡§¶\ufe0e\ufe0f⁰¹²³⁴-⁹]+$")


@dataclass(frozen=True, slots=True)
class Column:
    """One header, understood or not.

    ``metric`` is set for claims, and also where only the unit is unknown. ``unit`` is "" where
    the cells must print it. ``at`` is the input size in pixels that a header says its figures are
    of, 0 where it says none. ``extra`` is set for extra columns. ``problem`` says why the role is
    UNKNOWN.
    """

    role: ColumnRole
    header: str
    metric: Metric | None = None
    unit: str = ""
    extra: Extra | None = None
    problem: str = ""
    at: int = 0


def read_header(header: str) -> Column:
    """What a header means; ``header`` is plain, folded text.

    >>> read_header("FLOPs (B)").metric, read_header("FLOPs (B)").unit
    (<Metric.FLOPS: 'flops'>, 'B')
    >>> read_header("FLOPs @224 (B)").at, read_header("FLOPs @224 (B)").unit
    (224, 'B')
    >>> read_header("GMACs").unit, read_header("Params/M").unit
    ('G', 'M')
    >>> read_header("Top-1 (INT8)").metric
    <Metric.INT8_TOP1: 'int8_top1'>
    >>> read_header("MACs(furlongs)").problem
    "unknown unit 'furlongs' of macs; known: K, M, G, B, T"
    """
    if len(header) > LONGEST_HEADER:
        return Column(
            ColumnRole.UNKNOWN, header[:LONGEST_HEADER], problem=f"column {quoted(header)}"
        )
    plain = _ORNAMENTS.sub("", header).strip()
    sized = AT_SIZE.search(plain)
    if sized is not None and int(sized["size"]) >= SMALLEST_SIZE:
        whole = read_header(f"{plain[: sized.start()]} {plain[sized.end() :]}".strip())
        if whole.metric not in (None, Metric.INPUT_SIZE):
            return replace(whole, header=header, at=int(sized["size"]))
    lowered = plain.casefold()
    if (in_int8 := _in_int8(header, plain)) is not None:
        return in_int8
    if MEASURED_WORDS.search(lowered):
        return Column(ColumnRole.EXTRA, header, extra=Extra.MEASURED)
    readings = [_column(header, word, unit) for word, unit in _splits(plain)]
    if match := _AFTER.fullmatch(plain):
        claim = _column(header, match["word"], match["unit"])
        readings += [claim] * (claim.role is ColumnRole.CLAIM)
    understood = (column for column in readings if column.role is not ColumnRole.UNKNOWN)
    if (column := next(understood, None)) is not None:
        return column
    if SPEED_WORDS.search(lowered):
        return Column(ColumnRole.EXTRA, header, extra=Extra.SPEED)
    if readings[0].problem:
        return readings[0]
    if task := other_task(plain):
        problem = f"column {header!r} is about {task}, and not about classification"
        return replace(readings[0], problem=problem)
    return replace(
        readings[0], problem=f"unknown column {header!r}{_suggest(plain)}{invisible(header)}"
    )


def _in_int8(header: str, plain: str) -> Column | None:
    """A claim of an accuracy in int8, or None; other words of how it was measured make it none."""
    rest, words = INT8_WORDS.subn(" ", plain.casefold())
    if not words or MEASURED_WORDS.search(rest):
        return None
    rest = _EMPTY.sub(" ", rest).strip(" -_,/")
    of_float = read_header(rest) if rest else None
    metric = next((one for one in _INT8 if of_float and one.in_float is of_float.metric), None)
    if metric is None or of_float is None or of_float.role is not ColumnRole.CLAIM:
        return None
    return replace(of_float, header=header, metric=metric)


def other_task(header: str) -> str:
    """The task, other than classification, that a header's figures are of, or ""."""
    lowered = header.casefold()
    return next((task for task, words in TASKS.items() if words.search(lowered)), "")


def is_model_header(columns: Sequence[Column]) -> bool:
    """Whether these headers alone make a model table: names, and a source or a second claim."""
    roles = {column.role for column in columns}
    claims = sum(1 for column in columns if column.metric)
    return ColumnRole.NAME in roles and claims > 0 and (ColumnRole.SOURCE in roles or claims > 1)


def is_close_to_name(column: Column) -> bool:
    """Whether an unknown header looks like a misspelt name column."""
    return _is_unknown(column) and bool(get_close_matches(_key(column.header), NAMES))


def is_close_to_claim(column: Column) -> bool:
    """Whether an unknown header looks like a claim: misspelt, or said by halves."""
    key = _key(_BRACKETED.sub(r"\g<word>", column.header))
    close = get_close_matches(key, METRICS, cutoff=_CLOSE_TO_CLAIM)
    return _is_unknown(column) and (key in AMBIGUOUS or bool(close))


def is_close_to_accuracy(column: Column) -> bool:
    """Whether an unknown header looks like a misspelt top-1 or top-5."""
    key = _key(column.header)
    cutoff = _CLOSE_TO_CLAIM if len(key) <= _SHORT else _CLOSE_PHRASE
    accuracies = [word for word, metric in METRICS.items() if metric in (Metric.TOP1, Metric.TOP5)]
    return _is_unknown(column) and bool(get_close_matches(key, accuracies, cutoff=cutoff))


def _is_unknown(column: Column) -> bool:
    return column.role is ColumnRole.UNKNOWN and column.metric is None


def _splits(header: str) -> Iterator[tuple[str, str]]:
    """The ways to part a header into what it says and its unit, the most usual one first."""
    if match := _BRACKETED.fullmatch(header):
        yield match["word"], (match["round"] or match["square"] or "").strip()
    yield _BRACKETS.sub(" ", header), ""


def _column(header: str, word: str, printed: str) -> Column:
    key, unit = _key(word), printed.casefold()
    if key in METRICS:
        return _claim(header, METRICS[key], printed or USUAL_UNITS.get(word.strip(), ""))
    if prefixed := _PREFIXED.fullmatch(key):
        metric, prefix = METRICS[prefixed["word"]], prefixed["unit"]
        if unit and UNITS[metric].get(unit) != UNITS[metric][prefix]:
            problem = f"unit {printed!r} does not go with {word.strip()!r}"
            return Column(ColumnRole.UNKNOWN, header, metric, problem=problem)
        return _claim(header, metric, prefix)
    if key in NAMES:
        return Column(ColumnRole.NAME, header)
    if key in SOURCES:
        return Column(ColumnRole.SOURCE, header)
    if key in EXTRAS:
        return Column(ColumnRole.EXTRA, header, extra=EXTRAS[key])
    if key in AMBIGUOUS:
        return _ambiguous(header, key, unit)
    return Column(ColumnRole.UNKNOWN, header)


def _claim(header: str, metric: Metric, printed: str) -> Column:
    units = UNITS[metric]
    unit = printed.casefold()
    if unit and unit not in units:
        problem = f"unknown unit {printed!r} of {metric}; known: {known_units(metric)}"
        return Column(ColumnRole.UNKNOWN, header, metric, problem=problem)
    return Column(ColumnRole.CLAIM, header, metric, units.get(unit, ""))


def _ambiguous(header: str, key: str, unit: str) -> Column:
    """A header that only its unit makes clear."""
    if key in SIZES:
        if unit in FILE_UNITS:
            return Column(ColumnRole.EXTRA, header, extra=Extra.FILE)
        if unit and unit in UNITS[Metric.INPUT_SIZE]:
            return Column(ColumnRole.CLAIM, header, Metric.INPUT_SIZE, "px")
    if key in OPERATIONS and (match := OPERATION_UNIT.fullmatch(unit)):
        return _claim(header, METRICS[match["word"]], match["unit"])
    return Column(ColumnRole.UNKNOWN, header, problem=f"column {header!r} {AMBIGUOUS[key]}")


def _key(word: str) -> str:
    lowered = word.casefold().strip()
    return _SEPARATORS.sub("", lowered) or lowered


def _suggest(header: str) -> str:
    words = sorted({*NAMES, *SOURCES, *METRICS, *EXTRAS})
    close = get_close_matches(_key(header), words, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
