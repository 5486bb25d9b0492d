"""``bench`` from a shell, with stand-ins for what takes minutes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from benchmarks import bare, command, gate
from benchmarks.bare import BareJob, BareRow, read_jobs, run_bare
from benchmarks.measuring import Usage
from benchmarks.stopwatch import StepCost
from harness.errors import HarnessError
from harness.expected.variants import Variant

ROW = "resnext/timm/resnext50_32x4d"
Command = Callable[..., tuple[int, str, str]]


def usage(exit_code: int = 0) -> Usage:
    return Usage(exit_code, 1.0, 2.0, 2**20, "PSS", 4, 2**20)


class Gate:
    """Stands in for the gate: notes its calls, fills the store, ends as it is told."""

    def __init__(self, *exit_codes: int) -> None:
        self.exit_codes = list(exit_codes)
        self.calls: list[tuple[list[str], bool]] = []

    def __call__(self, store: Path, arguments: Sequence[str], *, output: int) -> Usage:
        assert output == command.STDERR
        self.calls.append((list(arguments), any(store.iterdir()) if store.exists() else False))
        store.mkdir(exist_ok=True)
        (store / "entry").touch()
        return usage(self.exit_codes.pop(0))


@pytest.fixture
def bench(capfd: pytest.CaptureFixture[str]) -> Command:
    parser = command.parser()

    def run(*arguments: str) -> tuple[int, str, str]:
        args = parser.parse_args(arguments)
        return args.run(args), *capfd.readouterr()

    return run


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Gate]:
    def use(*exit_codes: int, bare_exit_code: int = 0) -> Gate:
        row = BareRow(ROW, usage(bare_exit_code), {"build": StepCost(1.0, 1.5)})
        monkeypatch.setattr(command, "run_bare", lambda jobs: iter([row] * len(jobs)))
        stand_in = Gate(*exit_codes)
        monkeypatch.setattr(command, "run_gate", stand_in)
        return stand_in

    return use


def test_gate_runs_cold_then_warm_with_the_arguments_passed_on(
    bench: Command, stand_in: Callable[..., Gate]
) -> None:
    found = stand_in(0, 0)
    code, text, _ = bench("gate", "--", "-k", "timm", "-x")
    assert code == 0
    assert found.calls == [(["-k", "timm", "-x"], False), (["-k", "timm", "-x"], True)]
    assert "pytest -n auto -k timm -x" in text


@pytest.mark.parametrize(
    ("exit_codes", "expected", "runs"),
    [((1, 0), 1, 2), ((0, 1), 1, 2), ((4,), 4, 1), ((-9,), 137, 1)],
)
def test_exit_code_of_the_gate_is_passed_through(
    bench: Command,
    stand_in: Callable[..., Gate],
    exit_codes: tuple[int, ...],
    expected: int,
    runs: int,
) -> None:
    found = stand_in(*exit_codes)
    assert bench("gate")[0] == expected
    assert len(found.calls) == runs


def test_store_is_kept_and_serves_a_warm_run(
    bench: Command, stand_in: Callable[..., Gate], tmp_path: Path
) -> None:
    found = stand_in(0, 0, 0)
    store = str(tmp_path / "store")
    assert bench("gate", "--store", store)[0] == 0
    assert bench("gate", "--warm-only", "--store", store)[0] == 0
    assert [full for _, full in found.calls] == [False, True, True]


def test_full_store_is_refused_for_a_cold_run(
    bench: Command, stand_in: Callable[..., Gate], tmp_path: Path
) -> None:
    found = stand_in(0)
    (tmp_path / "something").touch()
    code, _, told = bench("gate", "--store", str(tmp_path))
    assert (code, found.calls) == (2, [])
    assert "a first run would not be cold" in told


@pytest.mark.parametrize(
    ("store", "complaint"), [(False, "needs --store"), (True, "holds nothing")]
)
def test_warm_run_needs_a_full_store(
    bench: Command, tmp_path: Path, *, store: bool, complaint: str
) -> None:
    code, _, told = bench("gate", "--warm-only", *(["--store", str(tmp_path)] if store else []))
    assert code == 2
    assert complaint in told


def test_compare_writes_all_figures(
    bench: Command, stand_in: Callable[..., Gate], tmp_path: Path
) -> None:
    stand_in(0, 0)
    code, text, _ = bench("compare", "--row", ROW, "--json", str(tmp_path / "figures.json"))
    assert code == 0
    assert "CPU/bare" in text
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["bare"][0]["steps"] == {"build": {"wall_s": 1.0, "cpu_s": 1.5}}
    assert list(figures["gate"]) == ["cold", "warm"]
    assert figures["machine"]["cores"] >= 1


def test_bare_row_that_fails_fails_the_command(
    bench: Command, stand_in: Callable[..., Gate]
) -> None:
    stand_in(bare_exit_code=1)
    code, text, _ = bench("bare", "--row", ROW)
    assert code == 1
    assert f"FAILED: {ROW}" in text


def test_unknown_row_is_refused_with_the_nearest(bench: Command) -> None:
    code, _, told = bench("bare", "--row", "resnext/timm/resnext50_32x4")
    assert code == 2
    assert told == f"page 'resnext' has no row 'resnext/timm/resnext50_32x4', meant {ROW}?\n"


def test_every_documented_row_has_a_job() -> None:
    jobs = read_jobs("resnext")
    assert len(jobs) == 29
    assert {job.size for job in jobs} == {224}


def test_unknown_page_is_refused() -> None:
    with pytest.raises(HarnessError, match=r"mobilenet\.toml"):
        read_jobs("mobilenet")


def test_row_that_breaks_tells_where_and_leaves_no_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    variant = Variant("page/timm/nothing", "no-such-source", "nothing", "weights", "nothing")
    (row,) = run_bare([BareJob(variant, 224)])
    assert row.failed
    assert "invalid choice: 'no-such-source'" in row.log
    assert list(tmp_path.iterdir()) == []


def test_gate_is_pytest_from_the_repository_root_on_the_given_store(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: dict[str, object] = {}

    def note(asked: Sequence[str], **options: object) -> Usage:
        seen.update(options, command=list(asked[1:]))
        return usage(5)

    monkeypatch.setattr(gate, "measure", note)
    assert gate.run_gate(tmp_path, ["-x"]).exit_code == 5
    assert seen["command"] == ["-m", "pytest", "-n", "auto", "-x"]
    assert seen["environment"] == {"ZOO_STORE": str(tmp_path)}
    assert (Path(str(seen["cwd"])) / "pyproject.toml").is_file()
    assert seen["cwd"] == bare.ROOT
