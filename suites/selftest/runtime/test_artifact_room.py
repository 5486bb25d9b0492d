"""Large files are evicted before anything is forgotten, and come back when they are needed."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from builders import LARGE, Builder, key_of

from harness.errors import EvictedArtifact
from harness.runtime.store import Entry, LazyArtifact, Store
from harness.runtime.store.entries import entry_damage
from harness.runtime.store.quantities import GIB

pytestmark = [
    pytest.mark.shows("a model is removed while it is used, or a full disk reads as a wrong model")
]

MODEL = "model.bin"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", limit_bytes=None)


def content(name: str) -> bytes:
    return name.encode() * LARGE


def build(store: Store, name: str, *, used_days_ago: float = 0.0) -> Entry:
    entry = store.build(key_of(name), Builder(content(name)))
    then = time.time() - used_days_ago * 86400
    os.utime(entry.path / "used", (then, then))
    return entry


def whole(store: Store, *names: str) -> str:
    """Those of the entries whose large file is there."""
    paths = {name: store.root / "export" / key_of(name).digest / MODEL for name in names}
    return "".join(name for name, path in paths.items() if path.exists())


def with_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    """Stand in for a disk that is as full as said, whatever is removed."""
    disk = SimpleNamespace(total=1000 * GIB, free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk)


def test_files_used_least_recently_go_first_and_all_facts_stay(store: Store) -> None:
    for days, name in enumerate("abc", start=1):
        build(store, name, used_days_ago=days)
    assert store.prune(limit_bytes=2 * LARGE + 10_000) == []
    assert whole(store, *"abc") == "ab"
    assert store.size() < 2 * LARGE + 10_000
    entry = store.get(key_of("c"))
    assert entry is not None
    assert entry.facts == {"bytes": LARGE}
    assert entry.files == (MODEL,)


def test_entries_go_where_letting_files_go_is_not_enough(store: Store) -> None:
    build(store, "a")
    build(store, "b")
    assert len(store.prune(limit_bytes=0)) == 2
    assert store.entries() == []


def test_limit_holds_after_every_build_and_nothing_is_forgotten(store: Store) -> None:
    store.limit_bytes = 3 * LARGE
    for days, name in zip(range(6, 0, -1), "abcdef", strict=True):
        build(store, name, used_days_ago=days)
        assert store.size() <= 3 * LARGE
    assert len(store.entries()) == 6
    assert whole(store, *"abcdef") == "ef"


def test_files_in_use_stay_until_they_are_no_more(store: Store) -> None:
    entry = build(store, "a")
    store.prune(limit_bytes=0)
    assert entry.file(MODEL).exists()
    del entry
    gc.collect()
    store.prune(limit_bytes=10_000)
    assert whole(store, "a") == ""


def test_file_that_was_let_go_is_built_anew_when_it_is_needed(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    builder = Builder(content("a"))
    store.build(key_of("a"), builder)
    store.prune(limit_bytes=10_000)
    with caplog.at_level(logging.WARNING):
        entry, path = LazyArtifact(lambda: store.build(key_of("a"), builder), MODEL).opened()
    assert builder.runs == 2
    assert path.read_bytes() == content("a")
    assert entry.file(MODEL) == path
    assert caplog.text == ""  # nothing is wrong


def test_asking_for_a_file_that_was_let_go_says_so(store: Store) -> None:
    builder = Builder(content("a"))
    store.build(key_of("a"), builder)
    store.prune(limit_bytes=10_000)
    entry = store.get(key_of("a"))
    assert entry is not None
    with pytest.raises(EvictedArtifact, match=r"model\.bin was evicted to make room"):
        entry.file(MODEL)
    assert store.use(key_of("a"), builder).file(MODEL).exists()
    assert builder.runs == 2


def test_what_was_let_go_is_no_damage_and_what_was_lost_is(store: Store) -> None:
    path = build(store, "a").path
    gc.collect()
    store.prune(limit_bytes=10_000)
    assert entry_damage(path) == store.damage() == []
    other = build(store, "b").path
    (other / MODEL).unlink()
    assert len(store.damage()) == 1


def test_half_done_letting_go_leaves_an_entry_that_can_be_used(store: Store) -> None:
    entry = build(store, "a")
    (entry.path / "let-go").touch()  # and killed before anything was removed
    found = store.get(key_of("a"))
    assert found is not None
    assert found.file(MODEL).read_bytes() == content("a")


def test_small_files_are_never_let_go(store: Store) -> None:
    store.build(key_of("a"), Builder(b"logits"))
    store.build(key_of("b"), Builder(content("b")))
    store.prune(limit_bytes=LARGE)
    entry = store.get(key_of("a"))
    assert entry is not None
    assert entry.file(MODEL).read_bytes() == b"logits"


@pytest.mark.parametrize(("free", "left"), [(8 * GIB, "ab"), (5 * GIB, "b")])
def test_full_disk_lets_files_go_and_no_entry(
    store: Store, monkeypatch: pytest.MonkeyPatch, free: int, left: str
) -> None:
    build(store, "a")
    store.free_bytes = 6 * GIB
    with_free(monkeypatch, free)
    entry = build(store, "b")
    assert whole(store, "a", "b") == left
    assert entry.file(MODEL).exists()
    assert len(store.entries()) == 2


def test_room_is_made_before_a_build_on_a_full_disk(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(store, "a")
    store.free_bytes = 6 * GIB
    with_free(monkeypatch, GIB)
    seen = []

    def produce(_: Path) -> dict[str, int]:
        seen.append(whole(store, "a"))
        return {}

    store.build(key_of("b"), produce)
    assert seen == [""]


def test_of_a_small_disk_a_quarter_is_enough(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    build(store, "a")
    store.free_bytes = 6 * GIB
    disk = SimpleNamespace(total=8 * GIB, free=2 * GIB + 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk)
    build(store, "b")
    assert whole(store, "a", "b") == "ab"
