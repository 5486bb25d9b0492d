"""Temporary folders of killed processes go; those of living ones and of others stay."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.runtime.scratch import Scratch, sweep

HOLD = """
import time
from harness.runtime.scratch import Scratch
scratch = Scratch("held")
(scratch.path / "large").write_bytes(b"x" * 1000)
print(scratch.path, flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def held() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that holds a folder, until it is killed."""
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        yield owner, Path(owner.stdout.readline().strip())
        owner.kill()


def test_what_a_killed_process_left_is_removed(held: tuple[subprocess.Popen[str], Path]) -> None:
    owner, folder = held
    assert (folder / "large").exists()
    owner.kill()
    owner.wait()
    assert sweep() == [folder]
    assert not folder.exists()


def test_what_a_living_process_uses_stays(held: tuple[subprocess.Popen[str], Path]) -> None:
    _, folder = held
    assert sweep() == []
    assert (folder / "large").exists()


def test_ones_own_folder_and_what_is_not_the_suites_stay(temporary: Path) -> None:
    (temporary / "zoo-notes").mkdir()
    with Scratch("own") as own:
        assert sweep() == []
        assert own.exists()
    assert [one.name for one in temporary.iterdir()] == ["zoo-notes"]


def test_links_to_elsewhere_are_not_followed(temporary: Path) -> None:
    kept = temporary / "kept"
    kept.mkdir()
    (kept / ".owner").touch()
    (temporary / "zoo-link").symlink_to(kept)
    sweep()
    assert (kept / ".owner").exists()
