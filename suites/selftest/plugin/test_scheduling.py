"""The scheduler in real runs of pytest-xdist: workers are processes, and some of them die."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest

import harness

pytest_plugins = ["pytester"]

HEAVY_BYTES = 8  # of a budget of 10
CONFTEST = """
import json, os, time
from pathlib import Path

import pytest

from harness.plugin.scheduling import RowGroup, make_scheduler

BYTES = {"big": 8, "huge": 9, "mid": 4}

def group_of(nodeid):
    slug = nodeid.partition("[")[2].rstrip("]")
    return RowGroup(slug or nodeid.partition("::")[0], BYTES.get(slug.rstrip("0123456789"), 1))

def pytest_xdist_make_scheduler(config, log):
    return make_scheduler(config, log, group_of=group_of, budget_bytes=10)

def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: -group_of(item.nodeid).bytes)

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    write("begin", item)
    try:
        return (yield)
    finally:
        write("end", item)

def write(what, item):
    event = {"what": what, "id": item.nodeid, "at": time.monotonic()}
    with open(f"{os.environ['PYTEST_XDIST_WORKER']}.jsonl", "a") as file:
        file.write(json.dumps(event) + "\\n")
"""
ROWS = """
import time, pytest

@pytest.mark.parametrize("row", {rows})
def test_{name}(row):
    time.sleep(0.02)
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of one test, with the clock of the machine; ``end`` is infinite for one that died."""

    id: str
    worker: str
    begin: float
    end: float

    @property
    def group(self) -> str:
        """The slug in brackets, or the file."""
        file, _, bracket = self.id.partition("[")
        return bracket.rstrip("]") or file.partition("::")[0]

    @property
    def is_heavy(self) -> bool:
        """Whether it needs more than half of the budget."""
        return self.group.startswith(("big", "huge"))


def heavy_at_once(runs: Sequence[Ran]) -> list[tuple[str, str]]:
    """Pairs of heavy tests that ran at the same time."""
    heavy = [ran for ran in runs if ran.is_heavy]
    return [
        (one.id, other.id)
        for one, other in combinations(heavy, 2)
        if one.begin < other.end and other.begin < one.end
    ]


def scattered(runs: Sequence[Ran]) -> list[str]:
    """Groups that ran on more than one worker."""
    workers = Counter(group for group, _ in {(ran.group, ran.worker) for ran in runs})
    return [group for group, number in workers.items() if number > 1]


def first_groups(runs: Sequence[Ran]) -> set[str]:
    """The groups that the workers began with."""
    begun = sorted(runs, key=lambda ran: ran.begin, reverse=True)
    return set({ran.worker: ran.group for ran in begun}.values())


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run: what ran, how it was counted, and what was printed."""

    runs: tuple[Ran, ...]
    outcomes: dict[str, int]
    code: int
    stdout: str

    @property
    def times(self) -> Counter[str]:
        """How often each test ran."""
        return Counter(ran.id for ran in self.runs)


Distribute = Callable[..., Run]


@pytest.fixture
def distribute(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Distribute:
    """Run files (name → source) with pytest-xdist and the scheduler under test."""
    monkeypatch.setenv("PYTHONPATH", str(Path(harness.__file__).parents[1]))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(*options: str, workers: int = 2, **files: str) -> Run:
        pytester.makeconftest(CONFTEST)
        pytester.makepyfile(**files)
        command = ("-p", "xdist.plugin", "-p", "no:cacheprovider", "-n", str(workers), *options)
        result = pytester.runpytest_subprocess(*command, timeout=60)
        outcomes = {} if "no tests ran" in result.stdout.str() else result.parseoutcomes()
        return Run(read_runs(pytester.path), outcomes, int(result.ret), result.stdout.str())

    return run


def read_runs(folder: Path) -> tuple[Ran, ...]:
    """What the workers wrote down."""
    runs = []
    for file in sorted(folder.glob("*.jsonl")):
        events = [json.loads(line) for line in file.read_text().splitlines()]
        ends = {event["id"]: event["at"] for event in events if event["what"] == "end"}
        runs += [
            Ran(event["id"], file.stem, event["at"], ends.get(event["id"], float("inf")))
            for event in events
            if event["what"] == "begin"
        ]
    return tuple(runs)


def rows(name: str, *slugs: str) -> str:
    """A file with a test for each row."""
    return ROWS.format(name=name, rows=list(slugs))


TWO_FILES = {
    "test_first": rows("first", "tiny1", "big1", "tiny2", "big2", "tiny3", "huge", "mid1"),
    "test_second": rows("second", "mid1", "huge", "tiny3", "big2", "tiny2", "big1", "tiny1"),
    "test_self": "def test_one(): pass\ndef test_two(): pass",
}


def test_heavy_rows_are_first_and_never_two_at_once(distribute: Distribute) -> None:
    run = distribute(**TWO_FILES)
    assert "huge" in first_groups(run.runs)
    assert "big1" not in first_groups(run.runs)
    assert heavy_at_once(run.runs) == []


def test_all_tests_of_a_row_run_on_one_worker_and_once(distribute: Distribute) -> None:
    run = distribute(**TWO_FILES)
    assert scattered(run.runs) == []
    assert (set(run.times.values()), run.outcomes) == ({1}, {"passed": 16})


def test_heavy_rows_alone_all_run(distribute: Distribute) -> None:
    """Two at once, where nothing else is left: what they use is reserved, and one of them waits."""
    run = distribute(test_heavy=rows("heavy", "big1", "big2", "big3"), workers=3)
    assert run.outcomes == {"passed": 3}


def test_one_worker_runs_the_heaviest_first(distribute: Distribute) -> None:
    run = distribute(test_a=rows("a", "tiny", "huge", "mid", "big"), workers=1)
    order = [ran.group for ran in sorted(run.runs, key=lambda ran: ran.begin)]
    assert order == ["huge", "big", "mid", "tiny"]


def test_more_workers_than_rows_all_come_home(distribute: Distribute) -> None:
    run = distribute(test_a=rows("a", "mid1", "mid2"), workers=4)
    assert (run.outcomes, len({ran.worker for ran in run.runs})) == ({"passed": 2}, 2)


CRASHING = """
import os, pytest

@pytest.mark.parametrize("row", ["big"])
class TestRow:
    def test_before(self, row): pass
    def test_crash(self, row): os._exit(1)
    def test_after(self, row): pass
    def test_last(self, row): pass
"""


@pytest.mark.shows(
    "a dead worker takes results along", by="the case is errored; what was not begun goes to others"
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_dead_worker_costs_one_test_and_no_other(distribute: Distribute, workers: int) -> None:
    files = {"test_crash": CRASHING, "test_other": rows("other", "mid1", "mid2", "tiny")}
    run = distribute(**files, workers=workers)
    assert set(run.times.values()) == {1}
    assert run.outcomes == {"passed": 6, "failed": 1}
    assert "crashed while running 'test_crash.py::TestRow::test_crash[big]'" in run.stdout


SINGLE = """
import os, pytest

@pytest.mark.parametrize("row", ["tiny1", "tiny2", "tiny3", "tiny4"])
def test_single(row):
    if row in {crash!r}:
        os._exit(1)
"""


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("crash", [["tiny1"], ["tiny4"], ["tiny2", "tiny3"]])
def test_no_worker_waits_for_ever_however_small_the_groups(
    distribute: Distribute, workers: int, crash: list[str]
) -> None:
    """A worker stands still with a single test in its queue, and groups have one each."""
    run = distribute(test_single=SINGLE.format(crash=crash), workers=workers)
    assert set(run.times.values()) == {1}
    assert run.outcomes == {"passed": 4 - len(crash), "failed": len(crash)}


SLOW_TO_COLLECT = """
import os, time

if os.environ["PYTEST_XDIST_WORKER"] == "gw2":
    time.sleep(1.5)
"""


def test_a_worker_that_collects_late_gets_its_tests_then(distribute: Distribute) -> None:
    """Both workers die, and of the two in their place one has collected long before the other."""
    source = SLOW_TO_COLLECT + SINGLE.format(crash=["tiny1", "tiny2", "tiny3"])
    run = distribute(test_single=source, workers=2)
    assert set(run.times.values()) == {1}
    assert run.outcomes == {"passed": 1, "failed": 3}


def test_xdists_own_grouping_runs_a_crashing_test_again(distribute: Distribute) -> None:
    run = distribute("--dist=loadscope", "--max-worker-restart=2", test_crash=CRASHING)
    assert run.times["test_crash.py::TestRow::test_crash[big]"] > 1


def test_a_run_ends_after_as_many_failures_as_are_allowed(distribute: Distribute) -> None:
    fail = rows("fail", *(f"tiny{number}" for number in range(40))) + "    assert False"
    run = distribute("--maxfail=2", test_fail=fail)
    assert "stopping after 2 failures" in run.stdout
    assert len(run.runs) < 40


def test_nothing_to_run_is_no_fault_of_the_scheduler(distribute: Distribute) -> None:
    run = distribute(test_none="")
    assert (run.code, run.outcomes) == (pytest.ExitCode.NO_TESTS_COLLECTED, {})


def test_workers_that_collect_different_tests_run_none(distribute: Distribute) -> None:
    source = "import os\nexec(f\"def test_{os.environ['PYTEST_XDIST_WORKER']}(): pass\")"
    run = distribute(test_differs=source)
    assert "Different tests were collected between gw" in run.stdout
    assert (run.code, run.runs) == (pytest.ExitCode.TESTS_FAILED, ())


# ── what the judges above must notice ─────────────────────────────────────────────────────────


def test_heavy_rows_that_overlap_are_noticed() -> None:
    runs = [Ran("t.py::t[big1]", "gw0", 0, 2), Ran("t.py::t[big2]", "gw1", 1, 3)]
    assert heavy_at_once(runs) == [("t.py::t[big1]", "t.py::t[big2]")]


def test_a_row_on_two_workers_is_noticed() -> None:
    runs = [Ran("t.py::t[mid]", "gw0", 0, 2), Ran("u.py::t[mid]", "gw1", 3, 4)]
    assert scattered(runs) == ["mid"]


def test_another_distribution_that_is_asked_for_stands(distribute: Distribute) -> None:
    run = distribute("--dist=loadfile", **TWO_FILES)
    assert set(scattered(run.runs)) == {"tiny1", "tiny2", "tiny3", "big1", "big2", "huge", "mid1"}
