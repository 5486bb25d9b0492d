"""A cache holds what would be made anew, whatever has happened to its process or its files."""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from filelock import FileLock
from tiny_preprocessors import (
    Missing,
    Rescaled,
    Slow,
    Tiny,
    decoded,
    picture,
    pictures,
    require_faithful,
    start_filling,
)

from harness.errors import DamagedArtifact, HarnessError, ImageError, MissingSource
from harness.images.decoding import Limits
from harness.images.tensors import TensorCache, filling, read_files, reading
from harness.images.tensors.batches import FILES_A_CALL
from harness.images.tensors.journal import Journal, append_record, read_journal
from harness.images.tensors.preprocessor import FileToTensor
from harness.runtime import identity

Open = Callable[..., TensorCache]


@pytest.fixture
def opened(tmp_path: Path, paths: list[Path], preprocessor: Tiny) -> Iterator[Open]:
    """Opens the cache as another process would."""
    caches = []

    def open_cache(preprocessor: Tiny = preprocessor, **options: float) -> TensorCache:
        cache = TensorCache(tmp_path / "caches", read_files(paths), preprocessor, **options)
        caches.append(cache)
        return cache

    yield open_cache
    for cache in caches:
        cache.close()


@pytest.fixture
def filled(opened: Open) -> TensorCache:
    cache = opened()
    cache.fill()
    return cache


def read(cache: TensorCache, *, size: int = 30) -> list:
    return list(cache.batches(size=size))


@pytest.mark.parametrize("size", [7, 32, 1000])
def test_cache_gives_what_would_be_made_anew(opened: Open, paths: list[Path], size: int) -> None:
    require_faithful(read(opened(), size=size), paths, size=size)
    require_faithful(read(opened(), size=size), paths, size=size)


def test_what_is_full_starts_no_process_and_decodes_nothing(
    filled: TensorCache, opened: Open, paths: list[Path], trace: Path
) -> None:
    filled.close()
    before = psutil.Process().children()
    again = opened(Missing(trace))  # of the same key; could not make anything
    require_faithful(read(again), paths, size=30)
    assert again.expected_bytes == filled.place.data.stat().st_size
    assert len(decoded(trace)) == len(paths)
    assert psutil.Process().children() == before


def test_size_is_known_before_and_taken_from_the_start(opened: Open, paths: list[Path]) -> None:
    cache = opened()
    expected = cache.expected_bytes
    assert expected == 128 + len(paths) * 3 * 8 * 8
    assert not cache.place.data.exists()
    cache.fill(stop=1)
    assert cache.finished == FILES_A_CALL
    status = cache.place.data.stat()
    assert (status.st_size, status.st_blocks * 512 >= expected) == (expected, True)


def test_file_is_an_array_that_numpy_reads(filled: TensorCache, paths: list[Path]) -> None:
    levels = np.load(filled.place.data, mmap_mode="r", allow_pickle=False)
    assert (levels.shape, levels.dtype) == ((len(paths), 3, 8, 8), np.uint8)


def test_pipeline_without_levels_is_kept_in_float32(opened: Open, trace: Path) -> None:
    with opened(Rescaled(trace)) as cache:
        cache.fill()
        (batch,) = cache.batches(size=100)
    assert np.load(cache.place.data).dtype == np.float32
    assert np.array_equal(batch.tensors, np.load(cache.place.data))


def test_only_what_is_asked_for_is_made(opened: Open, paths: list[Path], trace: Path) -> None:
    batches = list(opened().batches(size=10, start=40, stop=60))
    assert [batch.indices for batch in batches] == [tuple(range(40, 50)), tuple(range(50, 60))]
    assert decoded(trace) == [path.name for path in paths[32:64]]


def test_evaluation_that_stops_early_stops_the_filling(tmp_path: Path, trace: Path) -> None:
    many = pictures(tmp_path / "many", 640)
    with TensorCache(tmp_path / "caches", read_files(many), Slow(trace)) as cache:
        batches = cache.batches(size=8)
        assert next(batches).indices == tuple(range(8))
        batches.close()
        assert cache.finished < len(many)
        before = len(decoded(trace))
        time.sleep(0.2)
        assert len(decoded(trace)) == before


def test_images_are_found_by_place(filled: TensorCache) -> None:
    batches = {batch.indices[0]: batch for batch in filled.batches(size=1)}
    places = [99, 0, 31, 32, 0]
    expected = np.stack([batches[place].tensors[0] for place in places])
    assert np.array_equal(filled.tensors(places), expected)
    assert filled.tensors([]).shape == (0, 3, 8, 8)


def test_place_that_is_nowhere_or_not_made_yet_is_refused(opened: Open) -> None:
    cache = opened()
    cache.fill(stop=32)
    cache.tensors([31])
    with pytest.raises(HarnessError, match=r"0032\.png has no tensor yet: fill first"):
        cache.tensors([32])
    for wrong in (-1, 100):
        with pytest.raises(IndexError, match="within 0 and 99"):
            cache.tensors([wrong])


# ── bad files ─────────────────────────────────────────────────────────────────────────────────


def test_bad_files_are_remembered_and_have_no_tensor(
    opened: Open, paths: list[Path], trace: Path
) -> None:
    paths[3].write_bytes(b"")
    paths[97].unlink()
    for _ in range(2):
        cache = opened()
        require_faithful(read(cache), paths, size=30, bad=(3, 97))
        assert [str(fault) for fault in cache.bad.values()] == [
            f"{paths[3]}: unreadable: is empty, expected an image",
            f"{paths[97]}: unreadable: cannot be read: No such file or directory",
        ]
        with pytest.raises(ImageError, match=r"0003\.png: unreadable: is empty"):
            cache.tensors([2, 3])
    assert len(decoded(trace)) == len(paths)


def test_file_that_ended_its_workers_is_tried_again_in_another_run(
    opened: Open, paths: list[Path], trace: Path
) -> None:
    paths[40] = picture(paths[40].with_name("twice.png"), 40)
    first = opened()
    require_faithful(read(first), paths, size=30, bad=[40])
    assert "killed by SIGKILL" in first.bad[40].text
    require_faithful(read(first), paths, size=30, bad=[40])
    assert decoded(trace).count("twice.png") == 2
    again = opened()
    require_faithful(read(again), paths, size=30)
    assert again.bad == {}


def test_file_that_changes_after_hashing_stops_the_filling(opened: Open, paths: list[Path]) -> None:
    cache = opened()
    picture(paths[50], 7)
    with pytest.raises(HarnessError, match=r"0050\.png: was changed after it had been hashed"):
        cache.fill()
    assert cache.finished == 32


def test_other_content_order_or_pipeline_is_another_cache(
    opened: Open, paths: list[Path], trace: Path
) -> None:
    digests = {opened().place.stem, opened(Rescaled(trace)).place.stem}
    paths[0], paths[1] = paths[1], paths[0]
    digests.add(opened().place.stem)
    picture(paths[5], 1234)
    digests.add(opened().place.stem)
    assert len(digests) == 4


def test_other_names_are_the_same_cache(opened: Open, paths: list[Path], tmp_path: Path) -> None:
    before = opened().place
    shutil.copytree(paths[0].parent, tmp_path / "copy")
    paths[:] = [tmp_path / "copy" / path.name for path in paths]
    assert opened().place == before


@pytest.mark.parametrize("change", ["recipe", "limits", "version"])
def test_key_holds_everything_that_tensors_depend_on(
    monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    before = FileToTensor("vendor-build").key(files="ab")
    assert before == FileToTensor("vendor-build").key(files="ab")
    assert before != FileToTensor("vendor-build").key(files="ac")
    other = FileToTensor("vendor-build-levels" if change == "recipe" else "vendor-build")
    if change == "limits":
        other = FileToTensor("vendor-build", Limits(max_pixels=1000))
    if change == "version":
        monkeypatch.setattr(identity, "_version", lambda name: f"{name} 0")
    assert other.key(files="ab") != before


# ── damage ────────────────────────────────────────────────────────────────────────────────────


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def zero(path: Path, start: int, stop: int) -> None:
    with open(path, "r+b") as file:
        file.seek(start)
        file.write(bytes(stop - start))


IMAGE_BYTES = 3 * 8 * 8
DAMAGE: dict[str, Callable[[TensorCache], None]] = {
    "one bit flipped": lambda cache: flip(cache.place.data, 128 + 50 * IMAGE_BYTES + 7),
    "journal ahead of its data": lambda cache: zero(
        cache.place.data, 128 + 32 * IMAGE_BYTES, 128 + 64 * IMAGE_BYTES
    ),
    "last bytes cut off": lambda cache: os.truncate(cache.place.data, cache.expected_bytes - 1),
    "cut off to nothing": lambda cache: os.truncate(cache.place.data, 0),
    "too long": lambda cache: os.truncate(cache.place.data, cache.expected_bytes + 1),
    "another array's header": lambda cache: flip(cache.place.data, 70),
    "journal's header changed": lambda cache: flip(cache.place.journal, 30),
    "journal's last line cut": lambda cache: os.truncate(
        cache.place.journal, cache.place.journal.stat().st_size - 3
    ),
    "journal lost": lambda cache: cache.place.journal.unlink(),
    "data lost": lambda cache: cache.place.data.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_noticed_and_made_good(
    filled: TensorCache, opened: Open, paths: list[Path], trace: Path, damage: str
) -> None:
    trace.unlink()
    DAMAGE[damage](filled)
    require_faithful(read(opened()), paths, size=30)
    assert decoded(trace), "nothing was made anew"
    trace.unlink()
    require_faithful(read(opened()), paths, size=30)
    assert decoded(trace) == []


def test_one_damaged_chunk_costs_no_other(
    filled: TensorCache, opened: Open, trace: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trace.unlink()
    DAMAGE["one bit flipped"](filled)
    read(opened())
    assert len(decoded(trace)) == FILES_A_CALL
    assert "images 32 and following are damaged and made anew" in caplog.text


def test_damage_would_show_where_nobody_looks(filled: TensorCache, paths: list[Path]) -> None:
    """The stand-in: a reader that trusts the file."""
    DAMAGE["one bit flipped"](filled)
    trusted = filled._coding().decode(np.load(filled.place.data))
    (batch,) = filled.batches(size=100)
    require_faithful([batch], paths, size=100)
    assert not np.array_equal(trusted, batch.tensors)


def test_cache_of_another_pipeline_under_this_name_is_not_used(
    filled: TensorCache, opened: Open, paths: list[Path], trace: Path
) -> None:
    other = opened(Tiny(trace, "other"))
    for ours, theirs in (
        (other.place.data, filled.place.data),
        (other.place.journal, filled.place.journal),
    ):
        shutil.copyfile(theirs, ours)
    assert other.finished == 0
    trace.unlink()
    require_faithful(read(other), paths, size=30)
    assert len(decoded(trace)) == len(paths)


def test_disk_that_does_not_keep_its_data_is_told_of(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "digest", lambda _: "another one than was written")
    with pytest.raises(DamagedArtifact, match="images 0 and following are damaged again"):
        read(opened())


def test_nothing_is_noted_before_it_is_on_the_disk(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def note(path: Path, *rest: object) -> Journal:
        done.append("noted")
        return append_record(path, *rest)

    monkeypatch.setattr(filling.os, "fsync", lambda _: done.append("synced"))
    monkeypatch.setattr(filling, "append_record", note)
    opened().fill()
    assert done[-12:] == 4 * ["synced", "noted", "synced"]  # the data, then the journal


def test_no_room_is_said_with_both_figures_and_leaves_nothing(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = opened()
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(HarnessError, match=r"needs 18\.9 KiB, 1000 B are free there"):
        read(cache)
    assert [path.suffix for path in cache.place.stem.parent.iterdir()] in ([], [".lock"])


def test_folder_that_cannot_be_is_said(
    tmp_path: Path, paths: list[Path], preprocessor: Tiny
) -> None:
    (tmp_path / "file").touch()
    with (
        TensorCache(tmp_path / "file", read_files(paths), preprocessor) as cache,
        pytest.raises(HarnessError, match=r"cannot use .*file: File exists"),
    ):
        cache.fill()


# ── several processes, and their ends ─────────────────────────────────────────────────────────


def test_killed_at_any_moment_it_goes_on_where_it_was(tmp_path: Path, trace: Path) -> None:
    folder, root = tmp_path / "many", tmp_path / "caches"
    paths = pictures(folder, 640)
    cache = TensorCache(root, read_files(paths), Slow(trace))
    moments, finished = random.Random(3), []
    for _ in range(4):
        before = len(decoded(trace))
        process = start_filling(root, folder, trace)
        while len(decoded(trace)) == before:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.25))
        process.kill()
        process.wait()
        journal = read_journal(cache.place.journal)
        finished.append(sum(len(journal.header.rows(one)) for one in journal.records))
        _await_no_filling(trace)
    assert finished == sorted(finished)
    assert len(set(finished)) > 1, "never killed in between"
    with cache:
        require_faithful(read(cache, size=64), paths, size=64)
    under_way = 4 * (2 + 1 + 1) * FILES_A_CALL  # at each kill: two ahead, one done, one begun
    assert len(paths) <= len(decoded(trace)) <= len(paths) + under_way


def _await_no_filling(trace: Path) -> None:
    """The workers of a process that was killed end a moment later."""
    count = -1
    while count != (count := len(decoded(trace))):
        time.sleep(0.05)


def test_of_two_processes_one_makes_each_image(tmp_path: Path, trace: Path) -> None:
    folder, root = tmp_path / "many", tmp_path / "caches"
    paths = pictures(folder, 320)
    others = [start_filling(root, folder, trace) for _ in range(2)]
    with TensorCache(root, read_files(paths), Slow(trace)) as cache:
        require_faithful(read(cache, size=64), paths, size=64)
    assert [other.wait(30) for other in others] == [0, 0]
    assert sorted(decoded(trace)) == [path.name for path in paths]


def test_what_is_finished_is_read_while_another_fills(opened: Open, paths: list[Path]) -> None:
    first = opened()
    first.fill(stop=64)
    with FileLock(first.place.lock):
        cache = opened()
        require_faithful(list(cache.batches(size=30, stop=60)), paths[:60], size=30)
        assert cache.finished == 64


def test_waiting_ends_when_the_other_process_is_gone(opened: Open, paths: list[Path]) -> None:
    cache = opened()
    cache.place.lock.parent.mkdir()
    lock = FileLock(cache.place.lock, thread_local=False)
    lock.acquire()
    threading.Timer(0.3, lock.release).start()
    require_faithful(read(cache), paths, size=30)


def test_threads_read_the_same(filled: TensorCache, paths: list[Path]) -> None:
    results: list[list] = []
    threads = [threading.Thread(target=lambda: results.append(read(filled))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for batches in results:
        require_faithful(batches, paths, size=30)


def test_missing_library_is_told_and_leaves_nothing(opened: Open, trace: Path) -> None:
    cache = opened(Missing(trace))
    with pytest.raises(MissingSource, match="no such library"):
        read(cache)
    assert not cache.place.data.exists()


def test_progress_is_told_by_image(opened: Open) -> None:
    told: list[tuple[int, int]] = []
    opened().fill(progress=lambda done, all: told.append((done, all)))
    assert told == [(32, 100), (64, 100), (96, 100), (100, 100)]
