"""A journal never says more than was written to it, wherever it is cut or changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.images.tensors.coding import Coding
from harness.images.tensors.journal import (
    CacheHeader,
    FinishedChunk,
    Journal,
    append_record,
    read_journal,
    start_journal,
)
from harness.images.tensors.pool import Bad

HEADER = CacheHeader("tiny", '{"key":1}', 100, 32, Coding((3, 8, 8), None))
RECORDS = {
    0: FinishedChunk("a" * 64, {}),
    2: FinishedChunk("b" * 64, {64: Bad("dämaged: Ünicode\n"), 90: Bad("hangs", ended=True)}),
    3: FinishedChunk("c" * 64, {}),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with three records."""
    path = tmp_path / "journal"
    start_journal(path, HEADER)
    journal = read_journal(path)
    for chunk, record in RECORDS.items():
        journal = append_record(path, journal, chunk, record)
    return path


def records(path: Path) -> dict[int, FinishedChunk] | None:
    journal = read_journal(path)
    return None if journal is None else journal.records


def test_what_was_written_is_read(path: Path) -> None:
    journal = read_journal(path)
    assert journal is not None
    assert journal.records == RECORDS
    assert journal.valid_bytes == path.stat().st_size
    assert (journal.header.key, journal.header.count) == (HEADER.key, HEADER.count)
    assert journal.header.coding.same_as(HEADER.coding)


def test_table_is_read_to_the_last_bit(tmp_path: Path) -> None:
    table = np.arange(768, dtype=np.float32).reshape(3, 256) / 7
    header = CacheHeader("tiny", "{}", 1, 32, Coding((3, 8, 8), table))
    start_journal(tmp_path / "journal", header)
    journal = read_journal(tmp_path / "journal")
    assert journal is not None
    assert journal.header.coding.same_as(header.coding)


def test_cut_anywhere_it_says_less_and_nothing_else(path: Path) -> None:
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        found = records(path)
        assert found is None or found == dict(list(RECORDS.items())[: len(found)])
        assert found != RECORDS


def test_any_byte_changed_it_says_less_and_nothing_else(path: Path) -> None:
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 16]) + data[place + 1 :])
        found = records(path)
        assert found is None or found == dict(list(RECORDS.items())[: len(found)])
        assert found != RECORDS


def test_line_after_a_torn_one_is_written_in_its_place(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])
    journal = read_journal(path)
    assert journal is not None
    append_record(path, journal, 1, FinishedChunk("d" * 64, {}))
    assert records(path) == {0: RECORDS[0], 2: RECORDS[2], 1: FinishedChunk("d" * 64, {})}


def test_chunk_that_is_taken_back_is_not_finished(path: Path) -> None:
    journal = read_journal(path)
    assert journal is not None
    journal = append_record(path, journal, 2, None)
    assert records(path) == journal.records == {0: RECORDS[0], 3: RECORDS[3]}


def test_what_is_known_is_not_read_again(path: Path) -> None:
    known = read_journal(path)
    assert known is not None
    append_record(path, known, 1, FinishedChunk("d" * 64, {}))
    data = path.read_bytes()
    path.write_bytes(bytes(known.valid_bytes) + data[known.valid_bytes :])
    found = read_journal(path, known)
    assert found is not None
    assert found.records == {**RECORDS, 1: FinishedChunk("d" * 64, {})}
    assert known.records == RECORDS


@pytest.mark.parametrize(
    ("chunk", "record"),
    [
        (4, FinishedChunk("e" * 64, {})),
        (-1, FinishedChunk("e" * 64, {})),
        (1, FinishedChunk("e" * 64, {31: Bad("")})),
    ],
)
def test_record_of_no_chunk_is_not_believed(path: Path, chunk: int, record: FinishedChunk) -> None:
    journal = read_journal(path)
    assert journal is not None
    append_record(path, journal, chunk, record)
    assert records(path) == RECORDS


@pytest.mark.parametrize("data", [b"", b"\0" * 1000, b"[]\n", b"{" * 100_000, b"\xff\xfe\n"])
def test_junk_is_no_journal(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert read_journal(path) is None


def test_no_file_is_no_journal(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "none") is None


def test_new_journal_has_nothing_finished(path: Path) -> None:
    start_journal(path, HEADER)
    found = read_journal(path)
    assert isinstance(found, Journal)
    assert found.records == {}
