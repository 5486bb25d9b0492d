"""Column dialects: which headers and units a model table may use, and what they mean.

Mostly data. A header that is not here is unknown and is said so; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, auto
from typing import Final

from harness.records import Metric


class Role(Enum):
    """What a column is for."""

    NAME = auto()
    SOURCE = auto()
    CLAIM = auto()
    IGNORED = auto()
    UNKNOWN = auto()


# Keys are headers without unit, spaces and -_.#: in lower case; see `_key`.

NAMES: Final = frozenset({"模型", "模型名称", "model", "modelname", "models", "name", "network"})

SOURCES: Final = frozenset(
    {"源码", "来源", "模型来源", "source", "sourcecode", "library", "modellibrary", "repo"}
)

METRICS: Final[Mapping[str, Metric]] = {
    **{
        spelling.format(k): metric
        for k, metric in (("1", Metric.TOP1), ("5", Metric.TOP5))
        for spelling in (
            *("top{}", "top@{}", "top{}acc", "top{}accuracy", "top{}准确率", "top{}精度"),
            *("acc{}", "acc@{}", "acctop{}", "acc@top{}", "accuracytop{}", "prec@{}"),
        )
    },
    # Multiply-accumulates and operations stay apart: no page says which of the two it counted.
    **dict.fromkeys(("macs", "mac", "madds", "multadds"), Metric.MACS),
    **dict.fromkeys(("flops", "flop"), Metric.FLOPS),
    **dict.fromkeys(("params", "param", "parameters", "参数", "参数量"), Metric.PARAMS),
    **dict.fromkeys(
        (
            *("inputsize", "inputresolution", "imagesize", "imgsize", "resolution"),
            *("输入尺寸", "输入大小", "输入分辨率", "分辨率"),
        ),
        Metric.INPUT_SIZE,
    ),
}

# Columns that model tables carry and that claim nothing this suite measures.
IGNORED: Final = frozenset(
    {
        *("dataset", "数据集", "testset", "speed", "速度", "time", "latency", "延时", "fps"),
        *("throughput", "吞吐量", "config", "配置", "download", "下载", "weights", "权重"),
        *("paper", "论文", "notes", "note", "remark", "remarks", "备注", "description", "描述"),
    }
)

_COUNT_UNITS: Final = {"k": "K", "m": "M", "g": "G", "b": "B", "t": "T"}

# Unit as printed (lower case) → unit as recorded. "" is a header without a unit: the unit it maps
# to is implied; a metric without "" needs its unit in the header or in every cell.
UNITS: Final[Mapping[Metric, Mapping[str, str]]] = {
    Metric.TOP1: {"": "%", "%": "%"},
    Metric.TOP5: {"": "%", "%": "%"},
    Metric.MACS: _COUNT_UNITS,
    Metric.FLOPS: _COUNT_UNITS,
    Metric.PARAMS: _COUNT_UNITS,
    Metric.INPUT_SIZE: {"": "px", "px": "px", "pixel": "px", "pixels": "px"},
}

_WITH_UNIT: Final = re.compile(r"(?P<word>.*?)\s*(?:\((?P<round>[^()]*)\)|\[(?P<square>[^]]*)\])")
_PREFIXED: Final = re.compile(r"(?P<unit>[kmgbt])(?P<word>flops|macs)")
_SEPARATORS: Final = re.compile(r"[\s\-_.:#\u2010-\u2015]+")


@dataclass(frozen=True, slots=True)
class Column:
    """One understood header.

    ``metric`` is set for claims, and also where only the unit is unknown. ``unit`` is "" where
    the cells must print it. ``problem`` says why the role is UNKNOWN.
    """

    role: Role
    header: str
    metric: Metric | None = None
    unit: str = ""
    problem: str = ""


def read_header(header: str) -> Column:
    """What a header means; ``header`` is plain, folded text.

    >>> read_header("FLOPs (B)").metric, read_header("FLOPs (B)").unit
    (<Metric.FLOPS: 'flops'>, 'B')
    >>> read_header("MACs(furlongs)").problem
    "unknown unit 'furlongs' of macs; known: K, M, G, B, T"
    """
    word, printed = _split_unit(header)
    key = _key(word)
    if key in NAMES:
        return Column(Role.NAME, header)
    if key in SOURCES:
        return Column(Role.SOURCE, header)
    if key in IGNORED:
        return Column(Role.IGNORED, header)
    if prefixed := _PREFIXED.fullmatch(key):
        key, printed = prefixed["word"], printed or prefixed["unit"]
    metric = METRICS.get(key)
    if metric is None:
        return Column(Role.UNKNOWN, header, problem=f"unknown column {header!r}{_suggest(key)}")
    units = UNITS[metric]
    if printed and printed.casefold() not in units:
        known = ", ".join(dict.fromkeys(units.values()))
        problem = f"unknown unit {printed!r} of {metric}; known: {known}"
        return Column(Role.UNKNOWN, header, metric, problem=problem)
    return Column(Role.CLAIM, header, metric, units.get(printed.casefold(), ""))


def is_model_header(columns: Sequence[Column]) -> bool:
    """Whether these columns make a model table: a name, a source and at least one claim."""
    roles = {column.role for column in columns}
    return {Role.NAME, Role.SOURCE} <= roles and any(column.metric for column in columns)


def misspelt(columns: Sequence[Column]) -> Column | None:
    """The unknown column that keeps a table from being a model table by its spelling, if any.

    Such a table has claims and one of name and source, and a header close to the other one:
    leaving it out as "some other table" would lose its rows without a word.
    """
    if is_model_header(columns) or not any(column.metric for column in columns):
        return None
    roles = {column.role for column in columns}
    if roles.isdisjoint({Role.NAME, Role.SOURCE}):
        return None
    wanted = SOURCES if Role.NAME in roles else NAMES
    unknown = (column for column in columns if column.role is Role.UNKNOWN and not column.metric)
    return next((c for c in unknown if get_close_matches(_key(c.header), wanted)), None)


def _split_unit(header: str) -> tuple[str, str]:
    match = _WITH_UNIT.fullmatch(header.strip())
    if match is None:
        return header, ""
    return match["word"], (match["round"] or match["square"] or "").strip()


def _key(word: str) -> str:
    return _SEPARATORS.sub("", word.casefold())


def _suggest(key: str) -> str:
    close = get_close_matches(key, sorted({*NAMES, *SOURCES, *METRICS, *IGNORED}), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
