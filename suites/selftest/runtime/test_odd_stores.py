"""Whatever lies where an entry, a lock or a large file has to: told as damaged, and mended."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import LARGE, Builder, key_of

from harness.runtime.store import Store
from harness.runtime.store.contents import SHARED_FROM_BYTES

Plant = Callable[[Path], object]


def file(path: Path) -> None:
    path.write_text("no entry")


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def loop(path: Path) -> None:
    path.symlink_to(path)


def folder(path: Path) -> None:
    (path / "within").mkdir(parents=True)


PLANTS = [file, os.mkfifo, dangling, loop, folder]


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


@pytest.fixture
def builder() -> Builder:
    return Builder(b"what was written")


def mended(root: Path, builder: Builder) -> bool:
    entry = Store(root).use(key_of(), builder)
    return entry.file("model.bin").is_file() and Store(root).damage() == []


@pytest.mark.parametrize("plant", PLANTS)
def test_an_entry_that_is_none(tmp_path: Path, builder: Builder, plant: Plant) -> None:
    path = Store(tmp_path).build(key_of(), builder).path
    remove(path)
    plant(path)
    assert Store(tmp_path).damage() != []
    assert mended(tmp_path, builder)


@pytest.mark.parametrize("name", ["entry.json", "used", "model.bin"])
@pytest.mark.parametrize("plant", [os.mkfifo, dangling, loop, folder])
def test_a_file_of_an_entry_that_is_none(
    tmp_path: Path, builder: Builder, name: str, plant: Plant
) -> None:
    path = Store(tmp_path).build(key_of(), builder).path / name
    path.unlink()
    plant(path)
    if name != "used":
        assert Store(tmp_path).damage() != []
    assert mended(tmp_path, builder)


@pytest.mark.parametrize("plant", [os.mkfifo, folder])
def test_a_lock_that_is_none(tmp_path: Path, builder: Builder, plant: Plant) -> None:
    entry = Store(tmp_path).build(key_of(), builder).path
    (lock,) = (tmp_path / "locks").iterdir()
    remove(lock)
    plant(lock)
    shutil.rmtree(entry)
    assert Store(tmp_path).damage() == [f"{lock} is no file; the next use of it removes it"]
    Store(tmp_path).prune()
    assert mended(tmp_path, builder)


@pytest.mark.skipif(LARGE < SHARED_FROM_BYTES, reason="no large file to share")
def test_a_large_file_that_is_none(tmp_path: Path) -> None:
    builder = Builder(b"x" * LARGE)
    entry = Store(tmp_path).build(key_of(), builder).path
    (blob,) = (tmp_path / "blobs").glob("*/*")
    remove(blob)
    folder(blob)
    shutil.rmtree(entry)
    assert Store(tmp_path).damage() != []
    Store(tmp_path).prune()
    assert mended(tmp_path, builder)
