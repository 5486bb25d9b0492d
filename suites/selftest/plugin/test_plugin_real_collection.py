"""Collecting the suites themselves: ids that last, and no framework imported on the way."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import tomli_w
from small_runs import SLUG

from harness.pipeline.catalogue import EXPECTED

FRAMEWORKS = ("torch", "torchvision", "timm", "mmpretrain", "mmcv", "paddle", "onnx", "onnxruntime")
COLLECT = """
import json, sys
import pytest

class Ids:
    ids = []

    def pytest_collection_finish(self, session):
        self.ids = [item.nodeid for item in session.items]

seen = Ids()
code = pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", *sys.argv[2:]], [seen])
found = {"ids": seen.ids, "modules": sorted(sys.modules)}
open(sys.argv[1], "w").write(json.dumps(found))
sys.exit(code)
"""


@dataclass(frozen=True)
class Collected:
    """What a fresh process collected, and what it imported to do so."""

    ids: list[str]
    modules: frozenset[str]


def collect(folder: Path, *options: str) -> Collected:
    """Collect in a process of its own, at the root of the repository."""
    done = subprocess.run(
        [sys.executable, "-c", COLLECT, str(folder / "found.json"), *options],
        cwd=EXPECTED.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = json.loads((folder / "found.json").read_text())
    return Collected(found["ids"], frozenset(found["modules"]))


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Collected:
    """The suites as they are."""
    return collect(tmp_path_factory.mktemp("collected"))


def frameworks(modules: frozenset[str]) -> set[str]:
    """Those of the frameworks that are among the modules."""
    return set(FRAMEWORKS) & modules


def test_collection_imports_no_framework(collected: Collected) -> None:
    assert frameworks(collected.modules) == set()


def test_a_suite_that_imports_one_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "test_heavy.py").write_text("import onnx\ndef test_nothing(): pass\n")
    assert "onnx" in frameworks(collect(tmp_path, str(tmp_path)).modules)


def test_ids_are_ascii_without_blanks(collected: Collected) -> None:
    assert [one for one in collected.ids if not one.isascii() or " " in one] == []


def test_no_two_cases_share_an_id(collected: Collected) -> None:
    assert [one for one, count in Counter(collected.ids).items() if count > 1] == []


@pytest.mark.parametrize(
    "case",
    [
        f"suites/test_complexity.py::test_documented_params_are_reproduced[{SLUG}]",
        f"suites/test_export.py::test_export_is_complete_and_as_promised[{SLUG}-torchscript]",
        f"suites/test_export.py::test_export_is_complete_and_as_promised[{SLUG}-onnx-opset11]",
        f"suites/test_int8.py::test_parity[{SLUG}-onnxruntime-int8]",
        f"suites/test_accuracy.py::test_accuracy_is_as_documented[{SLUG}-top1-int8]",
    ],
)
def test_ids_that_others_rely_on_are_there(collected: Collected, case: str) -> None:
    assert case in collected.ids


def test_ids_stay_when_the_rows_of_a_page_move(collected: Collected, tmp_path: Path) -> None:
    expected = tmp_path / "expected"
    shutil.copytree(EXPECTED, expected)
    path = expected / "pages" / "resnext.toml"
    page = tomllib.loads(path.read_text())
    page["rows"].reverse()
    path.write_text(tomli_w.dumps(page))
    assert set(collect(tmp_path, f"--expected={expected}").ids) == set(collected.ids)
