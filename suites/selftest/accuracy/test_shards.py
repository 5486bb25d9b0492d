"""Shards are pure: together they are the whole, and nothing else can be put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_evaluation import IDENTITY, IMAGES, Linear, answered, shard_of

from harness.accuracy.folder import open_results
from harness.accuracy.merging import merge, merge_folders
from harness.accuracy.order import Shard, parse_shard
from harness.accuracy.predictions import Predictions
from harness.errors import HarnessError, MeasureError

Shards = Callable[..., list[Predictions]]


@pytest.fixture
def shards(tmp_path: Path) -> Shards:
    """Evaluates shards, each as if on a machine of its own."""

    def make(*numbers: int, of: int = 3, **options: int) -> list[Predictions]:
        return [
            answered(tmp_path / str(number), identity=shard_of(number, of), **options)
            for number in numbers
        ]

    return make


@given(images=st.integers(1, 300), of=st.integers(1, 40))
def test_shards_have_every_image_once(images: int, of: int) -> None:
    places = [place for number in range(1, of + 1) for place in Shard(number, of).places(images)]
    assert sorted(places) == list(range(images))


def test_merged_shards_are_the_whole(shards: Shards, tmp_path: Path) -> None:
    merged = merge(shards(3, 1, 2))
    assert merged.identity == IDENTITY
    assert merged.table == answered(tmp_path / "whole").table


def test_merged_folders_are_an_evaluation_like_any_other(shards: Shards, tmp_path: Path) -> None:
    shards(1, 2, 3)
    folders = [tmp_path / str(n) / shard_of(n, 3).digest for n in (1, 2, 3)]
    for _ in range(2):
        target = merge_folders(folders, tmp_path)
        assert target.name == IDENTITY.digest
        assert len(open_results(target)) == IMAGES
    session = Linear()
    answered(tmp_path, session=session)
    assert session.batches == []


def test_the_same_shard_twice_is_an_error(shards: Shards) -> None:
    one, two, three = shards(1, 2, 3)
    with pytest.raises(MeasureError, match="shard 2/3 is there twice"):
        merge([one, two, three, two])


def test_missing_shards_are_named(shards: Shards) -> None:
    with pytest.raises(MeasureError, match="missing: shard 1/4, 3/4"):
        merge(shards(2, 4, of=4))


def test_an_unfinished_shard_is_named(shards: Shards) -> None:
    one, three = shards(1, 3)
    (two,) = shards(2, stop=50)
    with pytest.raises(MeasureError, match="shard 2/3 has 50 of 133 images"):
        merge([one, two, three])
    assert len(merge([one, two, three], images=150)) == 150
    with pytest.raises(MeasureError, match="shard 2/3 has 50 of 51 images"):
        merge([one, two, three], images=152)


def test_shards_that_divide_differently_are_refused(shards: Shards) -> None:
    with pytest.raises(MeasureError, match="shards 1/3 and 2/4 divide the set differently"):
        merge([*shards(1), *shards(2, of=4)])


@pytest.mark.parametrize("field", ["model", "tensors", "dataset", "pipeline", "seed", "tools"])
def test_shards_of_something_else_are_refused(shards: Shards, field: str) -> None:
    one, two, three = shards(1, 2, 3)
    value = {"seed": 8, "tools": {"numpy": "3"}}.get(field, "other")
    strange = Predictions(replace(two.identity, **{field: value}), two.table)
    with pytest.raises(MeasureError, match=f"do not belong together: {field} "):
        merge([one, strange, three])


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "1/0", "a/b", "-1/3", "1/3/2", ""])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(HarnessError, match="shard"):
        parse_shard(text)


def test_nothing_is_no_merge() -> None:
    with pytest.raises(MeasureError, match="no shards to merge"):
        merge([])
