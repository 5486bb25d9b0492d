"""Whole runs are added to past ones by themselves, where that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import RunGate

from harness.reporting.history import VARIABLE, History

pytest_plugins = ["pytester"]

MEASURES = """
from harness.records import Measurement

def test_measured(row_case, record):
    record.measured(Measurement("speed", 7.0, "1/s"))
"""
STOPPED = """
import pytest

def test_stopped(row_case):
    raise KeyboardInterrupt
"""


@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_whole_run_is_added(
    run_gate: RunGate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    folder = tmp_path / "history"
    if how == "variable":
        monkeypatch.setenv(VARIABLE, str(folder))
    run = run_gate(*([f"--history={folder}"] if how == "option" else []), test_a_b=MEASURES)
    assert run.code == 0
    assert f"history: {folder}" in run.printed
    (series,) = History(folder).figures("speed")
    assert [value for _, value in series.points] == [7.0]


PARITY = """
from harness.records import Measurement

def test_measured(row_case, record):
    record.measured(Measurement("centred_sqnr", 17.5, "dB"))
"""


def test_the_page_of_a_run_shows_parity_of_those_before_it(
    run_gate: RunGate, tmp_path: Path
) -> None:
    pages = []
    for _ in range(2):
        run = run_gate(f"--history={tmp_path / 'history'}", test_a_b=PARITY)
        pages.append(run.log_path.with_name(f"{run.log_path.name}.html").read_text("utf-8"))
    assert [page.count("centred_sqnr over past runs") > 0 for page in pages] == [False, True]


def test_past_runs_that_cannot_be_read_are_a_warning_and_the_run_is_kept(
    run_gate: RunGate, tmp_path: Path
) -> None:
    folder = tmp_path / "history"
    run_gate(f"--history={folder}", test_a_b=PARITY)
    (file,) = folder.glob("figures/*/*.parquet")
    file.write_bytes(b"PAR1 and no more")
    run = run_gate(f"--history={folder}", test_a_b=PARITY)
    assert run.code == 0
    assert "WARNING: added, but past runs cannot be read: " in run.printed
    assert len(list(folder.glob("runs/*/*.parquet"))) == 2
    assert run.log_path.with_name(f"{run.log_path.name}.html").exists()


def test_nothing_is_kept_unasked(run_gate: RunGate) -> None:
    assert "history" not in run_gate(test_a_b=MEASURES).printed


def test_a_run_that_was_stopped_is_not_added(run_gate: RunGate, tmp_path: Path) -> None:
    run_gate(f"--history={tmp_path / 'history'}", apart=True, test_a_b=MEASURES + STOPPED)
    assert not (tmp_path / "history").exists()


def test_a_folder_that_cannot_be_written_is_a_warning_and_changes_no_outcome(
    run_gate: RunGate, tmp_path: Path
) -> None:
    (tmp_path / "history").write_text("a file")
    run = run_gate(f"--history={tmp_path / 'history'}", test_a_b=MEASURES)
    assert run.code == 0
    assert "WARNING: not among past runs: " in run.printed
