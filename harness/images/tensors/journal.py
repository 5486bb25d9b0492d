"""What of a cache is finished: a line for each chunk, written after its data is on the disk.

Each line is a part of its own SHA-256 and JSON. The first one says what the cache is of. A line
that is cut off or changed ends the journal: what stands behind it counts as never done. Only who
holds the cache's lock writes; anybody may read at any time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from harness.images.tensors.coding import LEVELS, Coding
from harness.images.tensors.pool import Bad
from harness.runtime.atomic import write_bytes
from harness.runtime.store import JSON

FORMAT: Final = 1
LIMIT_BYTES: Final = 256 * 1024**2  # a million bad files; what is larger is damaged
_DIGITS: Final = 16  # of each line's checksum


@dataclass(frozen=True, slots=True)
class CacheHeader:
    """What a cache is of.

    Attributes:
        name: of the pipeline, for people.
        key: everything the tensors depend on.
        count: files.
        chunk: images of which one line tells; the last chunk may have fewer.
    """

    name: str
    key: str
    count: int
    chunk: int
    coding: Coding

    @property
    def chunks(self) -> int:
        """How many there are."""
        return -(-self.count // self.chunk)

    def rows(self, chunk: int) -> range:
        """The places of a chunk's files."""
        return range(chunk * self.chunk, min(self.count, (chunk + 1) * self.chunk))


@dataclass(frozen=True, slots=True)
class FinishedChunk:
    """A finished chunk: the SHA-256 of its data, and which of all files are bad, by place."""

    sha256: str
    bad: Mapping[int, Bad]


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal as it was read. ``valid_bytes`` is where the next line belongs."""

    header: CacheHeader
    records: dict[int, FinishedChunk] = field(default_factory=dict)
    valid_bytes: int = 0


def read_journal(path: Path, known: Journal | None = None) -> Journal | None:
    """The part of a journal that is sound; None where there is no header that is.

    ``known``: what was read of the same file before; only what was added is read.

    Raises:
        OSError: it is there and cannot be read.
    """
    end = known.valid_bytes if known else 0
    try:
        with open(path, "rb") as file:
            file.seek(end)
            data = file.read(LIMIT_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    journal = Journal(known.header, dict(known.records)) if known else None
    for line in data.splitlines(keepends=True):
        try:
            content = _content(line)
            if journal is None:
                journal = Journal(_header(content))
            elif content["sha256"] is None:
                journal.records.pop(content["chunk"], None)
            else:
                journal.records[content["chunk"]] = _record(content, journal.header)
        except (ValueError, KeyError, TypeError, IndexError, RecursionError):
            break
        end += len(line)
    if journal is None:
        return None
    return Journal(journal.header, journal.records, end)


def start_journal(path: Path, header: CacheHeader) -> None:
    """Write a journal of which nothing is finished, in place of whatever was there.

    Raises:
        HarnessError: it cannot be written.
    """
    table = header.coding.table
    content: dict[str, JSON] = {
        "format": FORMAT,
        "name": header.name,
        "key": header.key,
        "count": header.count,
        "chunk": header.chunk,
        "shape": list(header.coding.shape),
        "table": None if table is None else base64.b64encode(_bytes(table)).decode(),
    }
    write_bytes(path, _line(content))


def append_record(
    path: Path, journal: Journal, chunk: int, record: FinishedChunk | None
) -> Journal:
    """Note a chunk as finished, or (None) as not finished any more; it is on disk on return.

    Call with the cache's lock held. What stands behind the sound part is cut off first.

    Raises:
        OSError: it cannot be written.
    """
    content: dict[str, JSON] = {"chunk": chunk, "sha256": record.sha256 if record else None}
    if record:
        content["bad"] = {str(i): [bad.reason, bad.ended] for i, bad in record.bad.items()}
    line = _line(content)
    with open(path, "r+b") as file:
        file.truncate(journal.valid_bytes)
        file.seek(journal.valid_bytes)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    records = {i: one for i, one in journal.records.items() if i != chunk}
    if record:
        records[chunk] = record
    return Journal(journal.header, records, journal.valid_bytes + len(line))


def _line(content: Mapping[str, JSON]) -> bytes:
    text = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
    return _checksum(text) + b" " + text + b"\n"


def _content(line: bytes) -> dict[str, Any]:
    checksum, _, text = line.partition(b" ")
    if not line.endswith(b"\n") or checksum != _checksum(text[:-1]):
        raise ValueError("not what was written")
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("no mapping")
    return content


def _checksum(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:_DIGITS].encode()


def _header(content: dict[str, Any]) -> CacheHeader:
    if content["format"] != FORMAT:
        raise ValueError("another format")
    channels, height, width = (int(side) for side in content["shape"])
    table = None
    if content["table"] is not None:
        values = np.frombuffer(base64.b64decode(content["table"]), "<f4")
        table = values.astype(np.float32).reshape(channels, LEVELS)
    coding = Coding((channels, height, width), table)
    count, chunk = int(content["count"]), int(content["chunk"])
    if min(channels, height, width, count, chunk) < 1:
        raise ValueError("sizes below one")
    return CacheHeader(content["name"], content["key"], count, chunk, coding)


def _record(content: dict[str, Any], header: CacheHeader) -> FinishedChunk:
    if not 0 <= content["chunk"] < header.chunks:
        raise ValueError("no such chunk")
    rows = header.rows(content["chunk"])
    bad = {int(i): Bad(reason, ended) for i, (reason, ended) in content["bad"].items()}
    if not all(i in rows for i in bad):
        raise ValueError("a file of another chunk")
    return FinishedChunk(content["sha256"], bad)


def _bytes(table: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> bytes:
    return table.astype("<f4").tobytes()
