"""Shards put together: every image once, or an error that says which are missing or twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from harness.accuracy.folder import ResultsFolder, open_results
from harness.accuracy.identity import require_same
from harness.accuracy.predictions import Predictions
from harness.errors import MeasureError


def merge(shards: Sequence[Predictions], *, images: int | None = None) -> Predictions:
    """One table of all shards.

    Args:
        shards: of one model on one set, in any order.
        images: the first images of the order that are wanted; by default all of the set.

    Returns:
        The answers for these, under the identity that an evaluation without shards has.

    Raises:
        MeasureError: there are none; they are of different models, preprocessings, sets or orders;
            a shard is there twice, or missing, or has not all of its images yet.
    """
    if not shards:
        raise MeasureError("there are no shards to merge")
    first = shards[0].identity
    seen: set[int] = set()
    for one in shards:
        require_same(first.whole, one.identity.whole, but=("shard",), case=_case(one))
        if one.identity.shard.of != first.shard.of:
            raise MeasureError(
                f"shards {first.shard} and {one.identity.shard} divide the set differently",
                case=_case(one),
            )
        if one.identity.shard.number in seen:
            raise MeasureError(f"shard {one.identity.shard} is there twice", case=_case(one))
        seen.add(one.identity.shard.number)
    missing = [f"{n}/{first.shard.of}" for n in range(1, first.shard.of + 1) if n not in seen]
    if missing:
        raise MeasureError(f"missing: shard {', '.join(missing)}", case=_case(shards[0]))
    wanted = first.images if images is None else images
    if not 1 <= wanted <= first.images:
        raise MeasureError(f"{wanted} images are wanted, expected 1 to {first.images}")
    parts = [_complete(one, wanted) for one in shards]
    table = pa.concat_tables([part.table for part in parts]).sort_by("position")
    return Predictions(first.whole, table)


def merge_folders(folders: Iterable[Path], root: Path, *, images: int | None = None) -> Path:
    """Merge folders into one below ``root``, as an evaluation without shards leaves it.

    Raises:
        MeasureError: see :func:`merge`.
        HarnessError: it cannot be written.
    """
    merged = merge([open_results(folder) for folder in folders], images=images)
    target = ResultsFolder(root, merged.identity)
    with target.held():
        there = sum(part.stop - part.first for part in target.parts())
        if there < len(merged):
            for part in target.parts():
                part.path.unlink()
            target.write(0, merged.table)
    return target.path


def _complete(one: Predictions, wanted: int) -> Predictions:
    """The shard's answers among the first ``wanted`` images.

    Raises:
        MeasureError: some of them are not there.
    """
    part = one.first(wanted)
    expected = one.identity.shard.places(wanted)
    if len(part) != len(expected):
        raise MeasureError(
            f"shard {one.identity.shard} has {len(part)} of {len(expected)} images: go on with it, "
            "or ask for fewer images",
            case=_case(one),
        )
    return part


def _case(one: Predictions) -> str:
    return f"{one.identity.row} {one.identity.precision}"
