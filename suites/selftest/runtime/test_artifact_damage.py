"""What is not what was written is never used."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import LARGE, Builder, flip_last_byte, key_of, overwrite

from harness.errors import DamagedArtifact
from harness.runtime.store import Entry, Key, Store
from harness.runtime.store.entries import MANIFEST_LIMIT_BYTES

pytestmark = [pytest.mark.shows("yesterday's artifact, or a damaged one")]

CONTENT = b"what was written"


@pytest.fixture
def builder() -> Builder:
    return Builder(CONTENT)


@pytest.fixture
def model(tmp_path: Path, builder: Builder) -> Path:
    """The file of an entry that was built before."""
    return Store(tmp_path).use(key_of(), builder).file("model.bin")


def test_truncated_file_is_rebuilt(tmp_path: Path, model: Path, builder: Builder) -> None:
    overwrite(model, CONTENT[:-1])
    store = Store(tmp_path)
    assert store.get(key_of()) is None
    assert not model.exists()
    assert store.use(key_of(), builder).file("model.bin").read_bytes() == CONTENT


def test_missing_file_is_rebuilt(tmp_path: Path, model: Path, builder: Builder) -> None:
    model.unlink()
    entry = Store(tmp_path).use(key_of(), builder)
    assert entry.file("model.bin").read_bytes() == CONTENT


def test_flipped_byte_is_rebuilt_once(
    tmp_path: Path, model: Path, builder: Builder, caplog: pytest.LogCaptureFixture
) -> None:
    flip_last_byte(model)
    entry = Store(tmp_path).use(key_of(), builder)
    assert builder.runs == 2
    assert entry.file("model.bin").read_bytes() == CONTENT
    assert "model.bin is not what was written" in caplog.text


def test_facts_of_a_damaged_file_are_read_without_its_content(
    tmp_path: Path, model: Path, builder: Builder
) -> None:
    flip_last_byte(model)
    assert Store(tmp_path).build(key_of(), builder).facts == {"bytes": len(CONTENT)}
    assert builder.runs == 1


def test_file_outside_the_asked_ones_raises_and_is_rebuilt_next_time(
    tmp_path: Path, model: Path, builder: Builder
) -> None:
    flip_last_byte(model)
    entry = Store(tmp_path).use(key_of(), builder, files=())
    with pytest.raises(DamagedArtifact, match=r"export \w+: model.bin is not what was written"):
        entry.file("model.bin")
    assert Store(tmp_path).get(key_of()) is None


def test_file_touched_after_its_first_use_is_read_again(tmp_path: Path, builder: Builder) -> None:
    entry = Store(tmp_path).use(key_of(), builder)
    path = entry.file("model.bin")
    flip_last_byte(path)
    os.utime(path, ns=(0, 0))
    with pytest.raises(DamagedArtifact):
        entry.file("model.bin")


def test_untouched_file_is_read_once(
    tmp_path: Path, model: Path, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = Store(tmp_path).use(key_of(), builder)
    monkeypatch.delattr("hashlib.file_digest")
    assert entry.file("model.bin") == model


def test_damaged_shared_file_is_not_linked_to_again(tmp_path: Path) -> None:
    builder = Builder(bytes(LARGE))
    flip_last_byte(Store(tmp_path).use(key_of("a"), builder).file("model.bin"))
    store = Store(tmp_path)
    second = store.use(key_of("b"), builder)
    assert second.file("model.bin").read_bytes() == builder.content
    first = store.use(key_of("a"), builder)
    assert first.file("model.bin").samefile(second.file("model.bin"))


def rewrite(path: Path, change: Callable[[dict], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-5]), "not what was written"),
        (lambda path: path.write_bytes(b"\0\xff"), "not what was written"),
        (lambda path: path.write_text("[]"), "not what was written"),
        (lambda path: path.write_text("[" * 100_000), "not what was written"),
        (
            lambda path: path.write_bytes(b" " * (MANIFEST_LIMIT_BYTES + 1)),
            "larger than 16777216",
        ),
        (lambda path: path.unlink(), "cannot be read"),
        (
            lambda path: rewrite(path, lambda d: d["content"]["facts"].update(bytes=1)),
            "checksum or format differs",
        ),
        (lambda path: rewrite(path, lambda d: d["content"].update(format=2)), "checksum or"),
    ],
    ids=["truncated", "binary", "shape", "deep", "huge", "missing", "fact", "format"],
)
def test_damaged_manifest_is_rebuilt(
    tmp_path: Path,
    model: Path,
    builder: Builder,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path], object],
    reason: str,
) -> None:
    damage(model.with_name("entry.json"))
    entry = Store(tmp_path).use(key_of(), builder)
    assert builder.runs == 2
    assert entry.facts == {"bytes": len(CONTENT)}
    assert reason in caplog.text


def test_entry_under_a_wrong_name_is_not_used(tmp_path: Path, model: Path) -> None:
    other = Builder(b"other")
    model.parent.rename(model.parent.with_name(key_of("other").digest))
    assert Store(tmp_path).use(key_of("other"), other).facts == {"bytes": 5}


def test_damage_is_told_for_every_entry_at_once(tmp_path: Path, model: Path) -> None:
    store = Store(tmp_path)
    store.use(key_of("sound"), Builder())
    manifest = store.use(key_of("other"), Builder()).path / "entry.json"
    assert store.damage() == []
    flip_last_byte(model)
    manifest.write_text("{}")
    assert len(store.damage()) == 2


def test_damage_that_comes_back_is_told_after_one_rebuild(
    tmp_path: Path, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = Store.build

    def build_on_a_bad_disk(store: Store, key: Key, produce: Builder) -> Entry:
        entry = build(store, key, produce)
        overwrite(entry.path / "model.bin", b"rotten")
        return entry

    monkeypatch.setattr(Store, "build", build_on_a_bad_disk)
    with pytest.raises(DamagedArtifact, match="has 6 bytes where 16 were written"):
        Store(tmp_path).use(key_of(), builder)
    assert builder.runs == 2
