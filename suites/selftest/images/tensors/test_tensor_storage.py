"""What lies there is told with its size, and the least recently used goes first."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from filelock import FileLock
from tiny_preprocessors import Tiny, pictures, require_faithful

from harness.errors import HarnessError
from harness.images.tensors import TensorCache, prune, read_files, survey

AGES = {"a": 300, "b": 200, "c": 100}  # seconds since each cache was used


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    files = read_files(pictures(folder / "images", 100))
    for name in AGES:
        with TensorCache(folder / "caches", files, Tiny(folder / "trace", name)) as cache:
            cache.fill(stop=32 if name == "b" else 100)
    return folder / "caches"


@pytest.fixture
def root(tmp_path: Path, template: Path) -> Path:
    """Three caches, "a" used longest ago; a third of "b" is finished."""
    root = shutil.copytree(template, tmp_path / "caches")
    for data in root.glob("*.npy"):
        used = time.time() - AGES[data.name[0]]
        os.utime(data, (used, used))
    return root


def names(found: list) -> list[str]:
    return [one.name for one in found]


def test_every_cache_is_told_with_its_size(root: Path) -> None:
    (root / "something.npy").touch()
    found = survey(root)
    assert [(one.name, one.finished, one.count) for one in found] == [
        ("a", 100, 100),
        ("b", 32, 100),
        ("c", 100, 100),
    ]
    assert all(one.occupied >= 100 * 192 and len(one.digest) == 64 for one in found)


def test_no_folder_has_no_caches(tmp_path: Path) -> None:
    assert survey(tmp_path / "none") == prune(tmp_path / "none", limit_bytes=0) == []


def test_damaged_journal_is_told_as_nothing_finished(root: Path) -> None:
    survey(root)[0].place.journal.write_text("junk")
    assert (survey(root)[0].finished, survey(root)[0].count) == (0, 0)


def test_least_recently_used_goes_first(root: Path) -> None:
    size = survey(root)[0].occupied
    assert names(prune(root, limit_bytes=2 * size)) == ["a"]
    assert names(survey(root)) == ["b", "c"]
    assert names(prune(root, older_than_s=150)) == ["b"]
    assert names(prune(root, limit_bytes=0)) == ["c"]
    assert list(root.iterdir()) == []


def test_reading_is_use(root: Path, paths: list[Path], trace: Path) -> None:
    with TensorCache(root, read_files(paths), Tiny(trace, "a")) as cache:
        assert cache.finished == 100
    assert names(survey(root)) == ["b", "c", "a"]


def test_what_is_being_filled_stays(root: Path) -> None:
    with FileLock(survey(root)[0].place.lock):
        assert names(prune(root, limit_bytes=0)) == ["b", "c"]


def test_who_reads_a_removed_cache_has_it_made_anew(
    root: Path, paths: list[Path], trace: Path
) -> None:
    with TensorCache(root, read_files(paths), Tiny(trace, "a")) as cache:
        batches = [next(cache.batches(size=50))]
        prune(root, limit_bytes=0)
        batches += cache.batches(size=50, start=50)
        require_faithful(batches, paths, size=50)


def test_no_files_and_no_threads_are_refused(paths: list[Path]) -> None:
    with pytest.raises(HarnessError, match="no image files, expected one at least"):
        read_files([])
    with pytest.raises(ValueError, match="threads must be at least 1"):
        read_files(paths, threads=0)


def test_threads_hash_the_same(paths: list[Path]) -> None:
    assert read_files(paths, threads=3) == read_files(paths)
