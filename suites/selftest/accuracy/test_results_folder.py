"""What lies on the disk is what was written, about what it says, or it is not used."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_evaluation import IDENTITY, IMAGES, answered

from harness.accuracy.folder import ResultsFolder, open_results, read_parts
from harness.accuracy.identity import read_identity
from harness.accuracy.order import Order, Shard
from harness.accuracy.predictions import SCHEMA
from harness.errors import HarnessError, MeasureError

pytestmark = [
    pytest.mark.shows(
        "answers of different images, models or pipelines are mixed",
        by="a folder's name is a digest of all of it",
    )
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All answers, in one part."""
    answered(tmp_path)
    return tmp_path / IDENTITY.digest


def part(folder: Path) -> Path:
    (found,) = folder.glob("*.parquet")
    return found


def test_anyone_can_read_a_part(folder: Path) -> None:
    table = pq.read_table(part(folder))
    assert table.num_rows == IMAGES
    assert table.schema.remove_metadata() == SCHEMA
    assert table["top5_ids"].type == pa.list_(pa.int32())
    assert read_identity(table.schema.metadata[b"zoo"].decode(), where="part") == IDENTITY


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def rename(path: Path) -> None:
    path.rename(path.with_name(path.name.replace("-00000400", "-00000300")))


@pytest.mark.parametrize("damage", [flip_a_bit, cut_off, empty, rename])
def test_damage_is_noticed(folder: Path, damage: Callable[[Path], None]) -> None:
    assert len(read_parts(folder, IDENTITY)[0]) == 1
    damage(part(folder))
    sound, damaged = read_parts(folder, IDENTITY)
    assert (len(sound), len(damaged)) == (0, 1)


def test_a_part_of_another_evaluation_is_not_used(folder: Path, tmp_path: Path) -> None:
    other = ResultsFolder(tmp_path, replace(IDENTITY, seed=8))
    with other.held():
        shutil.copy(part(folder), other.path)
        assert other.parts() == []
        assert list(other.path.glob("*.parquet")) == []


def test_a_part_that_repeats_another_is_not_counted_twice(folder: Path, tmp_path: Path) -> None:
    with ResultsFolder(tmp_path, IDENTITY).held():
        ResultsFolder(tmp_path, IDENTITY).write(100, open_results(folder).table.slice(100, 50))
        assert len(list(folder.glob("*.parquet"))) == 2
    assert len(open_results(folder)) == IMAGES


@pytest.mark.parametrize(
    "change",
    [
        {"model": "00" * 32},
        {"tensors": "00" * 32},
        {"dataset": "00" * 32},
        {"seed": 8},
        {"order": Order.BY_CLASS},
        {"shard": Shard(1, 2)},
        {"precision": "int8"},
        {"batch": 20},
        {"tools": {"numpy": "3"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_answers_depend_on_gives_another_folder(change: dict[str, object]) -> None:
    assert replace(IDENTITY, **change).digest != IDENTITY.digest


def test_two_processes_do_not_fill_one_folder(tmp_path: Path) -> None:
    folder = ResultsFolder(tmp_path, IDENTITY)
    with (
        folder.held(),
        pytest.raises(HarnessError, match="is being filled by another process"),
        ResultsFolder(tmp_path, IDENTITY).held(),
    ):
        pass
    with folder.held():
        pass


def test_a_folder_that_is_not_what_its_name_says_is_refused(folder: Path, tmp_path: Path) -> None:
    renamed = folder.rename(tmp_path / ("00" * 32))
    with pytest.raises(MeasureError, match="is not what its name says"):
        open_results(renamed)
    with pytest.raises(MeasureError, match=r"holds no answers: identity\.json cannot be read"):
        open_results(tmp_path)
    (renamed / "identity.json").write_text("{}")
    with pytest.raises(MeasureError, match="says not what was evaluated"):
        open_results(renamed)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(HarnessError, match=f"cannot write {tmp_path}/file"),
        ResultsFolder(tmp_path / "file", IDENTITY).held(),
    ):
        pass
