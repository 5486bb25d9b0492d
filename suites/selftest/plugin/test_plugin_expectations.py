"""Expectations that cannot be used end a run before it begins, in one line."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import endings
import pytest
from small_runs import RunGate, spoil

from harness.__main__ import main
from harness.pipeline.catalogue import EXPECTED

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("pages/resnext.toml", 'page = "resnext"', 'page = "resnext', "pages/resnext.toml"),
        ("pages/resnext.toml", 'figure = "4.765"', 'figure = "4,765"', "4,765"),
        ("variants/resnext.toml", "network =", "netwrok =", "did you mean 'network'?"),
        (
            "variants/resnext.toml",
            "resnext50d_32x4d",
            "resnext50e_32x4d",
            "expected its variant",
        ),
        ("complexity/resnext.toml", '"thop"', '"thopp"', "thopp"),
        ("known_issues.toml", "", "[[issue]]\n", "known_issues.toml: issue[1]"),
    ],
    ids=["syntax", "figure", "key", "row", "counter", "issue"],
)
def test_a_spoilt_expectation_ends_the_run_with_one_line(
    run_gate: RunGate, expected: Path, file: str, old: str, new: str, said: str
) -> None:
    spoil(expected / file, old, new)
    run = run_gate(test_endings=endings.SOURCE)
    (error,) = run.errors
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert said in error
    assert not run.log_path.exists()


@pytest.mark.parametrize("file", ["pages", "variants", "complexity"])
def test_a_lost_expectation_ends_the_run_with_one_line(
    run_gate: RunGate, expected: Path, file: str
) -> None:
    (expected / file / "resnext.toml").unlink()
    run = run_gate(test_endings=endings.SOURCE)
    assert (run.code, len(run.errors)) == (pytest.ExitCode.USAGE_ERROR, 1)
    assert str(expected / file) in run.errors[0]


def test_a_run_log_is_never_overwritten(run_gate: RunGate, tmp_path: Path) -> None:
    old = tmp_path / "old.jsonl"
    old.write_text("kept")
    run = run_gate(f"--run-log={old}", test_endings=endings.SOURCE)
    assert (run.code, old.read_text()) == (pytest.ExitCode.USAGE_ERROR, "kept")
    assert "is there already" in run.printed


DAMAGES = {
    "not-utf8": lambda text: b"\xff" + text.encode(),
    "empty": lambda _: b"",
    "no-toml": lambda text: text.encode() + b"\n= 3\n",
    "unknown-key": lambda text: b"unknwon = 1\n" + text.encode(),
    "twice": lambda text: b"schema = 1\nschema = 1\n" + text.encode(),
    "digits": lambda text: f"schema = {'9' * 5000}\n{text}".encode(),
    "brackets": lambda text: f"schema = {'[' * 20_000}{']' * 20_000}\n{text}".encode(),
}
MAY_BE_EMPTY = {"known_issues.toml", "float_operators.toml"}
FILES = sorted(
    path.relative_to(EXPECTED).as_posix() for path in EXPECTED.rglob("*") if path.is_file()
)


def damaged(path: Path, damage: str) -> None:
    data = DAMAGES[damage](path.read_text())
    path.write_bytes(data.replace(b" = ", b": ") if path.suffix == ".yaml" else data)


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        (file, damage)
        for file in FILES
        for damage in DAMAGES
        if damage != "empty" or file not in MAY_BE_EMPTY
    ],
)
def test_each_file_is_read_before_the_first_case(
    run_gate: RunGate, expected: Path, file: str, damage: str
) -> None:
    damaged(expected / file, damage)
    run = run_gate(test_endings=endings.SOURCE)
    (error,) = run.errors
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert file in error
    assert len(error) < 1000
    assert "Traceback" not in run.printed
    assert not run.log_path.exists()


def test_what_is_no_file_is_not_read(run_gate: RunGate, expected: Path) -> None:
    for file in FILES:
        path = expected / file
        kept = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        run = run_gate(test_endings=endings.SOURCE)
        assert run.code == pytest.ExitCode.USAGE_ERROR
        assert file in run.errors[0]
        path.unlink()
        path.write_bytes(kept)


def test_a_file_beyond_bounds_is_not_read(run_gate: RunGate, expected: Path) -> None:
    for file in FILES:
        size = (expected / file).stat().st_size
        os.truncate(expected / file, 2**40)  # sparse
        run = run_gate(test_endings=endings.SOURCE)
        assert run.code == pytest.ExitCode.USAGE_ERROR
        assert f"{file}" in run.errors[0]
        assert "larger than" in run.errors[0]
        os.truncate(expected / file, size)


BOUNDS = [
    ("at_least = 15.0", "at_least = nan", "centred_sqnr.at_least is NaN, expected a finite number"),
    ("at_least = 15.0", "at_least = inf", "centred_sqnr.at_least is Infinity, expected a finite"),
    ("at_least = 15.0", 'at_least = "15"', "centred_sqnr.at_least is '15', expected a finite"),
    ("at_least = 15.0", "at_least = -1e308", "which every measurement meets or none"),
    ("at_least = 0.95", "at_least = 0", "which every measurement meets or none"),
    ("at_least = 0.95", "at_least = 1.0", "which every measurement meets or none"),
    ("at_most = 36.0", "at_most = 1e300", "which every measurement meets or none"),
    ("at_least = 15.0", "at_most = 199", "centred_sqnr.at_most: unknown key"),
    ("at_least = 15.0", "at_laest = 15.0", "centred_sqnr.at_laest: unknown key (did you mean"),
    ("at_least = 15.0", "at_least = 15\nat_least = 1", "not TOML"),
]


@pytest.mark.shows("a bound is so wide that nothing can fail", by="refused before the first case")
@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "workers"])
@pytest.mark.parametrize(("old", "new", "said"), BOUNDS)
def test_a_bound_that_cannot_fail_is_none(
    run_gate: RunGate, expected: Path, old: str, new: str, said: str, workers: tuple[str, ...]
) -> None:
    spoil(expected / "tolerances.toml", old, new)
    run = run_gate(*workers, test_endings=endings.SOURCE)
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert said in run.errors[0]
    assert "Traceback" not in run.printed
    assert not run.log_path.exists()


@pytest.mark.parametrize("damage", ["not-utf8", "no-toml", "unknown-key", "digits", "brackets"])
@pytest.mark.parametrize("file", [file for file in FILES if not file.startswith(("b", "publ"))])
def test_commands_refuse_it_in_one_line(
    expected: Path, capsys: pytest.CaptureFixture[str], file: str, damage: str
) -> None:
    damaged(expected / file, damage)
    code = main(["explain", "resnext/timm/resnext50_32x4d", f"--expected={expected}"])
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert file in printed.err
    assert printed.err.count("\n") == 1


def test_a_build_config_is_read_before_the_first_case(run_gate: RunGate, tmp_path: Path) -> None:
    config = tmp_path / "own.yaml"
    config.write_text("name: own\n")
    run = run_gate(f"--build-config={config}", test_endings=endings.SOURCE)
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert "own.yaml: " in run.errors[0]


def test_faults_of_all_files_are_told_at_once(run_gate: RunGate, expected: Path) -> None:
    """Of each row, and of each file: of decisions once the rows can be read."""
    first, second = "resnext/torchvision/resnext50_32x4d", "resnext/torchvision/resnext101_32x8d"
    for row in (first, second):
        spoil(expected / "variants/resnext.toml", f'[rows."{row}"]', f'[rows."{row}"]\nx = 1')
    spoil(expected / "complexity/resnext.toml", 'counter = "', 'counter = "x')
    spoil(expected / "tolerances.toml", "[", "[bad]\n[")
    spoil(expected / "baselines/waterfall.toml", "schema = 1", "schema = 2")
    printed = run_gate(test_endings=endings.SOURCE).printed
    for told in (f"{first}.x: unknown key", f"{second}.x: unknown key", "unknown counter 'x"):
        assert told in printed
    for file in ("variants", "complexity"):
        shutil.copy(EXPECTED / file / "resnext.toml", expected / file)
    printed = run_gate(test_endings=endings.SOURCE).printed
    for told in ("tolerances.toml: bad", "waterfall.toml: schema is 2"):
        assert told in printed
