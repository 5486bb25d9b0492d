"""The command line: what is documented, and what becomes the accepted state."""

from __future__ import annotations

import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.expected.baselines import Baseline, read_baseline, write_baseline
from harness.pipeline.catalogue import EXPECTED
from harness.records import Measurement
from harness.reporting.results import CaseOutcome, CaseResult, Header, Machine
from harness.reporting.runlog import RunLog

Output = pytest.CaptureFixture[str]

BEFORE = {"zoo/timm/a": 17.2, "zoo/timm/b": 16.0}  # accepted centred SQNR, in dB


def sqnr(value: float) -> Measurement:
    return Measurement("centred_sqnr", value, "dB")


# ── help ──────────────────────────────────────────────────────────────────────────────────────


def helped(capsys: Output, *command: str) -> str:
    """What ``--help`` prints."""
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_every_command_says_what_it_is_for(capsys: Output) -> None:
    commands = re.findall(r"^    (\w+)", helped(capsys), re.MULTILINE)
    assert {"extract", "list", "export", "artifacts", "baseline", "report"} <= set(commands)
    for command in commands:
        assert helped(capsys, command).startswith(f"usage: python -m harness {command}")


def test_an_unknown_command_is_refused_with_the_known_ones(capsys: Output) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["exprot"])
    assert "invalid choice: 'exprot'" in capsys.readouterr().err


# ── list ──────────────────────────────────────────────────────────────────────────────────────


def test_list_names_every_row_and_documented_failure(capsys: Output) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 31
    assert sum("documented to fail: onnx" in line for line in lines) == 2


def test_list_shows_figures_as_printed_beside_the_pinned_variant(capsys: Output) -> None:
    assert main(["list", "gluon_resnext50_32x4d"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[:2] == ["resnext/timm/gluon_resnext50_32x4d", "resnext50_32x4d.gluon_in1k"]
    assert "top1 79.364%  top5 94.426%  macs 4.765G  params 25.029M  input_size 224px" in line


def test_list_refuses_an_unknown_row_with_the_nearest(capsys: Output) -> None:
    assert main(["list", "resnext50_32x4"]) == 2
    assert "no row is named 'resnext50_32x4'; nearest: resnext50_32x4d" in capsys.readouterr().err


def test_list_refuses_a_folder_without_pages(tmp_path: Path, capsys: Output) -> None:
    assert main(["list", "--expected", str(tmp_path)]) == 2
    assert f"error: {tmp_path / 'pages'}: no page; make one with" in capsys.readouterr().err


# ── baseline accept ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def expected(tmp_path: Path) -> Path:
    """Expectations with two rows accepted."""
    copy = tmp_path / "expected"
    shutil.copytree(EXPECTED, copy)
    accepted = {
        "zoo/timm/a": {"centred_sqnr": sqnr(17.2)},
        "zoo/timm/b": {"centred_sqnr": sqnr(16)},
    }
    write_baseline(copy / "baselines" / "parity-onnxruntime.toml", Baseline(accepted))
    return copy


def measured(
    row: str, value: float, *, weights: str = "seeded", backend: str = "onnxruntime"
) -> CaseResult:
    """A parity case as a run records it."""
    figure = replace(sqnr(value), conditions={"precision": "int8", "backend": backend})
    return CaseResult(
        f"suites/test_int8.py::test_parity[{row}]",
        CaseOutcome.PASSED,
        row=row,
        weights=weights,
        measurements=(Measurement("sqnr", 30.0, "dB"), figure),
    )


def write_log(folder: Path, *results: CaseResult, whole: bool = True) -> Path:
    """A run's log."""
    machine = Machine("Made-up CPU", 2, 2**33, "Linux")
    tools = {"onnxruntime": "1.32.0", "torch": "2.15.0"}
    log = RunLog(folder / "run.jsonl", Header("2030-01-01T00:00:00+00:00", machine, tools=tools))
    for result in results:
        log.record(result)
    log.finish() if whole else log.abandon()
    return log.path


def accept(log: Path, expected: Path) -> tuple[int, dict[str, float]]:
    """Exit code, and the accepted figures afterwards."""
    code = main(["baseline", "accept", str(log), "--expected", str(expected)])
    baseline = read_baseline(expected / "baselines" / "parity-onnxruntime.toml")
    return code, {row: one["centred_sqnr"].value for row, one in baseline.measurements.items()}


def test_accepting_changes_what_was_measured_and_keeps_the_rest(
    expected: Path, tmp_path: Path, capsys: Output
) -> None:
    log = write_log(tmp_path, measured("zoo/timm/a", 18.123), measured("zoo/timm/c", 20.0))
    code, accepted = accept(log, expected)
    assert (code, accepted) == (0, {"zoo/timm/a": 18.12, "zoo/timm/b": 16.0, "zoo/timm/c": 20.0})
    assert capsys.readouterr().out.splitlines() == [
        "parity-onnxruntime: zoo/timm/a: centred_sqnr 17.2 -> 18.12 dB",
        "parity-onnxruntime: zoo/timm/c: centred_sqnr nothing -> 20 dB",
    ]


@pytest.mark.shows(
    "a backend is held against another one's accepted figures", by="a file for each backend"
)
def test_each_backend_has_its_own_accepted_figures(expected: Path, tmp_path: Path) -> None:
    other = measured("zoo/timm/a", 12.0, backend="vendor")
    _, accepted = accept(write_log(tmp_path, other), expected)
    assert accepted == {"zoo/timm/a": 17.2, "zoo/timm/b": 16.0}
    made = read_baseline(expected / "baselines" / "parity-vendor.toml").measurements
    assert {row: one["centred_sqnr"].value for row, one in made.items()} == {"zoo/timm/a": 12.0}


def test_accepting_says_where_it_was_measured(expected: Path, tmp_path: Path) -> None:
    accept(write_log(tmp_path, measured("zoo/timm/a", 18.0)), expected)
    conditions = read_baseline(expected / "baselines" / "parity-onnxruntime.toml").conditions
    assert conditions == {"machine": "Made-up CPU", "onnxruntime": "1.32.0", "torch": "2.15.0"}


def test_accepting_twice_changes_nothing(expected: Path, tmp_path: Path) -> None:
    log = write_log(tmp_path, measured("zoo/timm/a", 18.0))
    accept(log, expected)
    before = (expected / "baselines" / "parity-onnxruntime.toml").read_bytes()
    accept(log, expected)
    assert (expected / "baselines" / "parity-onnxruntime.toml").read_bytes() == before


def test_speeds_are_accepted_by_backend_machine_row_and_precision(
    expected: Path, tmp_path: Path, capsys: Output
) -> None:
    told = {"backend": "openvino", "machine": "Made-up CPU (R) 2", "precision": "int8"}
    ratio = Measurement("offline_speed_ratio", 0.75, "", {**told, "spread": "0.01", "rounds": "9"})
    other = Measurement("throughput", 31.0, "img/s", told)
    case = "suites/test_throughput.py::test_speed_is_the_accepted_one[a]"
    result = CaseResult(case, CaseOutcome.PASSED, row="zoo/a", measurements=(ratio, other))
    assert accept(write_log(tmp_path, result), expected) == (0, BEFORE)
    path = expected / "baselines" / "speed-openvino-made-up-cpu-r-2.toml"
    assert read_baseline(path).measurements == {"zoo/a int8": {ratio.name: ratio}}
    assert "zoo/a int8: offline_speed_ratio nothing -> 0.75" in capsys.readouterr().out


NO_PARITY = CaseResult("suites/test_export.py::test_export[x]", CaseOutcome.PASSED, row="x")


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([], "neither int8 parity on seeded weights nor speed was measured"),
        ([NO_PARITY], "neither int8 parity on seeded weights nor speed was measured"),
        ([measured("x", 9.0, weights="published")], "neither int8 parity on seeded weights"),
        ([measured("x", math.nan)], "x: centred_sqnr is nan, and only a finite number"),
        ([measured("x", math.inf)], "x: centred_sqnr is inf, and only a finite number"),
    ],
    ids=["empty", "no parity", "published", "nan", "identical"],
)
def test_a_log_that_says_nothing_to_accept_is_refused(
    expected: Path, tmp_path: Path, capsys: Output, results: list[CaseResult], said: str
) -> None:
    assert accept(write_log(tmp_path, *results), expected) == (2, BEFORE)
    assert said in capsys.readouterr().err


def test_the_log_of_a_run_that_was_broken_off_is_refused(
    expected: Path, tmp_path: Path, capsys: Output
) -> None:
    log = write_log(tmp_path, measured("zoo/timm/a", 18.0), whole=False)
    assert accept(log, expected) == (2, BEFORE)
    assert f"error: {log}: incomplete: the run did not finish" in capsys.readouterr().err


def test_a_log_that_is_not_there_is_named(expected: Path, tmp_path: Path, capsys: Output) -> None:
    assert accept(tmp_path / "no.jsonl", expected) == (2, BEFORE)
    assert f"cannot read {tmp_path / 'no.jsonl'}: No such file" in capsys.readouterr().err
