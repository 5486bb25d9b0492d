"""The gate itself, run as its users run it, on an empty store and on a full one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from benchmarks.measuring import Usage, measure
from harness.errors import HarnessError

ROOT = Path(__file__).resolve().parents[1]
JUDGED = (0, 1)
"""Exit codes of pytest after which every test has run; others mean that it could not."""


def run_gate(
    store: Path, arguments: Sequence[str] = (), *, output: IO[bytes] | int | None = None
) -> Usage:
    """Run every test of the repository on one process for each core.

    ``store``: where what is built is kept, and found again by the next run. ``arguments``: added
    to pytest's. ``output``: where its output goes.
    """
    command = (sys.executable, "-m", "pytest", "-n", "auto", *arguments)
    return measure(command, cwd=ROOT, environment={"ZOO_STORE": str(store)}, output=output)


def require_empty(store: Path) -> None:
    """Refuse a store that a cold run would not be cold on.

    Raises:
        HarnessError: there is something in it, or it is no folder.
    """
    if store.exists() and (not store.is_dir() or any(store.iterdir())):
        raise HarnessError(
            f"{store} is not an empty folder, so a first run would not be cold; "
            "give another one, or --warm-only"
        )


def require_full(store: Path | None) -> Path:
    """The store for a run that is to be warm.

    Raises:
        HarnessError: none is given, or there is nothing in it.
    """
    if store is None:
        raise HarnessError("--warm-only needs --store: the folder that an earlier run has filled")
    if not store.is_dir() or not any(store.iterdir()):
        raise HarnessError(f"{store} holds nothing, so a run would not be warm")
    return store
