"""``expected/pipelines/*.toml``: which preprocessing a row's figures belong to, and which ships.

::

    stated = "page"

    [run_time.fractions]
    pipeline = "vendor-run-time"
    resize = [256, 256]
    origin = [16, 16]
    crop = [224, 224]
    div255 = true
    mean = [0.485107421875, 0.4560546875, 0.406005859375]
    std = [0.22900390625, 0.2239990234375, 0.2249755859375]
    exact_mean = [0.485, 0.456, 0.406]
    exact_std = [0.229, 0.224, 0.225]

    [rows."resnext/timm/gluon_resnext50_32x4d"]
    claim = "timm-gluon_in1k"
    ships = "fractions"
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from harness.errors import ExpectationError
from harness.runtime.document import ExpectedTable, Gathered

Size = tuple[int, int]
Statistics = tuple[float, float, float]

LONGEST_SIDE = 8192  # pixels; as for build configs and run-time files

_RUN_TIME = (
    *("pipeline", "resize", "origin", "crop", "div255"),
    *("mean", "std", "exact_mean", "exact_std"),
)


@dataclass(frozen=True, slots=True)
class RunTime:
    """What a vendor's run-time file says. Sizes are (height, width), the origin is (top, left).

    Attributes:
        name: what rows call it.
        pipeline: the pipeline of the suite that does the same.
        div255: whether levels are divided by 255 before the mean is taken off.
        mean: of R, G and B, as the device holds them: each a float16 exactly.
        exact_mean: what stood there before it was rounded.
    """

    name: str
    pipeline: str
    resize: Size
    origin: Size
    crop: Size
    div255: bool
    mean: Statistics
    std: Statistics
    exact_mean: Statistics
    exact_std: Statistics


@dataclass(frozen=True, slots=True)
class RowPipelines:
    """The pipelines of one row, by their ids.

    Attributes:
        claim: with which the documented accuracy was measured.
        claim_at_input_size: the same library's at the input size that ships; mostly ``claim``.
        stated: which the page states.
        ships: the run-time file's figures.
    """

    row: str
    claim: str
    claim_at_input_size: str
    stated: str
    ships: RunTime


def read_pipelines(
    path: Path, *, rows: Collection[str], known: Mapping[str, Size]
) -> dict[str, RowPipelines]:
    """Read which pipelines belong to a page's rows, in the order of ``rows``.

    None belongs to a row that the file lists under ``[unknown]``, with its reason.

    Args:
        rows: the page's row ids: each needs an entry, and no other may have one.
        known: the pipelines there are, and the (height, width) in pixels that each ends with.

    Raises:
        UnknownKey: a key, row, pipeline or run-time file that does not exist, with the nearest.
        ExpectationError: the file is missing or no TOML; an entry is missing, of the wrong kind,
            or contradicts another one. Names file and key.
    """
    document = ExpectedTable.load(path)
    document.only(("stated", "run_time", "rows", "unknown"))
    run_times = document.table("run_time")
    shipping = {name: _run_time(run_times.table(name), name, known) for name in run_times.values}
    stated = document.one_of("stated", known, what="pipeline")
    entries = document.table("rows")
    entries.only(rows, "row")
    unknown = document.optional_table("unknown")
    unknown.only(rows, "row")
    rows = [row for row in rows if row not in unknown.values]
    missing = [row for row in rows if row not in entries.values]
    if missing:
        raise entries.wrong(missing[0], "which pipeline its figures belong to")
    found, faults = dict[str, RowPipelines](), Gathered()
    for row in rows:
        with faults.one():
            found[row] = _row(entries.table(row), row, stated, shipping, known)
    faults.require_none()
    used = {one.ships.name for one in found.values()}
    for name in shipping:
        if name not in used:
            raise ExpectationError(f"{run_times.where(name)} belongs to no row")
    return found


def _row(
    table: ExpectedTable,
    row: str,
    stated: str,
    shipping: Mapping[str, RunTime],
    known: Mapping[str, Size],
) -> RowPipelines:
    table.only(("claim", "claim_at_input_size", "ships"))
    run_time = shipping[table.one_of("ships", shipping, what="run_time")]
    key = "claim"
    claim = sized = table.one_of(key, known, what="pipeline")
    if "claim_at_input_size" in table.values:
        key = "claim_at_input_size"
        sized = table.one_of(key, known, what="pipeline")
        if known[claim] == run_time.crop:
            raise ExpectationError(f"{table.where(key)}: {claim} is at that size already")
    for where, pipeline in ((table.where(key), sized), (f"{table.path}: stated", stated)):
        if known[pipeline] != run_time.crop:
            raise ExpectationError(
                f"{where}: {pipeline} gives {_text(known[pipeline])}, expected what "
                f"{run_time.pipeline} gives, {_text(run_time.crop)}; where a claim was measured at "
                "another size, claim_at_input_size names the same pipeline at this one"
            )
    return RowPipelines(row, claim, sized, stated, run_time)


def _run_time(table: ExpectedTable, name: str, known: Mapping[str, Size]) -> RunTime:
    table.only(_RUN_TIME)
    pipeline = table.one_of("pipeline", known, what="pipeline")
    resize, crop = _pair(table, "resize", least=1), _pair(table, "crop", least=1)
    origin = _pair(table, "origin", least=0)
    if any(at + side > room for at, side, room in zip(origin, crop, resize, strict=True)):
        raise table.wrong("origin", "a crop that lies within resize")
    if known[pipeline] != crop:
        raise table.wrong("crop", f"what {pipeline} gives, {_text(known[pipeline])}")
    return RunTime(
        name,
        pipeline,
        resize,
        origin,
        crop,
        table.truth("div255"),
        _rounded(table, "mean"),
        _rounded(table, "std"),
        _statistics(table, "exact_mean"),
        _statistics(table, "exact_std"),
    )


def _pair(table: ExpectedTable, key: str, *, least: int) -> Size:
    what = "two numbers, rows first"
    height, width = table.wholes(key, least=least, most=LONGEST_SIDE, lengths=(2,), what=what)
    return height, width


def _statistics(table: ExpectedTable, key: str) -> Statistics:
    least = Decimal(0) if key.endswith("mean") else Decimal("0.0001")
    return table.channels(key, least=least, most=Decimal(1000))


def _rounded(table: ExpectedTable, key: str) -> Statistics:
    """The statistics under ``key``, which are what float16 makes of the exact ones."""
    values, exact = _statistics(table, key), _statistics(table, f"exact_{key}")
    nearest = tuple(float(struct.unpack("e", struct.pack("e", x))[0]) for x in exact)
    if values != nearest:
        raise table.wrong(key, f"what float16 makes of exact_{key}, {list(nearest)}")
    return values


def _text(size: Size) -> str:
    return f"{size[0]}×{size[1]}"
