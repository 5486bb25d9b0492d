"""The store builds once, gives back what was built, and leaves nothing half-done."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from builders import LARGE, Builder, build_half, build_slowly, key_of, start, wait_for

from harness.errors import HarnessError
from harness.runtime.store import JSON, Store, open_store
from harness.runtime.store.quantities import GIB


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_nothing_is_there_before_a_build(store: Store) -> None:
    assert store.get(key_of()) is None
    assert not store.root.exists()


def test_what_was_built_is_found_by_another_store(store: Store) -> None:
    builder = Builder(b"content")
    store.build(key_of(), builder)
    entry = Store(store.root).build(key_of(), builder)
    assert builder.runs == 1
    assert entry.files == ("model.bin",)
    assert entry.file("model.bin").read_bytes() == b"content"
    assert entry.facts == {"bytes": 7}


def test_another_key_is_another_entry(store: Store) -> None:
    builder = Builder()
    first, second = store.build(key_of("a"), builder), store.build(key_of("b"), builder)
    assert builder.runs == 2
    assert first.path != second.path


def test_store_can_be_moved(store: Store, tmp_path: Path) -> None:
    builder = Builder(b"content")
    store.build(key_of(), builder)
    moved = store.root.rename(tmp_path / "elsewhere")
    entry = Store(moved).use(key_of(), builder)
    assert builder.runs == 1
    assert entry.file("model.bin").is_relative_to(moved)


def test_files_in_folders_keep_their_names(store: Store) -> None:
    def produce(folder: Path) -> Mapping[str, JSON]:
        (folder / "mod").mkdir()
        (folder / "mod" / "graph.json").write_text("{}")
        return {"shapes": ((1, 3), [224])}

    entry = store.use(key_of(), produce)
    assert entry.file("mod/graph.json").read_text() == "{}"
    assert entry.facts == {"shapes": [[1, 3], [224]]}


def test_built_files_are_read_only(store: Store) -> None:
    path = store.use(key_of(), Builder()).file("model.bin")
    assert path.stat().st_mode & 0o222 == 0


def test_unknown_file_is_refused_with_those_that_are_there(store: Store) -> None:
    entry = store.build(key_of(), Builder())
    with pytest.raises(HarnessError, match=r"export \w{12} has no file 'x'; it has: model.bin"):
        entry.file("x")


def test_failed_build_leaves_nothing(store: Store) -> None:
    def produce(folder: Path) -> Mapping[str, JSON]:
        (folder / "model.bin").touch()
        raise MemoryError

    with pytest.raises(MemoryError):
        store.build(key_of(), produce)
    assert store.get(key_of()) is None
    assert list((store.root / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"sqnr": float("nan")}, r"facts of export \w+\.sqnr: nan is not a finite number"),
        ({"where": Path()}, r"\.where: expected plain JSON, got PosixPath"),
        ({"text": "x" * 17 * 2**20}, "facts are too large"),
    ],
)
def test_facts_must_be_small_plain_json(
    store: Store, facts: Mapping[str, JSON], message: str
) -> None:
    with pytest.raises(HarnessError, match=message):
        store.build(key_of(), lambda _: facts)
    assert store.get(key_of()) is None


def make_link(folder: Path) -> Mapping[str, JSON]:
    (folder / "link").symlink_to("/etc/hostname")
    return {}


def make_manifest(folder: Path) -> Mapping[str, JSON]:
    (folder / "entry.json").touch()
    return {}


@pytest.mark.parametrize(
    ("produce", "message"),
    [(make_link, "link is not a plain file"), (make_manifest, "cannot make a file named entry")],
)
def test_only_plain_files_are_stored(store: Store, produce: Builder, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        store.build(key_of(), produce)


def test_large_files_of_one_content_are_stored_once(store: Store) -> None:
    builder = Builder(os.urandom(LARGE))
    first, second = store.use(key_of("a"), builder), store.use(key_of("b"), builder)
    assert first.file("model.bin").samefile(second.file("model.bin"))
    assert LARGE < store.size() < LARGE + 10_000


def test_without_links_each_entry_has_its_copy(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("links are not possible here")

    monkeypatch.setattr(os, "link", refuse)
    builder = Builder(bytes(LARGE))
    first, second = store.use(key_of("a"), builder), store.use(key_of("b"), builder)
    assert not first.file("model.bin").samefile(second.file("model.bin"))


def test_file_that_was_linked_in_is_the_stores_own(store: Store, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")

    def produce(folder: Path) -> Mapping[str, JSON]:
        os.link(outside, folder / "model.bin")
        return {}

    entry = store.use(key_of(), produce)
    outside.write_bytes(b"changed")
    assert entry.file("model.bin").read_bytes() == b"mine"


def test_steps_may_build_inside_steps(store: Store) -> None:
    def produce(_: Path) -> Mapping[str, JSON]:
        inner = store.use(key_of("inner"), Builder(b"inner"))
        return {"inner": inner.digest("model.bin")}

    store.build(key_of("outer"), produce)
    assert store.get(key_of("inner")) is not None


def test_two_processes_build_once(store: Store, tmp_path: Path) -> None:
    traces = tmp_path / "traces"
    traces.mkdir()
    processes = [start(build_slowly.__name__, store.root, traces) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert len(list(traces.iterdir())) == 1


def test_killed_builder_leaves_nothing_that_is_used(store: Store, tmp_path: Path) -> None:
    store.limit_bytes = None  # so that no pruning tidies up
    written = tmp_path / "written"
    with start(build_half.__name__, store.root, written) as process:
        wait_for(written)
        process.kill()
    assert store.get(key_of()) is None
    assert list((store.root / "tmp").iterdir()) != []
    entry = store.use(key_of(), Builder(b"whole"))
    assert entry.file("model.bin").read_bytes() == b"whole"
    assert list((store.root / "tmp").iterdir()) == []


@pytest.mark.parametrize("below", ["", "below"])
def test_root_that_is_a_file_is_refused_in_one_line(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    store = Store(tmp_path / "file" / below)
    assert store.get(key_of()) is None
    with pytest.raises(HarnessError, match=r"cannot be the artifact store: .* with ZOO_STORE$"):
        store.build(key_of(), Builder())


def test_environment_names_root_and_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_STORE", str(tmp_path))
    monkeypatch.setenv("ZOO_STORE_LIMIT", "20GiB")
    store = open_store()
    assert (store.root, store.limit_bytes) == (tmp_path, 20 * GIB)
    assert open_store(tmp_path / "option", limit="1GiB").root == tmp_path / "option"


def test_waiting_for_another_builder_is_said(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with start(build_slowly.__name__, store.root, tmp_path):
        while not [path for path in tmp_path.iterdir() if path.name.isdigit()]:
            pass
        store.build(key_of(), Builder())
    assert "waiting for another process that builds export" in caplog.text
