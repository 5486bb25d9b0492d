"""A table of answers on disk, in parts that are there whole or not at all.

<root>/<digest of the identity>/identity.json                 what was evaluated
                                00000500-00001000.<hash>.parquet  answers 500 to 999 of this shard
                                lock                          held by who evaluates

A part is written beside its name, synced, and renamed; its name carries the start of its own
SHA-256. There is no list of what is finished that could be ahead of the data: what is finished is
what is there and sound. Everything else is done again.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from harness.accuracy.identity import Identity, read_identity
from harness.accuracy.predictions import SCHEMA, Predictions
from harness.errors import HarnessError, MeasureError
from harness.runtime.atomic import write_bytes, write_text
from harness.runtime.foreign import read_bytes, read_text, real_path
from harness.runtime.private import make_private, require_private

LOG = logging.getLogger(__name__)

IDENTITY: Final = "identity.json"
IDENTITY_KEY: Final = b"zoo"  # in the metadata of each part
LARGEST_BYTES: Final = 2**28  # of a part; 500 answers have 50 kB
LARGEST_IDENTITY: Final = 2**20  # bytes; it has about 2 KiB
_PART: Final = re.compile(r"([0-9]{8})-([0-9]{8})\.([0-9a-f]{16})\.parquet", re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Answers ``first`` to ``stop`` of a shard, where they lie, and the table."""

    path: Path
    first: int
    stop: int
    table: Any


class ResultsFolder:
    """Where the answers of one identity are kept. Nothing is touched before it is used."""

    def __init__(self, root: Path, identity: Identity) -> None:
        self.identity = identity
        self.path = root / identity.digest

    @contextmanager
    def held(self) -> Iterator[None]:
        """Write to it, alone: of two processes that evaluate the same, one has to wait.

        Raises:
            HarnessError: another process has it, or it cannot be written.
        """
        require_private(self.path, what="the results folder")
        try:
            make_private(self.path)
            lock = FileLock(self.path / "lock")
            lock.acquire(timeout=0)
        except Timeout:
            raise HarnessError(f"{self.path} is being filled by another process") from None
        except OSError as error:
            raise HarnessError(f"cannot write {self.path}: {error.strerror or error}") from error
        try:
            if not _is_written(self.path / IDENTITY, self.identity.text):
                write_text(self.path / IDENTITY, self.identity.text)
            yield
        finally:
            lock.release()

    def parts(self) -> list[Part]:
        """What is finished, in order. What is damaged is logged and removed: it is done again.

        To be called while the folder is held.

        Raises:
            HarnessError: the folder cannot be read, or what is damaged cannot be removed.
        """
        sound, damaged = read_parts(self.path, self.identity)
        for path in damaged:
            try:
                path.unlink()
            except OSError as error:
                raise HarnessError(f"cannot remove {path}: {error.strerror or error}") from error
        return sound

    def write(self, first: int, table: Any) -> None:
        """Keep answers ``first`` and following; they are on the disk on return.

        Raises:
            HarnessError: they cannot be written.
        """
        stored = table.replace_schema_metadata({IDENTITY_KEY: self.identity.text.encode()})
        sink = pa.BufferOutputStream()
        pq.write_table(stored, sink, compression="zstd")
        data = sink.getvalue().to_pybytes()
        name = f"{first:08}-{first + table.num_rows:08}.{_checksum(data)}.parquet"
        write_bytes(self.path / name, data)

    def answers(self) -> Predictions:
        """All that is there and sound."""
        return _joined(self.identity, read_parts(self.path, self.identity)[0])


def open_results(path: Path) -> Predictions:
    """The answers in a folder, by its own account of what they are.

    Raises:
        MeasureError: it is no such folder, or not the one its name says.
    """
    require_private(path, what="the results folder")
    try:
        text = read_text(path / IDENTITY, most=LARGEST_IDENTITY)
    except (OSError, UnicodeDecodeError) as error:
        raise MeasureError(f"{path} holds no answers: {IDENTITY} cannot be read") from error
    identity = read_identity(text, where=str(path / IDENTITY))
    if real_path(path).name != identity.digest:
        raise MeasureError(f"{path} is not what its name says, expected {identity.digest}")
    return _joined(identity, read_parts(path, identity)[0])


def read_parts(path: Path, identity: Identity) -> tuple[list[Part], list[Path]]:
    """The sound parts of a folder, none of which overlap, and the files that are no such part.

    Raises:
        HarnessError: the folder cannot be read.
    """
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror or error}") from error
    parts: list[Part] = []
    damaged: list[Path] = []
    for name in names:
        match = _PART.fullmatch(name)
        if match is None:
            continue
        first, stop = int(match[1]), int(match[2])
        try:
            table = _read(path / name, match[3], identity, range(first, stop))
        except (OSError, ValueError, pa.ArrowException) as damage:
            LOG.warning("%s is damaged, its images are evaluated again: %s", path / name, damage)
            damaged.append(path / name)
            continue
        if parts and first < parts[-1].stop:
            LOG.warning("%s repeats answers that are there, left out", path / name)
            damaged.append(path / name)
            continue
        parts.append(Part(path / name, first, stop, table))
    return parts, damaged


def _read(path: Path, checksum: str, identity: Identity, places: range) -> Any:
    """The table of a part.

    Raises:
        ValueError, pa.ArrowException: it is not what was written, or of another identity.
    """
    data = read_bytes(path, most=LARGEST_BYTES)
    if _checksum(data) != checksum:
        raise ValueError("its content has changed")
    file = pq.ParquetFile(pa.BufferReader(data))
    groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
    unpacked = sum(group.total_byte_size for group in groups)
    if file.metadata.num_rows != len(places) or unpacked > LARGEST_BYTES:
        raise ValueError(f"it has {file.metadata.num_rows} answers in {unpacked} bytes")
    table = file.read()
    metadata = table.schema.metadata or {}
    if metadata.get(IDENTITY_KEY) != identity.text.encode():
        raise ValueError("it is about something else")
    table = table.replace_schema_metadata(None).cast(SCHEMA)
    shard, total = identity.shard, identity.images
    expected = list(shard.places(total)[places.start : places.stop])
    if table["position"].to_pylist() != expected or len(expected) != len(places):
        raise ValueError(f"it has {table.num_rows} answers, or others than {places}")
    return table


def _joined(identity: Identity, parts: list[Part]) -> Predictions:
    tables = [part.table for part in parts]
    table = pa.concat_tables(tables) if tables else SCHEMA.empty_table()
    return Predictions(identity, table.sort_by("position"))


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _is_written(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False
