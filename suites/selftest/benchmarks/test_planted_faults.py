"""The fault catalogue breaks what it says, and tells what was caught from what was not."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.command import main
from benchmarks.planted import command
from benchmarks.planted.faults import faults
from benchmarks.planted.faults.continuous import continuous
from benchmarks.planted.faults.fault import ROWS, Fault
from benchmarks.planted.faults.images import TRANSFORMS
from benchmarks.planted.faults.sources import BUILDERS
from benchmarks.planted.planting import planted
from benchmarks.planted.plants.labels import changed
from benchmarks.planted.running import Finding, _with_page, _without, run
from harness.errors import HarnessError
from harness.pipeline.catalogue import EXPECTED, read_catalogue

ROOT = Path(__file__).resolve().parents[3]
FAULT = Fault("a fault", "source", ROWS["timm"], ("test_one",), place="layer2")
FOUND = Finding(1, ("test_one", "test_two"), 1, 3, "why", True, 1.0)


def promised() -> set[str]:
    """The tests of the gate."""
    return {
        node.name
        for path in (ROOT / "suites").glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_there_are_faults_of_every_kind_and_of_every_source() -> None:
    catalogue = faults()
    assert len(catalogue) >= 80
    assert {one.name for one in catalogue if one.quick}
    for kind in ("source", "export", "images"):
        assert {one.row for one in catalogue if one.kind == kind} == set(ROWS.values())
    apart = sum(one.is_kept_apart for one in catalogue)
    assert 0.25 < apart / len(catalogue) < 0.42


@pytest.mark.parametrize("fault", faults(), ids=lambda one: one.name)
def test_a_fault_names_checks_that_there_are_and_a_change_that_there_is(fault: Fault) -> None:
    assert set(fault.caught_by) <= promised()
    assert sum(map(bool, (fault.plant, fault.page[0], fault.labels, fault.environment))) == 1
    if fault.labels:
        ids = [7, 3, 10, 2]
        assert changed(fault.labels, ids) != ids
    if fault.plant:
        kind, _, plant = fault.plant.partition(".")
        assert callable(getattr(import_module(f"benchmarks.planted.plants.{kind}"), plant))
        assert fault.into


@pytest.mark.parametrize(
    "fault", [one for one in faults() if one.page[0]], ids=lambda one: one.name
)
def test_a_fault_of_the_page_changes_its_row_alone(fault: Fault, tmp_path: Path) -> None:
    changed = _with_page(fault, tmp_path / "expected") / "pages" / "resnext.toml"
    before = (ROOT / "expected/pages/resnext.toml").read_text("utf-8").splitlines()
    after = changed.read_text("utf-8").splitlines()
    lines = [
        place for place, (old, new) in enumerate(zip(before, after, strict=True)) if old != new
    ]
    assert len(lines) == 1
    row = next(line for line in reversed(before[: lines[0]]) if line.startswith("id = "))
    assert row == f'id = "{fault.row}"'


def test_a_fault_of_the_last_row_loses_nothing(tmp_path: Path) -> None:
    *_, row = read_catalogue().rows
    wrong = replace(FAULT, row=row.id, page=('"303.11"', '"303.12"'))
    after = (_with_page(wrong, tmp_path / "expected") / "pages" / "resnext.toml").read_text("utf-8")
    assert after.replace("303.12", "303.11") == (EXPECTED / "pages/resnext.toml").read_text("utf-8")


def test_a_figure_that_is_not_on_the_page_is_refused(tmp_path: Path) -> None:
    wrong = replace(FAULT, page=('"1.2345"', '"1"'))
    with pytest.raises(HarnessError, match="is not among the claims of resnext/timm"):
        _with_page(wrong, tmp_path / "expected")


def test_a_library_has_the_fault_in_a_process_and_in_what_it_starts(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "zoo_library.py").write_text("def build(name): return name\n")
    fault = replace(
        FAULT, plant="networks.another_name", into="zoo_library", options=("build", "resnet", "vgg")
    )
    environment = planted(
        fault, tmp_path / "site", {**os.environ, "PYTHONPATH": str(tmp_path / "library")}
    )
    inner = "import zoo_library; print(zoo_library.build('resnet50'))"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}], check=True)"
    for words in (["-c", inner], ["-P", "-c", code]):
        done = subprocess.run(
            [sys.executable, *words], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout == "vgg50\n"


def test_a_store_is_copied_without_what_a_change_is_before(tmp_path: Path) -> None:
    for step in ("export", "compile"):
        (tmp_path / "store" / step / "entry").mkdir(parents=True)
        file = tmp_path / "store" / step / "entry" / "model.onnx"
        file.write_text(step)
        file.chmod(0o444)
        file.with_name("used").touch()
    copy = _without(["compile"], tmp_path / "store", tmp_path / "copy")
    assert [path.name for path in copy.iterdir()] == ["export"]
    entry, source = copy / "export/entry", tmp_path / "store/export/entry"
    assert (entry / "model.onnx").samefile(source / "model.onnx")
    assert not (entry / "used").samefile(source / "used")


def test_only_the_checks_that_have_to_make_a_fault_caught() -> None:
    assert FOUND.caught(FAULT)
    assert not replace(FOUND, red=("test_two",)).caught(FAULT)
    assert not replace(FOUND, red=()).caught(FAULT)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([FOUND] * 3, []),
        ([FOUND, FOUND, replace(FOUND, red=())], ["1 of 3 faults were not caught: two"]),
        (
            [FOUND, FOUND, replace(FOUND, placed=False)],
            ["the place was not named in 1 of 3: two"],
        ),
        ([FOUND, FOUND, replace(FOUND, placed=None)], []),
        ([FOUND, FOUND, replace(FOUND, failures=2)], ["1 of 3 faults fail more than once: two"]),
    ],
)
def test_shares_that_are_too_small_are_told(found: Sequence[Finding], told: list[str]) -> None:
    chosen = [replace(FAULT, name=name) for name in ("zero", "one", "two")]
    findings = {one.name: finding for one, finding in zip(chosen, found, strict=True)}
    assert list(command.shortcomings(chosen, findings)) == told
    lines = list(command.matrix(chosen, findings))
    assert sum("**not caught**" in line for line in lines) == sum(not one.red for one in found)


def test_what_was_found_before_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []

    def run(fault: Fault, store: Path) -> Finding:  # noqa: ARG001
        ran.append(fault.name)
        return replace(FOUND, red=fault.caught_by)

    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr(command, "prepare", lambda *_, **__: None)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{command.BEGIN}\nold\n{command.END}\nafter\n")
    words = ["faults", "--only=calibration", f"--findings={tmp_path / 'found.jsonl'}"]
    words += [f"--store={tmp_path / 'store'}", f"--page={page}"]
    assert (main(words), main(words)) == (0, 0)
    before, begin, *table, _, end, after = page.read_text().splitlines()
    assert (before, begin, end, after) == ("before", command.BEGIN, command.END, "after")
    chosen = [one.name for one in faults() if one.kind == "calibration"]
    count = len(chosen)
    assert sum(line.startswith("| calibration |") for line in table) == count
    assert sorted(ran) == sorted(chosen)
    assert capsys.readouterr().out.count(f"all: {count} of {count} caught") == 2
    assert len((tmp_path / "found.jsonl").read_text().splitlines()) == count


def test_a_page_without_a_place_for_the_matrix_is_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.md").write_text("# Page\n")
    assert main(["faults", "--quick", f"--page={tmp_path / 'page.md'}"]) == 2
    assert "expected <!-- begin: python -m benchmarks faults" in capsys.readouterr().err


def test_the_manual_shows_the_whole_catalogue() -> None:
    manual = (ROOT / "docs" / "trust.md").read_text("utf-8")
    matrix = manual.partition(command.BEGIN)[2].partition(command.END)[0]
    shown = re.findall(r"^\| ([\w ]+) \| ([^|]+?)\*? \|", matrix, re.M)[1:]
    assert shown == [(one.kind, one.name) for one in faults()]


@pytest.mark.parametrize("line", ["{", "{}", json.dumps({"fault": "x", "red": []})])
def test_a_file_of_findings_that_is_none_is_refused(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "found.jsonl").write_text(f"{line}\n")
    assert main(["faults", "--only=run", f"--findings={tmp_path / 'found.jsonl'}"]) == 2
    assert "found.jsonl:1: not a finding" in capsys.readouterr().err


@pytest.mark.parametrize("limit", [3e-3, 1e-7, 0.09])
def test_the_smallest_fault_that_is_caught_is_found_within_a_factor_of_two(
    limit: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (kind, *_) = continuous()

    def run(fault: Fault, store: Path) -> Finding:  # noqa: ARG001
        (_, factor) = fault.options
        assert isinstance(factor, float)
        return replace(FOUND, red=fault.caught_by if factor - 1 >= limit else ())

    monkeypatch.setattr(command, "run", run)
    size = command.smallest(kind, tmp_path)
    assert size is not None
    assert limit <= size * (1 + 1e-6) <= 2.1 * limit


def test_a_fault_of_which_no_size_is_caught_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "prepare", lambda *_, **__: None)
    monkeypatch.setattr(command, "run", lambda *_: replace(FOUND, red=()))
    assert main(["faults", "--smallest", f"--store={tmp_path / 'store'}"]) == 1
    assert "not even off by 0.1 is caught" in capsys.readouterr().out


def test_a_fault_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults", "--only=gremlins"]) == 2
    assert "no fault has 'gremlins'" in capsys.readouterr().err


def test_builders_and_transforms_are_of_the_sources_of_the_rows() -> None:
    assert set(BUILDERS) == set(TRANSFORMS) == set(ROWS)


def test_an_epsilon_that_no_count_shows_is_caught_on_a_row_alone(tmp_path: Path) -> None:
    """By the real gate, on a real library."""
    (fault,) = (one for one in faults() if one.name == "another epsilon, torchvision")
    (tmp_path / "store").mkdir(mode=0o700)
    found = run(replace(fault, marks="complexity"), tmp_path / "store")
    assert found.caught(fault)
    assert found.told.startswith("norms: 53 × epsilon 0.001, pinned 53 × epsilon 1e-05")


def test_a_change_that_breaks_the_step_is_not_caught(tmp_path: Path) -> None:
    """A case fails, and has judged nothing."""
    broken = Fault(
        "broken",
        "source",
        ROWS["torchvision"],
        tuple(promised()),
        plant="networks.network",
        into="torchvision.models",
        options=("get_model", "no such edit"),
        marks="complexity",
    )
    (tmp_path / "store").mkdir(mode=0o700)
    found = run(broken, tmp_path / "store")
    assert (found.status, found.red) == (1, ())
    assert "KeyError" in found.told
    assert not found.caught(broken)


@pytest.mark.parametrize(
    ("options", "red"),
    [
        (("ppcls", "statistics_swapped"), ("test_pipeline_is_as_specified",)),
        (("timm", "no such edit"), ()),
    ],
)
def test_transforms_that_do_otherwise_are_told_from_ones_that_break(
    options: tuple[str, str], red: tuple[str, ...], tmp_path: Path
) -> None:
    (fault,) = (one for one in faults() if one.name == "statistics swapped, images of ppcls")
    (tmp_path / "store").mkdir(mode=0o700)
    found = run(replace(fault, options=options), tmp_path / "store")
    assert (found.status, found.red) == (1, red)
