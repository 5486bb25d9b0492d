"""Room is made where it is missed least, and never under somebody's feet."""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path

import pytest
from builders import LARGE, Builder, build_half, hold_entry, key_of, start, wait_for

from harness.runtime.store import Entry, Store

SMALL = 100_000  # bytes, below what is shared


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", limit_bytes=None)


def build(store: Store, name: str, *, size: int = SMALL, used_days_ago: float = 0.0) -> Entry:
    entry = store.build(key_of(name), Builder(name.encode() * size))
    then = time.time() - used_days_ago * 86400
    os.utime(entry.path / "used", (then, then))
    return entry


def names(store: Store, *candidates: str) -> str:
    paths = {stored.path.name for stored in store.entries()}
    return "".join(name for name in candidates if key_of(name).digest in paths)


def test_least_recently_used_goes_first(store: Store) -> None:
    for days, name in enumerate("abc", start=1):
        build(store, name, used_days_ago=days)
    removed = store.prune(limit_bytes=2 * SMALL + SMALL // 2)
    assert [stored.path.name for stored in removed] == [key_of("c").digest]
    assert names(store, *"abc") == "ab"


def test_using_an_entry_keeps_it(store: Store) -> None:
    for days, name in enumerate("abc", start=1):
        build(store, name, used_days_ago=days)
    store.get(key_of("c"))
    store.prune(limit_bytes=SMALL + SMALL // 2)
    assert names(store, *"abc") == "c"


def test_old_entries_go_whatever_the_size(store: Store) -> None:
    build(store, "a", used_days_ago=6)
    build(store, "b", used_days_ago=8)
    store.prune(older_than_s=7 * 86400)
    assert names(store, "a", "b") == "a"


def test_limit_holds_after_every_build(store: Store) -> None:
    store.limit_bytes = 3 * SMALL
    for days, name in zip(range(9, 0, -1), "abcdefghi", strict=True):
        build(store, name, used_days_ago=days)
        assert store.size() <= 3 * SMALL
    assert names(store, *"abcdefghi") == "hi"


def test_what_was_just_built_stays_above_any_limit(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.limit_bytes = 1
    entry = build(store, "a")
    assert entry.file("model.bin").exists()
    assert "holds" in caplog.text


def test_entry_in_use_is_kept_until_it_is_let_go(store: Store) -> None:
    entry = build(store, "a")
    assert store.prune(limit_bytes=0) == []
    assert entry.file("model.bin").exists()
    del entry
    gc.collect()
    assert len(store.prune(limit_bytes=0)) == 1


def test_entry_in_use_by_another_process_is_kept_until_it_dies(
    store: Store, tmp_path: Path
) -> None:
    store.build(key_of(), Builder())
    held = tmp_path / "held"
    with start(hold_entry.__name__, store.root, held) as process:
        wait_for(held)
        assert store.prune(limit_bytes=0) == []
        process.kill()
    assert len(store.prune(limit_bytes=0)) == 1


def test_use_can_be_overridden(store: Store) -> None:
    entry = build(store, "a")
    assert len(store.prune(limit_bytes=0, keep_in_use=False)) == 1
    assert not entry.path.exists()


@pytest.mark.parametrize(("days", "left"), [(2.5, 1), (0.5, 0)])
def test_shared_content_is_freed_with_its_last_entry(store: Store, days: float, left: int) -> None:
    for ago, name in enumerate("ab", start=1):
        entry = store.build(key_of(name), Builder(bytes(LARGE)))
        then = time.time() - (2 * ago - 1) * 86400
        os.utime(entry.path / "used", (then, then))
    del entry
    store.prune(older_than_s=days * 86400)
    assert len(store.entries()) == len(list((store.root / "blobs").glob("*/*"))) == left


def test_leavings_of_killed_builders_go_with_the_locks(store: Store, tmp_path: Path) -> None:
    written = tmp_path / "written"
    with start(build_half.__name__, store.root, written) as process:
        wait_for(written)
        store.prune()
        assert len(list((store.root / "tmp").iterdir())) == 1  # it is still being written
        process.kill()
    store.prune()
    assert list((store.root / "tmp").iterdir()) == []
    assert list((store.root / "locks").iterdir()) == []


def test_foreign_files_in_the_root_are_left_alone(store: Store) -> None:
    precious = store.root / "photos" / "holiday" / "1.jpg"
    precious.parent.mkdir(parents=True)
    precious.write_bytes(bytes(SMALL))
    build(store, "a")
    store.prune(limit_bytes=0, keep_in_use=False)
    assert precious.exists()
