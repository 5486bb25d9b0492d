"""Past runs are kept whole or not at all, and tell how rows and figures went."""

from __future__ import annotations

import multiprocessing
import re
from dataclasses import replace
from pathlib import Path

import made_runs
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.__main__ import main
from harness.errors import HarnessError
from harness.expected.baselines import Baseline, parity_file, write_baseline
from harness.records import Measurement
from harness.reporting.history import CASES, RUNS, History
from harness.reporting.history_site import write_site
from harness.reporting.results import CaseOutcome, Run
from harness.reporting.runlog import RunLog

ROW = made_runs.ROW
CLEAN = made_runs.RUNS / "clean.jsonl"


def logged(path: Path, run: Run, *, day: int, sqnr: float | None = None, failing: str = "") -> Path:
    """A log of this run on another day, with another centred SQNR, or a case that fails."""
    results = tuple(
        replace(
            one,
            outcome=CaseOutcome.FAILED if failing and failing in one.case else one.outcome,
            measurements=tuple(
                replace(figure, value=sqnr)
                if sqnr is not None and figure.name == "centred_sqnr"
                else figure
                for figure in one.measurements
            ),
        )
        for one in run.results
    )
    with RunLog(path, replace(run.header, started=f"2030-03-{day:02}T10:00:00+00:00")) as log:
        for one in results:
            log.record(one)
    return path


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Five days: the figure falls on the fourth, and a case fails on the second."""
    kept, run = History(tmp_path / "history"), made_runs.real("clean")
    for day, sqnr in enumerate((17.5, 17.6, 17.5, 15.1, 15.2), start=1):
        failing = "test_parity[" if day == 2 else ""
        log = logged(tmp_path / f"{day}.jsonl", run, day=day, sqnr=sqnr, failing=failing)
        assert kept.add(log)
    return kept


def test_a_figure_is_told_over_time_with_the_run_in_which_it_moved(history: History) -> None:
    (series,) = history.figures("centred_sqnr")
    assert (series.row, series.unit) == (ROW, "dB")
    assert [value for _, value in series.points] == [17.5, 17.6, 17.5, 15.1, 15.2]
    assert [when.day for when in series.steps] == [4]


def test_only_the_last_runs_are_told_where_that_is_asked(history: History) -> None:
    (series,) = history.figures("centred_sqnr", last=2)
    assert [when.day for when, _ in series.points] == [4, 5]
    assert len(history.figures("centred_sqnr", last=99)[0].points) == 5


def test_a_case_that_came_to_something_else_is_counted(history: History) -> None:
    unsteady = [one for one in history.courses("*/timm/*") if one.changes]
    assert [(one.case.partition("::")[2].partition("[")[0], one.changes) for one in unsteady] == [
        ("test_parity", 2)
    ]


@pytest.mark.parametrize("what", ["weights", "machine"])
def test_figures_of_other_weights_or_another_machine_are_other_figures(
    history: History, tmp_path: Path, what: str
) -> None:
    run = made_runs.real("clean")
    if what == "weights":
        run = replace(run, results=tuple(replace(one, weights="published") for one in run.results))
    else:
        other = replace(run.header.machine, cpu="another processor")
        run = replace(run, header=replace(run.header, machine=other))
    history.add(logged(tmp_path / "other.jsonl", run, day=6, sqnr=40.0))
    assert sorted(len(one.points) for one in history.figures("centred_sqnr")) == [1, 5]


def test_a_run_is_added_once(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert (history.add(CLEAN), history.add(CLEAN)) == (True, False)
    assert len(list(tmp_path.rglob("*.parquet"))) == 3


def add_clean(root: Path) -> None:
    History(root).add(CLEAN)


def test_many_processes_that_add_the_same_run_add_it_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(4) as pool:
        pool.map(add_clean, [tmp_path] * 8)
    assert len(list(tmp_path.rglob("*.parquet"))) == 3
    assert not list(tmp_path.rglob("*.partial"))
    assert len(History(tmp_path).figures("centred_sqnr")[0].points) == 1


def test_what_was_killed_before_its_end_does_not_count_and_is_added_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, write = History(tmp_path), History._write

    def killed(self: History, table: str, *rest: object) -> None:
        if table == RUNS:
            raise KeyboardInterrupt
        write(self, table, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(History, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        history.add(CLEAN)
    assert (tmp_path / CASES).exists()
    with pytest.raises(HarnessError, match="no run is here"):
        history.figures("centred_sqnr")
    monkeypatch.undo()
    assert history.add(CLEAN)
    assert len(history.figures("centred_sqnr")[0].points) == 1


def test_a_log_that_is_not_whole_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    log = tmp_path / "half.jsonl"
    log.write_bytes(CLEAN.read_bytes()[:-100])
    with pytest.raises(HarnessError, match=r"half\.jsonl"):
        History(tmp_path / "history").add(log)
    assert not (tmp_path / "history").exists()


def test_a_file_that_is_none_of_ours_is_told(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add(CLEAN)
    (file,) = (tmp_path / "figures").glob("*/*.parquet")
    file.write_bytes(b"PAR1 and no more")
    with pytest.raises(HarnessError, match="figures: cannot be read"):
        history.figures("centred_sqnr")
    file.unlink()
    with pytest.raises(HarnessError, match="figures: cannot be read"):
        history.figures("centred_sqnr")


def test_what_belongs_to_no_run_is_not_read(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add(CLEAN)
    (tmp_path / "figures" / "day=2030-01-01").mkdir()
    (tmp_path / "figures" / "day=2030-01-01" / "x.parquet").write_bytes(b"PAR1 and no more")
    assert len(history.figures("centred_sqnr")) == 1


@pytest.mark.parametrize(
    ("bound", "told"),
    [("LARGEST_FILE", "more than 100 B"), ("MOST_LINES", "more than 100 lines")],
)
def test_a_file_that_is_too_large_is_refused_before_it_is_read(
    bound: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(tmp_path)
    history.add(logged(tmp_path / "large.jsonl", made_runs.gate(20), day=1))
    monkeypatch.setattr(f"harness.reporting.history.{bound}", 100)
    with pytest.raises(HarnessError, match=rf"\.parquet: {told}, none of ours"):
        history.courses("*")


def test_a_table_of_somebody_elses_is_told(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add(CLEAN)
    (tmp_path / "runs" / "day=2030-01-01").mkdir()
    table = pa.table({"run": ["x"], "price": [1.5]})
    pq.write_table(table, tmp_path / "runs" / "day=2030-01-01" / "x.parquet")
    with pytest.raises(HarnessError, match="runs: cannot be read: a file in it has not all"):
        history.figures("centred_sqnr")


def test_any_text_of_a_log_is_kept(tmp_path: Path) -> None:
    log = logged(tmp_path / "hostile.jsonl", made_runs.hostile(), day=1)
    history = History(tmp_path / "history")
    history.add(log)
    assert len(history.courses("resnext/*")) >= len(made_runs.HOSTILE)


def test_the_command_tells_figures_and_unsteady_cases(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", "show", ROW, f"--history={history.root}"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    on = "backend=onnxruntime images=16 precision=int8 weights=seeded"
    assert f"centred_sqnr [dB] {on} 5 15.1" in printed
    assert "15.2 2030-03-04" in printed
    assert "2 × suites/test_int8.py::test_parity[" in printed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["show", "nix"], "no row and no figure is called 'nix'; figures are "),
        (["add", "nowhere.jsonl"], "cannot read nowhere.jsonl"),
    ],
)
def test_what_is_not_there_is_told(
    words: list[str], told: str, history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", *words, f"--history={history.root}"]) == 2
    assert told in capsys.readouterr().err


# ── the site ──────────────────────────────────────────────────────────────────────────────────


def test_the_site_has_a_page_a_row_and_marks_where_a_figure_moved(
    history: History, tmp_path: Path
) -> None:
    out = tmp_path / "site"
    assert write_site(history, out) == 2
    index = (out / "index.html").read_text("utf-8")
    (file,) = set(re.findall(rf'href="([^"]+)">{ROW}<', index))
    page = (out / file).read_text("utf-8")
    assert "centred_sqnr: 5 runs, from 15.1 to 17.6 dB, last 15.2, moved 2030-03-04" in page
    assert page.count("<polyline") == 1, "figures that never moved are told in words"
    assert "2 changes in 5 runs (50 %), last" in page


def row_page(out: Path) -> str:
    """The page of the row that every run of these tests has."""
    index = (out / "index.html").read_text("utf-8")
    (file,) = set(re.findall(rf'href="([^"]+)">{ROW}<', index))
    return (out / file).read_text("utf-8")


def test_the_site_shows_the_accepted_band_by_the_expectations_at_hand(
    history: History, tmp_path: Path
) -> None:
    out, expected = tmp_path / "site", tmp_path / "expected"
    (expected / "baselines").mkdir(parents=True)
    write_baseline(
        parity_file(expected, backend="onnxruntime"),
        Baseline({ROW: {"centred_sqnr": Measurement("centred_sqnr", 17.6, "dB")}}),
    )
    words = ["history", "site", f"--history={history.root}", f"--out={out}"]
    assert main([*words, f"--expected={expected}"]) == 0
    assert "moved 2030-03-04, accepted from 17.3 to 17.9" in row_page(out)
    assert main([*words, f"--expected={tmp_path}"]) == 0
    assert "accepted from" not in row_page(out)


def test_the_site_tells_from_when_on_versions_were_others(history: History, tmp_path: Path) -> None:
    run = made_runs.real("clean")
    tools = {**run.header.tools, "torch": "99.0"}
    newer = replace(run, header=replace(run.header, tools=tools))
    history.add(logged(tmp_path / "newer.jsonl", newer, day=6, sqnr=15.2))
    elsewhere = replace(run.header.machine, cpu="another processor")
    other = replace(run, header=replace(run.header, machine=elsewhere))
    history.add(logged(tmp_path / "other.jsonl", other, day=7, sqnr=15.2))
    write_site(history, tmp_path / "site")
    assert "other versions since 2030-03-06" in row_page(tmp_path / "site")
    index = (tmp_path / "site/index.html").read_text("utf-8")
    assert index.count("→ 99.0") == 1, "another machine has versions of its own"


def test_the_site_lists_known_issues_by_age_and_rows_by_time(tmp_path: Path) -> None:
    history = History(tmp_path / "history")
    known = ["test_parity["], ["test_parity[", "test_fp32_in"], ["test_fp32_in"]
    for day, names in enumerate(known, start=1):
        run = made_runs.real("clean")
        results = tuple(
            replace(one, outcome=CaseOutcome.KNOWN_ISSUE)
            if any(name in one.case for name in names)
            else one
            for one in run.results
        )
        history.add(logged(tmp_path / f"{day}.jsonl", replace(run, results=results), day=day))
    write_site(history, tmp_path / "site")
    index = (tmp_path / "site/index.html").read_text("utf-8")
    assert re.findall(r"<li>for (\d+ days?), since ([\d-]+): \S+::(\w+)", index) == [
        ("1 day", "2030-03-02", "test_fp32_in_the_backend_agrees_with_its_source")
    ], "what is known no more is none"
    slowest = re.findall(r"<li>([\d.]+) s: ", index)
    assert slowest == sorted(slowest, key=float, reverse=True)
    assert len(slowest) == 2


def test_the_site_asks_for_nothing_and_texts_stay_texts(tmp_path: Path) -> None:
    history = History(tmp_path / "history")
    history.add(logged(tmp_path / "hostile.jsonl", made_runs.hostile(), day=1))
    write_site(history, tmp_path / "site")
    for path in (tmp_path / "site").glob("*.html"):
        text = path.read_text("utf-8")
        assert "default-src 'none'" in text
        assert not re.search(r"<(script|iframe|img|link|form)|<a href=\"(?!row-|index)", text)


def test_an_earlier_site_is_replaced_and_another_folder_is_not(
    history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["history", "site", f"--history={history.root}"]
    site, other = tmp_path / "site", tmp_path / "other"
    assert [main([*words, f"--out={site}"]) for _ in range(2)] == [0, 0]
    other.mkdir()
    (other / "index.html").write_text("somebody's")
    assert main([*words, f"--out={other}"]) == 2
    assert "has something that is no site of past runs" in capsys.readouterr().err
    assert (other / "index.html").read_text() == "somebody's"
