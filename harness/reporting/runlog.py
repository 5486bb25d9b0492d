"""The run log: JSON Lines, appended while the run goes on, and provably whole at the end.

The first line is the header, then comes a line a case, and the last line is the footer with the
counts and the SHA-256 of all bytes before it. Each line is on the disk before the next is begun,
so that a run that is killed keeps what it had; without its footer it never counts as finished.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from harness.errors import HarnessError, quoted
from harness.reporting import encoding
from harness.reporting.results import CaseResult, Header, Run
from harness.runtime.foreign import read_bytes

SCHEMA = 1
"""Version of the log's layout."""

Decoded = TypeVar("Decoded")

LARGEST_LOG = 2**28
"""Bytes; the gate on 29 rows writes about 1 MiB."""

UNFINISHED = "incomplete: the run did not finish"


def now() -> str:
    """This moment in UTC, to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class RunLog:
    """The one writer of one run's log; it belongs in the controlling process.

    As a context manager it finishes the log where the block ends well, and leaves it unfinished
    where it does not.
    """

    def __init__(self, path: Path, header: Header) -> None:
        """Create the log and write its header.

        Raises:
            HarnessError: the file exists already, or cannot be created.
        """
        self.path = path
        self._counts: Counter[str] = Counter()
        self._digest = hashlib.sha256()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "xb", buffering=0)  # noqa: SIM115
        except FileExistsError:
            raise HarnessError(f"{path} is there already; a run log is never overwritten") from None
        except OSError as error:
            raise HarnessError(f"cannot create {path}: {error.strerror or error}") from error
        try:
            self._append({"kind": "header", "schema": SCHEMA, **encoding.encode(header)})
        except HarnessError:
            path.unlink(missing_ok=True)  # nothing stands in it
            raise

    def record(self, result: CaseResult) -> None:
        """Append one case's result.

        Raises:
            HarnessError: it cannot be written, or the log is finished.
        """
        self._append({"kind": "case", **encoding.encode(result)})
        self._counts[result.outcome] += 1

    def finish(self, *, exit_status: int = 0) -> None:
        """Append the footer and close the log; a second time does nothing.

        Raises:
            HarnessError: it cannot be written.
        """
        if self._file.closed:
            return
        footer = {
            "kind": "footer",
            "finished": now(),
            "exit_status": exit_status,
            "counts": {str(outcome): self._counts[outcome] for outcome in sorted(self._counts)},
            "sha256": self._digest.hexdigest(),
        }
        self._append(footer)
        self._file.close()

    def abandon(self) -> None:
        """Close the log without a footer: the run did not finish."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.abandon()

    def _append(self, record: Mapping[str, Any]) -> None:
        if self._file.closed:
            raise HarnessError(f"{self.path} is closed, nothing can be added to it")
        line = json.dumps(record, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        before = self._file.tell()
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(before)  # half a line, or a footer of which nothing is sure
            self._file.close()  # nothing may follow it
            raise HarnessError(f"cannot write {self.path}: {error.strerror or error}") from error
        self._digest.update(line)


def read(path: Path, *, allow_incomplete: bool = False) -> Run:
    """Read a run log and prove that it is whole.

    Args:
        path: the log.
        allow_incomplete: return what is there, with ``problem`` set, where the run did not
            finish or the footer does not fit the lines before it.

    Raises:
        HarnessError: the file cannot be read, a line is no record, or the log is not whole.
    """
    try:
        data = read_bytes(path, most=LARGEST_LOG)
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror or error}") from error
    *lines, rest = data.split(b"\n")
    records = [_parsed(path, number, line) for number, line in enumerate(lines, start=1)]
    if not records or records[0].get("kind") != "header":
        raise HarnessError(f"{path}: does not begin with the header of a run log")
    if records[0].get("schema") != SCHEMA:
        raise HarnessError(
            f"{path}:1: schema {quoted(records[0].get('schema'))}, this version reads {SCHEMA}"
        )
    footer = records.pop() if records[-1].get("kind") == "footer" else None
    header = _decoded(f"{path}:1", encoding.header, records[0], kind="header")
    results = tuple(
        _decoded(f"{path}:{number}", encoding.case_result, record, kind="case")
        for number, record in enumerate(records[1:], start=2)
    )
    if footer is None:
        problem, footer = UNFINISHED, {}
    elif rest:
        problem = "altered: something follows the footer"
    else:
        digest = hashlib.sha256(b"".join(line + b"\n" for line in lines[:-1])).hexdigest()
        problem = _mismatch(footer, results, digest)
    if not isinstance(footer.get("exit_status"), int | None):
        raise HarnessError(f"{path}: the footer's exit_status is {quoted(footer['exit_status'])}")
    if problem and not allow_incomplete:
        raise HarnessError(f"{path}: {problem}")
    return Run(header, results, str(footer.get("finished", "")), footer.get("exit_status"), problem)


def _mismatch(footer: Mapping[str, Any], results: Iterable[CaseResult], digest: str) -> str:
    counts = Counter(str(result.outcome) for result in results)
    if footer.get("counts") != dict(counts):
        said = quoted(footer.get("counts"))
        return f"altered: the footer counts {said}, the log holds {dict(counts)}"
    if footer.get("sha256") != digest:
        return "altered: the lines are not those that the footer's SHA-256 was taken of"
    return ""


def _parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line, parse_constant=_refuse_constant, object_pairs_hook=_once)
    except RecursionError as error:
        raise HarnessError(f"{path}:{number}: damaged: nested too deeply") from error
    except ValueError as error:
        raise HarnessError(f"{path}:{number}: damaged: {error}") from error
    if not isinstance(record, dict):
        raise HarnessError(f"{path}:{number}: damaged: not a record")
    return record


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"key {quoted(twice)} stands here twice")
    return record


def _decoded(
    place: str,
    decode: Callable[[Mapping[str, Any]], Decoded],
    record: Mapping[str, Any],
    *,
    kind: str,
) -> Decoded:
    if record.get("kind") != kind:
        raise HarnessError(
            f"{place}: damaged: {quoted(record.get('kind'))} stands where a {kind} is expected"
        )
    try:
        return decode({key: value for key, value in record.items() if key != "kind"})
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise HarnessError(f"{place}: damaged: not a {kind} record: {error}") from error
