"""A page resolved in a child process, and kept: by the page, the libraries and our own code."""

from __future__ import annotations

import json
import os
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.errors import BuildError, MissingSource, one_line
from harness.records import Page, Row
from harness.resolving.libraries import source_named
from harness.runtime import entry_points
from harness.runtime.identity import code_digest, tools
from harness.runtime.isolation import CHILD_ENVIRONMENT, Worker
from harness.runtime.scratch import Scratch
from harness.runtime.store import JSON, Entry, Key, Store
from harness.sources import library_versions, sources

if TYPE_CHECKING:
    from harness.resolving.page import Lost

FILES: Final = ("variants", "complexity", "published", "pipelines")
"""The drafts of an entry, each ``<name>.toml``; beside them is :data:`FINDINGS`."""
FINDINGS: Final = "findings.json"

_START_S: Final = 180.0  # for importing every library from a cold disk
_ROW_S: Final = 20.0  # for each row; the slowest takes 8
_HUNG_S: Final = 60.0  # a row whose step takes longer hangs; in a shorter one, all are slow
_COST: Final = {"torch": 3, "paddle": 1}  # of counting a network, by its framework
_HANGS: Final = "did not finish"
_MOST_LOST: Final = 10  # rows of a page that may end a process, each of which is a try more
_COUNTERS: Final = ("thop", "fvcore")
_CODE: Final = (
    *("resolving", "sources", "sources/timm/tables/timm.csv", "counting"),
    *("pipeline/steps/counting.py", "expected"),
    *("judging/published.py", "images/pipelines"),
)
_ADDED: Final = (entry_points.SOURCES, entry_points.COUNTING_RULES)


LostRows = dict[str, tuple[str, str]]
"""By id of a row that ended an earlier process, the step and the reason."""
Describe = Callable[[Page, str, Path, LostRows, Store | None], dict[str, str]]


def resolved(
    page: Page, text: str, store: Store, *, begin: Callable[[], object] | None = None
) -> Entry:
    """What is found of a page: drafts of expectations, and the findings in JSON.

    The libraries are imported in a child process alone, and only where the store has not the page
    already.

    Args:
        page: as it was read.
        text: the page itself, for what it says outside its tables.
        begin: called where the store has not the page.

    Raises:
        BuildError: the child crashed or hung.
    """
    added = {
        (group, name): at for group in _ADDED for name, at in entry_points.added(group).items()
    }
    packages = [package for one in added for package in entry_points.packages(*one)]
    key = Key.of(
        "resolve",
        inputs={"page": _plain(page), "text": page.sha256},
        options={"added": {f"{group}:{name}": at for (group, name), at in added.items()}},
        tools=library_versions() | tools(*_COUNTERS, *packages) | {"code": code_digest(*_CODE)},
    )

    def produce(folder: Path) -> Mapping[str, JSON]:
        if begin:
            begin()
        for name, content in described(page, text, store=store).items():
            (folder / name).write_text(content, encoding="utf-8")
        return {"rows": len(page.rows)}

    return store.use(key, produce)


def described(
    page: Page, text: str, *, store: Store | None = None, describe: Describe | None = None
) -> dict[str, str]:
    """What :func:`describe` gives, in a child process; a row that ends it is left out of the next.

    The row is in the result, with what became of the process as the reason. On more than one
    processor, a second child counts one half of the rows meanwhile, into the store.

    Args:
        store: where counts are looked up and kept.
        describe: in place of the module's own.

    Raises:
        BuildError: the child crashed or hung over no row, or over more than some; or what it ran
            raised.
    """
    with (
        Worker(environment=CHILD_ENVIRONMENT) as worker,
        ThreadPoolExecutor(1) as aside,
        Worker(environment=CHILD_ENVIRONMENT) as helper,  # ends before what the thread waits for
    ):
        lost: LostRows = {}
        first, second = _halves(page)
        if store is not None and first.rows and len(os.sched_getaffinity(0)) > 1:
            counted = aside.submit(_surviving, helper, _count, second, text, {}, store)
            lost = _surviving(worker, _count, first, text, {}, store)[1]
            lost |= counted.result()[1]
            helper.close()
            # what has died may have died of two at once, and is tried again; what hangs, hangs
            lost = {row: told for row, told in lost.items() if _HANGS in told[1]}
        return _surviving(worker, describe or _describe, page, text, lost, store)[0]


def _surviving(
    worker: Worker,
    describe: Describe,
    page: Page,
    text: str,
    lost: LostRows,
    store: Store | None,
) -> tuple[dict[str, str], LostRows]:
    """What a function gives of a page in the child, and the rows that ended it.

    Raises:
        BuildError: see :func:`described`.
    """
    lost = dict(lost)
    scratch = Scratch("resolving")
    note = scratch.path / "row"
    try:
        while True:
            note.unlink(missing_ok=True)
            try:
                found = worker.run(
                    describe,
                    page,
                    text,
                    note,
                    lost,
                    store,
                    timeout_s=_START_S + _ROW_S * len(page.rows),
                    stage=BuildError,
                    case=page.name,
                    command=f"python -m harness update {page.path}",
                )
            except BuildError as error:
                row, step, seconds = _noted(note)
                hung = _HANGS not in error.message or seconds >= _HUNG_S
                survived = worker.pid is not None
                if survived or not hung or not row or row in lost or len(lost) >= _MOST_LOST:
                    raise
                lost[row] = (step, f"{step}: the process: {one_line(error)}")
            else:
                return found, lost
    finally:
        scratch.close()


def _halves(page: Page) -> tuple[Page, Page]:
    """The rows that can be counted, in two parts that cost about as much.

    Rows of one framework and source stay together as far as they can: a process imports what its
    rows need.
    """
    known = sources()
    rows: list[tuple[str, str, Row]] = []
    for row in page.rows:
        with suppress(MissingSource):
            source = source_named(row.source)
            rows.append((known[source].framework, source, row))
    rows.sort(key=lambda one: one[:2])
    costs = list(accumulate(_COST[framework] for framework, _, _ in rows))
    middle = bisect_right(costs, costs[-1] / 2) if costs else 0
    parts = rows[:middle], rows[middle:]
    first, second = (tuple(row for _, _, row in part) for part in parts)
    return replace(page, rows=first, failures=()), replace(page, rows=second, failures=())


def _noted(note: Path) -> tuple[str, str, float]:
    """The row and the step that a child has begun last, and how many seconds ago."""
    try:
        row, _, step = note.read_text(encoding="utf-8").partition("\n")
        return row, step, time.time() - note.stat().st_mtime
    except OSError:
        return "", "", 0.0


def _describe(
    page: Page, text: str, note: Path, lost: LostRows, store: Store | None
) -> dict[str, str]:
    """Resolve a page here and now, and keep a note of the row that is being worked on."""
    return describe(page, text, lost=lost, watch=_noting(note), store=store)


def _count(
    page: Page,
    text: str,  # noqa: ARG001 - of the other
    note: Path,
    lost: LostRows,
    store: Store | None,
) -> dict[str, str]:
    """Count all that a page's resolution asks for, into the store."""
    from harness.resolving.page import resolve_page

    resolve_page(page, lost=_gone(lost), watch=_noting(note), store=store)
    return {}


def _noting(note: Path) -> Callable[[str, str], None]:
    def watch(row: str, step: str) -> None:
        note.write_text(f"{row}\n{step}", encoding="utf-8")

    return watch


def describe(
    page: Page,
    text: str,
    *,
    lost: LostRows | None = None,
    watch: Callable[[str, str], None] | None = None,
    store: Store | None = None,
) -> dict[str, str]:
    """Resolve a page here and now: file names and contents of an entry.

    ``watch``: told the row and the step before each of them. ``store``: where counts are kept.
    """
    from harness.resolving import drafts, findings, upstream_drafts
    from harness.resolving.counted import unwatched
    from harness.resolving.page import resolve_page

    watch = watch or unwatched
    resolution = resolve_page(page, lost=_gone(lost or {}), watch=watch, store=store)
    watch("", "drafting")
    return {
        "variants.toml": drafts.variants(resolution),
        "complexity.toml": drafts.complexity(resolution),
        "published.toml": upstream_drafts.published(resolution, text),
        "pipelines.toml": upstream_drafts.pipelines(resolution),
        FINDINGS: json.dumps(findings.as_json(resolution), indent=1, ensure_ascii=False),
    }


def _gone(lost: LostRows) -> dict[str, Lost]:
    from harness.resolving.page import Lost

    return {row: Lost(*told) for row, told in lost.items()}


def _plain(page: Page) -> JSON:
    """What the resolution depends on: rows, claims and failures."""
    rows = [
        {**asdict(row), "claims": [_claim(c) for c in asdict(row)["claims"]]} for row in page.rows
    ]
    return {"name": page.name, "rows": rows, "failures": [asdict(one) for one in page.failures]}


def _claim(claim: dict[str, object]) -> dict[str, JSON]:
    return {key: str(value) for key, value in claim.items()}
