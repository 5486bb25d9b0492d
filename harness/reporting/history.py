"""Runs of the past, kept as Parquet, a file a run and table, and looked through by row or figure.

<root>/cases/day=2030-01-31/<run>.parquet     what came of each case
<root>/figures/day=2030-01-31/<run>.parquet   each measured figure
<root>/runs/day=2030-01-31/<run>.parquet      what ran, where, on which versions; written last

A run is there once its file in ``runs`` is. Files are written beside their names and renamed, and a
run's name is made of its log: two processes that add one run write the same, and one that is killed
leaves nothing that counts. Nothing that is there is changed.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import HarnessError, one_line
from harness.reporting.levels import steps
from harness.reporting.results import CaseOutcome, Run
from harness.reporting.runlog import LARGEST_LOG, read
from harness.runtime import atomic
from harness.runtime.foreign import read_bytes
from harness.runtime.store.quantities import size_text

if TYPE_CHECKING:
    import pyarrow as pa

VARIABLE: Final = "ZOO_HISTORY"
"""Names the folder, where no option does."""

CASES: Final = "cases"
FIGURES: Final = "figures"
RUNS: Final = "runs"
AT_ONCE: Final = 256
"""Series that are made of Arrow's columns at a time."""
LARGEST_FILE: Final = 64 * 2**20
MOST_LINES: Final = 1_000_000
"""Bytes and lines of one file: of a run of 5,000 cases there are 2 MiB and 50,000 lines."""
TOLD: Final = 300
"""Characters of what a case says that are kept; its log has all of it."""

_ON: Final = ("row", "name", "unit", "on")
"""What tells one figure from another."""

_COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    CASES: dict.fromkeys(
        ("run", "case", "row", "backend", "precision", "outcome", "told"), "string"
    )
    | {"seconds": "double"},
    FIGURES: dict.fromkeys(("run", "row", "on", "name", "unit"), "string") | {"value": "double"},
    RUNS: dict.fromkeys(("run", "machine", "tools", "options"), "string")
    | {"started": "timestamp[us, tz=UTC]", "exit_status": "int32"},
}
"""Columns of each table with their types, as Arrow writes them."""


@dataclass(frozen=True, slots=True)
class Series:
    """One figure of a row over time.

    Attributes:
        on: what it was measured on: backend, precision and the like; the machine, where the runs
            had several.
        points: when a run started, and what it measured; the oldest first.
    """

    row: str
    name: str
    unit: str
    on: str
    points: tuple[tuple[datetime, float], ...]

    @property
    def conditions(self) -> dict[str, str]:
        """What it was measured on, one by one."""
        words = (word.partition("=") for word in self.on.split())
        return {name: value for name, sign, value in words if sign}

    @property
    def is_constant(self) -> bool:
        """Whether it has always been the same."""
        return len({value for _, value in self.points}) == 1

    @property
    def steps(self) -> tuple[datetime, ...]:
        """The runs in which it came to another level."""
        values = [value for _, value in self.points]
        return tuple(self.points[place][0] for place in steps(self.name, self.unit, values))


@dataclass(frozen=True, slots=True)
class Course:
    """What came of one case over time.

    Attributes:
        outcomes: when a run started, and the outcome; the oldest first.
        seconds: what it took in the last run.
    """

    row: str
    case: str
    outcomes: tuple[tuple[datetime, str], ...]
    seconds: float

    @property
    def changes(self) -> int:
        """How often it came to something else than in the run before."""
        return sum(old != new for (_, old), (_, new) in pairwise(self.outcomes))

    @property
    def rate(self) -> float:
        """The share of runs, but for the first, in which it did."""
        return self.changes / max(len(self.outcomes) - 1, 1)

    @property
    def known_since(self) -> datetime | None:
        """Since when it has been a known issue without a break; None where it is none now."""
        since = None
        for when, outcome in reversed(self.outcomes):
            if outcome != CaseOutcome.KNOWN_ISSUE:
                break
            since = when
        return since


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run: when it started, on what machine and versions, and how many cases came to what."""

    started: datetime
    machine: str
    tools: Mapping[str, str]
    outcomes: Mapping[str, int]


class History:
    """The runs below one folder. Nothing is touched before it is used."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, log: Path) -> bool:
        """Add the run of a whole log; False where it is there already.

        Raises:
            HarnessError: the log is not whole, or the folder cannot be written.
        """
        run = read(log)
        content = hashlib.sha256(read_bytes(log, most=LARGEST_LOG)).hexdigest()
        started = _moment(run.header.started, log)
        name = f"{started:%Y%m%dT%H%M%S}-{content[:12]}"
        if self._path(RUNS, started, name).exists():
            return False
        tables = {CASES: _cases(run), FIGURES: _figures(run), RUNS: [_described(run, started)]}
        for table, lines in tables.items():
            self._write(table, started, name, lines)
        return True

    def figures(self, what: str | None = None, *, last: int | None = None) -> list[Series]:
        """Every figure of the rows, or of the name, that a pattern names, over the last runs; all
        where none is given.

        Raises:
            HarnessError: there is no such row or figure, or a file is none of ours.
        """
        runs = self._runs(last)
        lines = self._grouped(FIGURES, runs, _ON, "value")
        return _series(lines if what is None else _chosen(what, lines, ("row", "name")), runs)

    def parity(self, *, last: int | None = None) -> list[Series]:
        """Centred SQNR of all rows over the last runs; none where none was ever measured.

        Raises:
            HarnessError: there is no run, or a file is none of ours.
        """
        runs = self._runs(last)
        lines = self._grouped(FIGURES, runs, _ON, "value")
        return _series((one for one in lines if one["name"] == "centred_sqnr"), runs)

    def courses(self, what: str, *, last: int | None = None) -> list[Course]:
        """What came of every case of the rows that a pattern names; none where it names a figure.

        Raises:
            HarnessError: a file is none of ours.
        """
        runs = self._runs(last)
        courses = []
        for line in self._grouped(CASES, runs, ("row", "case"), "outcome", "seconds"):
            if fnmatchcase(line["row"], what):
                when = [runs[run][0] for run in line["run"]]
                came = sorted(zip(when, line["outcome"], line["seconds"], strict=True))
                outcomes = tuple((started, outcome) for started, outcome, _ in came)
                courses.append(Course(line["row"], line["case"], outcomes, came[-1][2]))
        return sorted(courses, key=lambda one: (one.row, one.case))

    def runs(self, *, last: int | None = None) -> list[PastRun]:
        """The runs, the oldest first.

        Raises:
            HarnessError: there is none, or a file is none of ours.
        """
        chosen = self._newest(last)
        counts: dict[str, Counter[str]] = {line["run"]: Counter() for line in chosen}
        started = {line["run"]: (line["started"], line["machine"]) for line in chosen}
        for line in self._grouped(CASES, started, ("outcome",)):
            for run in line["run"]:
                counts[run][line["outcome"]] += 1
        return [
            PastRun(
                line["started"], line["machine"], json.loads(line["tools"]), counts[line["run"]]
            )
            for line in chosen
        ]

    def _runs(self, last: int | None) -> dict[str, tuple[datetime, str]]:
        """When the runs started and on what machine, by their names, the oldest first."""
        return {one["run"]: (one["started"], one["machine"]) for one in self._newest(last)}

    def _newest(self, last: int | None) -> list[dict[str, Any]]:
        files = sorted((self.root / RUNS).glob("*/*.parquet"))
        read = self._read(RUNS, files) if files else None
        lines = sorted(read.to_pylist() if read else [], key=lambda line: line["started"])
        chosen = lines if last is None else lines[max(0, len(lines) - last) :]
        if not chosen:
            raise HarnessError(f"{self.root}: no run is here; add one: history add RUN.jsonl")
        return chosen

    def _grouped(
        self,
        table: str,
        runs: Mapping[str, tuple[datetime, str]],
        keys: Sequence[str],
        *columns: str,
    ) -> Iterator[dict[str, Any]]:
        """What runs have in a table, by some of its columns: lists of runs and of other columns."""
        files = [self._path(table, started, run) for run, (started, _) in runs.items()]
        found = self._read(table, files, columns=("run", *keys, *columns))
        lists = [(name, "list") for name in ("run", *columns)]
        grouped = found.group_by(list(keys), use_threads=False).aggregate(lists)
        renamed = {f"{name}_list": name for name, _ in lists}
        grouped = grouped.rename_columns([renamed.get(one, one) for one in grouped.column_names])
        for batch in grouped.to_batches(max_chunksize=AT_ONCE):
            yield from batch.to_pylist()

    def _read(self, table: str, files: Sequence[Path], *, columns: Sequence[str] = ()) -> pa.Table:
        import pyarrow as pa
        from pyarrow import dataset

        folder = self.root / table
        try:
            for file in files:
                if file.stat().st_size > LARGEST_FILE:
                    raise HarnessError(f"{file}: more than {size_text(LARGEST_FILE)}, none of ours")
            found = dataset.dataset(
                [str(file) for file in files], schema=_schema(table), format="parquet"
            )
            for part in found.get_fragments():
                if part.metadata.num_rows > MOST_LINES:
                    raise HarnessError(f"{part.path}: more than {MOST_LINES} lines, none of ours")
            read = found.to_table(columns=list(columns or _COLUMNS[table]))
        except (OSError, pa.ArrowException) as error:
            raise HarnessError(f"{folder}: cannot be read: {one_line(error)}") from error
        if any(read[name].null_count for name in read.column_names if name != "exit_status"):
            raise HarnessError(f"{folder}: cannot be read: a file in it has not all columns")
        return read

    def _write(
        self, table: str, started: datetime, name: str, lines: Iterable[Mapping[str, object]]
    ) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._path(table, started, name)
        made = [{"run": name, **line} for line in lines]
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(made, schema=_schema(table)), sink)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HarnessError(f"cannot write {path}: {error.strerror or error}") from error
        atomic.write_bytes(path, sink.getvalue().to_pybytes())

    def _path(self, table: str, started: datetime, name: str) -> Path:
        return self.root / table / f"day={started:%Y-%m-%d}" / f"{name}.parquet"


def _series(
    lines: Iterable[Mapping[str, Any]], runs: Mapping[str, tuple[datetime, str]]
) -> list[Series]:
    """Figures over time; apart by machine, where the runs had several."""
    several = len({machine for _, machine in runs.values()}) > 1
    points: dict[tuple[str, str, str, str], list[tuple[datetime, float]]] = {}
    for line in lines:
        row, name, unit, on = (line[key] for key in _ON)
        for run, value in zip(line["run"], line["value"], strict=True):
            started, machine = runs[run]
            told = f"{on} on {machine}".strip() if several else on
            points.setdefault((row, name, unit, told), []).append((started, value))
    return [Series(*key, tuple(sorted(points[key]))) for key in sorted(points)]


def _schema(table: str) -> pa.Schema:
    import pyarrow as pa

    types: Mapping[str, Callable[[], Any]] = {
        "string": pa.string,
        "double": pa.float64,
        "int32": pa.int32,
        "timestamp[us, tz=UTC]": lambda: pa.timestamp("us", tz="UTC"),
    }
    return pa.schema([(name, types[kind]()) for name, kind in _COLUMNS[table].items()])


def _moment(text: str, log: Path) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise HarnessError(f"{log}:1: started {text!r}, expected a time as ISO 8601") from error


def _cases(run: Run) -> Iterable[Mapping[str, object]]:
    for one in run.results:
        told = one.verdict.headline if one.verdict is not None else one.reason
        yield {
            "case": _plain(one.case),
            "row": _plain(one.row),
            "backend": _plain(one.backend),
            "precision": _plain(one.precision),
            "outcome": str(one.outcome),
            "told": _plain(told)[:TOLD],
            "seconds": one.duration_s,
        }


def _figures(run: Run) -> Iterable[Mapping[str, object]]:
    for result in run.results:
        for one in result.measurements:
            on = {
                "backend": result.backend,
                "precision": result.precision,
                "weights": result.weights,
                "case": "" if result.row else result.case.partition("[")[2].removesuffix("]"),
                **one.conditions,
            }
            told = " ".join(f"{key}={value}" for key, value in sorted(on.items()) if value)
            yield {
                "row": _plain(result.row),
                "on": _plain(told),
                "name": _plain(one.name),
                "unit": _plain(one.unit),
                "value": one.value,
            }


def _described(run: Run, started: datetime) -> Mapping[str, object]:
    machine = run.header.machine
    return {
        "started": started,
        "machine": _plain(f"{machine.cpu}, {machine.cores} cores, {machine.platform}"),
        "tools": json.dumps(dict(run.header.tools), sort_keys=True),
        "options": json.dumps(dict(run.header.options), sort_keys=True),
        "exit_status": run.exit_status,
    }


def _plain(text: str) -> str:
    """Text that UTF-8 can hold."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _chosen(
    what: str, lines: Iterable[Mapping[str, Any]], columns: Sequence[str]
) -> list[Mapping[str, Any]]:
    """The lines of the first column in which a pattern names something."""
    found: dict[str, list[Mapping[str, Any]]] = {column: [] for column in columns}
    names = set()
    for line in lines:
        names.add(line[columns[-1]])
        column = next((one for one in columns if fnmatchcase(line[one], what)), None)
        if column is not None:
            found[column].append(line)
    chosen = next((found[column] for column in columns if found[column]), [])
    if not chosen:
        told = ", ".join(sorted(names)) or "none"
        raise HarnessError(f"no row and no figure is called {what!r}; figures are {told}")
    return chosen
