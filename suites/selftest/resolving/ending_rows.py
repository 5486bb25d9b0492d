"""Ways in which one row ends the process that resolves a page; imported by the child.

Each takes what the suite's own take, and needs a part of it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from harness.records import Page
from harness.runtime.store import Store


def killed_by_its_name(
    page: Page,
    text: str,
    note: Path,
    lost: Mapping[str, tuple[str, str]],
    store: Store | None,  # noqa: ARG001
) -> dict[str, str]:
    """Rows named after a signal are killed by it, unless they are known to be."""
    for row in page.rows:
        if row.id in lost:
            continue
        note.write_text(f"{row.id}\nbuilding {row.name}", encoding="utf-8")
        if row.name.startswith("SIG"):
            os.kill(os.getpid(), signal.Signals[row.name])
    note.write_text("\ndrafting", encoding="utf-8")
    if "END" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    return {row: reason for row, (_, reason) in lost.items()}


def hanging_by_its_name(
    page: Page,
    text: str,  # noqa: ARG001
    note: Path,
    lost: Mapping[str, tuple[str, str]],
    store: Store | None,  # noqa: ARG001
) -> dict[str, str]:
    """The row ``hangs`` does, unless it is known to."""
    for row in page.rows:
        if row.name == "hangs" and row.id not in lost:
            note.write_text(f"{row.id}\nbuilding {row.name}", encoding="utf-8")
            time.sleep(600)
    return {}


def told(
    page: Page,
    text: str,  # noqa: ARG001
    note: Path,  # noqa: ARG001
    lost: Mapping[str, tuple[str, str]],
    store: Store | None,
) -> dict[str, str]:
    """The rows that ended a process before, if the whole page and the store are given."""
    assert store is not None
    return {row.id: lost[row.id][1] for row in page.rows if row.id in lost}


def raising(
    page: Page, text: str, note: Path, lost: Mapping[str, tuple[str, str]], store: Store | None
) -> dict[str, str]:
    """A mistake of our own, which is no row's."""
    note.write_text(f"{page.rows[0].id}\nbuilding", encoding="utf-8")
    raise ValueError(f"{text} {len(lost)}, {store}")
