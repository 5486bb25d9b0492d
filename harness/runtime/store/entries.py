"""One entry: what a step made, what is known about it, and whether it still is that."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from harness.errors import DamagedArtifact, EvictedArtifact, HarnessError
from harness.runtime.atomic import sync, write_text
from harness.runtime.foreign import read_bytes
from harness.runtime.store.contents import SHARED_FROM_BYTES, Hashes, disown, share
from harness.runtime.store.keys import JSON, Key, canonical
from harness.runtime.store.layout import LET_GO, MANIFEST, USED
from harness.runtime.store.leases import Lease
from harness.runtime.store.quantities import MIB

FORMAT = 1  # of entry.json
MANIFEST_LIMIT_BYTES = 16 * MIB  # facts are figures, not data; what is larger is damaged


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as it was written: its size in bytes and its SHA-256 in hexadecimal digits."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``entry.json`` says. ``created`` is in ISO 8601, UTC."""

    key: Key
    created: str
    files: Mapping[str, FileRecord]
    facts: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a step made. While an entry is referred to, no process prunes it.

    Each holds a file descriptor: let go of it when its files are no longer needed.

    Attributes:
        path: the entry's folder; files in it are read-only, and large ones may be hard links.
        manifest: what is known about it.
    """

    path: Path
    manifest: Manifest
    _lease: Lease = field(repr=False, compare=False)
    _hashes: Hashes = field(repr=False, compare=False)

    @property
    def key(self) -> Key:
        """What it was built from."""
        return self.manifest.key

    @property
    def facts(self) -> Mapping[str, JSON]:
        """What the step measured."""
        return self.manifest.facts

    @property
    def files(self) -> tuple[str, ...]:
        """The names of its files, sorted, with ``/`` between folders."""
        return tuple(self.manifest.files)

    def digest(self, name: str) -> str:
        """The SHA-256 of a file as it was written. Reads nothing."""
        return self._record(name).sha256

    def file(self, name: str) -> Path:
        """The path of a file whose content is what was written.

        Its content is read in full at the first use in this process, and again if the file was
        touched since.

        Raises:
            DamagedArtifact: the file is not what was written, or (:class:`EvictedArtifact`) was
                let go. The entry is then as good as removed: the next build makes it anew.
            HarnessError: the step made no such file.
        """
        record = self._record(name)
        path = self.path / name
        if was_let_go(self.path, name, record):
            (self.path / MANIFEST).unlink(missing_ok=True)
            raise EvictedArtifact(f"{self.key}: {name} was evicted to make room")
        if damage := file_damage(path, record, self._hashes):
            (self.path / MANIFEST).unlink(missing_ok=True)
            raise DamagedArtifact(f"{self.key}: {name} {damage}; the next build makes it anew")
        return path

    def _record(self, name: str) -> FileRecord:
        try:
            return self.manifest.files[name]
        except KeyError:
            known = ", ".join(self.manifest.files) or "none"
            raise HarnessError(f"{self.key} has no file {name!r}; it has: {known}") from None


def was_let_go(entry: Path, name: str, record: FileRecord) -> bool:
    """Whether a file is not there because room was made."""
    if record.size < SHARED_FROM_BYTES or (entry / name).exists():
        return False
    return (entry / LET_GO).exists()


def file_damage(path: Path, record: FileRecord, hashes: Hashes | None) -> str:
    """What is wrong with a file, or ""; without ``hashes`` only its size is looked at."""
    try:
        found = path.lstat()
        size = found.st_size
        if not stat.S_ISREG(found.st_mode):
            return "is no file"
        if size != record.size:
            return f"has {size} bytes where {record.size} were written"
        if hashes is not None and hashes.sha256(path) != record.sha256:
            return "is not what was written"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return ""


def entry_damage(entry: Path) -> list[str]:
    """Read an entry in full, whatever was read before, and say what is damaged."""
    hashes = Hashes()
    try:
        files = read_manifest(entry).files
    except DamagedArtifact as damage:
        return [str(damage)]
    damaged = {
        name: file_damage(entry / name, record, hashes)
        for name, record in files.items()
        if not was_let_go(entry, name, record)
    }
    return [f"{entry / name} {damage}" for name, damage in damaged.items() if damage]


def seal(folder: Path, key: Key, facts: Mapping[str, JSON], *, blobs: Path, hashes: Hashes) -> None:
    """Turn a folder of produced files into an entry: hashed, shared, read-only, on disk.

    Raises:
        HarnessError: a name is the store's own, a file is no plain file, or the facts are not
            small, finite JSON.
        OSError: the disk is full, or the like.
    """
    facts_text = canonical(facts, f"facts of {key}")
    files: dict[str, dict[str, JSON]] = {}
    for path in _produced(folder, key):
        disown(path)
        sync(path)
        path.chmod(0o444)
        sha256 = hashes.sha256(path)
        size = path.stat().st_size
        if size >= SHARED_FROM_BYTES:
            share(path, sha256, blobs=blobs, hashes=hashes)
        files[path.relative_to(folder).as_posix()] = {"size": size, "sha256": sha256}
    content: dict[str, JSON] = {
        "format": FORMAT,
        "step": key.step,
        "key": key.text,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": files,
        "facts": json.loads(facts_text),
    }
    text = json.dumps({"sha256": _checksum(content), "content": content}, indent=1)
    if len(text) > MANIFEST_LIMIT_BYTES:
        raise HarnessError(f"{key}: its facts are too large for entry.json; write them to a file")
    (folder / USED).touch()
    write_text(folder / MANIFEST, text)
    for inner in (path for path in folder.rglob("*") if path.is_dir()):
        sync(inner)


def read_manifest(entry: Path, key: Key | None = None) -> Manifest:
    """Read and check ``entry.json``, of any key or of the one given; sizes of files included.

    Raises:
        DamagedArtifact: it is not what was written, or a file has not the size it had.
        EvictedArtifact: there is none, since a file that was evicted was asked for.
    """
    path = entry / MANIFEST
    try:
        manifest = _manifest(json.loads(read_bytes(path, most=MANIFEST_LIMIT_BYTES)))
    except OSError as error:
        if isinstance(error, FileNotFoundError) and (entry / LET_GO).exists():
            raise EvictedArtifact(f"{entry} is to be built anew") from error
        raise DamagedArtifact(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedArtifact(f"{path}: not what was written ({error})") from error
    expected = entry.name if key is None else key.digest
    if manifest.key.digest != expected:
        raise DamagedArtifact(f"{path}: belongs to another entry, {manifest.key}")
    for name, record in manifest.files.items():
        if was_let_go(entry, name, record):
            continue
        if damage := file_damage(entry / name, record, None):
            raise DamagedArtifact(f"{entry}: {name} {damage}")
    return manifest


def _manifest(document: Any) -> Manifest:
    content = document["content"]
    if document["sha256"] != _checksum(content) or content["format"] != FORMAT:
        raise ValueError("checksum or format differs")
    files = {name: FileRecord(**record) for name, record in sorted(content["files"].items())}
    for name in files:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ValueError(f"{name!r} lies outside")
    return Manifest(
        Key(content["step"], content["key"]), content["created"], files, content["facts"]
    )


def _checksum(content: Mapping[str, JSON]) -> str:
    return hashlib.sha256(canonical(content, MANIFEST).encode()).hexdigest()


def _produced(folder: Path, key: Key) -> Iterator[Path]:
    """The files of a folder, sorted."""
    for path in sorted(folder.rglob("*")):
        if path in (folder / MANIFEST, folder / USED, folder / LET_GO):
            raise HarnessError(f"{key}: a step cannot make a file named {path.name}")
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise HarnessError(f"{key}: {os.fspath(path.name)} is not a plain file")
        if not path.is_dir():
            yield path
