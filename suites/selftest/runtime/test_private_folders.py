"""What lies in a store is believed only where nobody else could have written it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.runtime.private import TRUST, make_private, require_private
from harness.runtime.store import Key, open_store

pytestmark = [
    pytest.mark.shows(
        "somebody else writes logits into the store", by="refused where others may write"
    )
]

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")


def folder_of_mode(path: Path, mode: int) -> Path:
    path.mkdir(parents=True)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
def test_a_store_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    store = folder_of_mode(tmp_path / "store", mode)
    with pytest.raises(HarnessError, match=rf"store .* mode {mode:04o}.*chmod go-w"):
        open_store(store)


def test_a_folder_in_it_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    folder_of_mode(tmp_path / "store/run", 0o777)
    with pytest.raises(HarnessError, match="store/run is owned by"):
        open_store(tmp_path / "store")


def test_a_folder_above_it_that_all_may_write_to_is_refused(tmp_path: Path) -> None:
    above = folder_of_mode(tmp_path / "open", 0o777)
    with pytest.raises(HarnessError, match="expected not writable by all"):
        open_store(above / "store")
    above.chmod(0o1777)  # as /tmp
    open_store(above / "store")


@ROOT_ONLY
def test_a_store_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(folder_of_mode(tmp_path / "store", 0o755), 12345, -1)
    with pytest.raises(HarnessError, match=r"owned by user 12345 .* expected owned by you"):
        open_store(tmp_path / "store")


def test_it_is_taken_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = folder_of_mode(tmp_path / "store", 0o777)
    monkeypatch.setenv(TRUST, "1")
    assert open_store(store).root == store


def test_what_the_suite_makes_is_accepted_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        open_store(tmp_path / "deep/store").build(Key.of("count", inputs={}), lambda _: {})
        make_private(tmp_path / "deep/results")
    finally:
        os.umask(old)
    require_private(tmp_path / "deep/store", what="the store")
    require_private(tmp_path / "deep/results", what="the results folder")


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (("pytest", "--collect-only", "suites/test_page.py"), 4),
        (("harness", "artifacts", "size"), 2),
    ],
)
def test_it_is_one_line_before_work_begins(
    tmp_path: Path, command: tuple[str, ...], status: int
) -> None:
    store = folder_of_mode(tmp_path / "store", 0o777)
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env={**os.environ, "ZOO_STORE": str(store)},
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "chmod go-w" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
