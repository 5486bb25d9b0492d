"""Expectations for pages that have none: a folder like ``expected/``, made of drafts.

Of a zoo's folder, pages that ``expected/`` knows as they are keep what is known of them there.
"""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, Protocol

import tomli_w

from harness.backends.registry import EMBEDDED, backend_names
from harness.errors import ExpectationError, HarnessError
from harness.expected.baselines import Baseline, parity_file, read_baseline, write_baseline
from harness.expected.float_operators import read_float_operators
from harness.expected.pages import read_expected, render
from harness.expected.tolerances import read_tolerances
from harness.pipeline.catalogue import EXPECTED, UNREAD
from harness.records import Page, Row
from harness.resolving.running import FILES, FINDINGS, resolved
from harness.resolving.verifying import read_back
from harness.resolving.zoofile import ZooFolder
from harness.resolving.zoos import find_pages
from harness.resolving.zoos import render as render_unread
from harness.runtime.document import LARGEST_FILE, ExpectedTable
from harness.runtime.foreign import read_text, real_path
from harness.runtime.identity import code_digest
from harness.runtime.memory import default_budget_bytes
from harness.runtime.store import JSON, Entry, Key, Store, open_store

_COPIED: Final = ("build/embedded.yaml",)
_WATERFALL: Final = "baselines/waterfall.toml"
_ISSUES: Final = "known_issues.toml"
_PAGE_BYTES: Final = 3 * 2**30  # of the processes that resolve a page; the largest takes 2 GiB
_NARROWED: Final = ("tolerances.toml", "float_operators.toml")
_CODE: Final = ("resolving", "pages", "expected")


def silent(text: str) -> None:
    """Tell nobody."""


class Drafts(Protocol):
    """Files of drafts by name, as an entry of the store has them."""

    def file(self, name: str) -> Path | None:
        """The path of a file, or None where there is none."""


def expected_for(
    pages: Iterable[Path],
    *,
    zoos: Iterable[ZooFolder] = (),
    lenient: bool = False,
    store: Path | None = None,
    base: Path = EXPECTED,
    told: Callable[[str], None] = silent,
) -> Path:
    """A complete folder of expectations for some pages, made where it is not in the store.

    Rows that cannot be resolved are in it, with the reason. Decisions that are about no page, as
    tolerances, are those of ``base``.

    Args:
        pages: their files, in any order; one that is named twice counts once. Nothing is
            accepted of them, and no issue is known.
        zoos: of these, all pages. One that ``base`` has as it is, and that is not among ``pages``,
            keeps all that is known of it there; one that cannot be read or resolved is listed, see
            :attr:`Catalogue.unread`.
        lenient: list what of a page cannot be understood instead of refusing it.
        store: the root of the artifact store, where it is not the usual one.
        base: expectations with the decisions.
        told: is told of each page that is resolved now.

    Raises:
        PageError: one of ``pages`` cannot be read.
        HarnessError: there is no such folder, or no page in it.
        ExpectationError: a file of ``base`` is missing or wrong.
        BuildError: resolving one of ``pages`` crashed or hung.
    """
    own = tuple(sorted({real_path(page) for page in pages}))
    return _kept(own, tuple(dict.fromkeys(zoos)), lenient, store, real_path(base), told).path


@cache  # while the process lives, its entry is not pruned
def _kept(
    own: tuple[Path, ...],
    zoos: tuple[ZooFolder, ...],
    lenient: bool,
    store: Path | None,
    base: Path,
    told: Callable[[str], None],
) -> Entry:
    zoo = find_pages(own, zoos, lenient=lenient)
    read_tolerances(base / "tolerances.toml")
    read_float_operators(base / "float_operators.toml", backends=backend_names())
    known = {page: _known(page, base) for path, page in zoo.pages.items() if path not in own}
    known = {page: drafts for page, drafts in known.items() if drafts}
    opened = open_store(store)
    asked = {path: page for path, page in zoo.pages.items() if page not in known}
    drafted, lost = _resolved(asked, own, opened, told)
    zoo = zoo.without(lost)
    key = Key.of(
        "expect",
        inputs={
            "pages": [render(page).decode("utf-8") for page in zoo.pages.values()],
            "resolved": [one.key.digest for one in drafted.values()],
            "known": [page.name for page in known],
            "unread": render_unread(zoo),
            "base": {name: _text(base / name) for name in (*_COPIED, *_NARROWED, _WATERFALL)},
            "of_known": {name: _text(base / name) for name in _of_known(known, base)},
        },
        tools={"code": code_digest(*_CODE)},
    )

    def produce(folder: Path) -> Mapping[str, JSON]:
        kept = zoo
        while True:
            drafts = [(page, known.get(page) or drafted[path]) for path, page in kept.pages.items()]
            write(folder, drafts, base)
            _keep_known(folder, list(known), base)
            (folder / UNREAD).write_text(render_unread(kept), encoding="utf-8")
            faulty = _faulty(folder, kept.pages)
            if not faulty:
                return {"rows": sum(len(page.rows) for page in kept.pages.values())}
            for path, reason in faulty.items():
                if path in own or kept.pages[path] in known:
                    raise ExpectationError(reason)
            kept = kept.without(faulty)
            for part in folder.iterdir():
                shutil.rmtree(part) if part.is_dir() else part.unlink()

    return opened.use(key, produce)


def _faulty(folder: Path, pages: Mapping[Path, Page]) -> dict[Path, str]:
    """What was drafted and cannot be read."""
    faulty = {}
    for path, page in pages.items():
        try:
            read_back(folder, page)
        except ExpectationError as error:
            faulty[path] = (
                f"{path}: what was drafted for the page cannot be read, which is a mistake of "
                f"the suite: {error.__cause__ or error}; draft it to be mended by hand with: "
                f"python -m harness update {path} --expected DIR"
            )
    return faulty


def _resolved(
    pages: Mapping[Path, Page],
    own: Collection[Path],
    store: Store,
    told: Callable[[str], None],
) -> tuple[dict[Path, Entry], dict[Path, str]]:
    """What is found of each page, and why nothing is found of those that end in an error.

    Raises:
        BuildError: that is one of ``own``.
    """
    drafted, lost = dict[Path, Entry](), dict[Path, str]()

    def resolve(number: int, path: Path) -> Entry:
        watch = partial(told, f"resolving {path} ({number} of {len(pages)})")
        return resolved(pages[path], _text(path), store, begin=watch)

    at_once = min(_pages_at_once(), len(pages))
    pool = ThreadPoolExecutor(max(1, at_once))
    try:
        tasks: dict[Path, Callable[[], Entry]] = {}
        for number, path in enumerate(pages, 1):
            waiting = pool.submit(resolve, number, path).result if at_once > 1 else None
            tasks[path] = waiting or partial(resolve, number, path)
        for path, task in tasks.items():
            try:
                drafted[path] = task()
            except HarnessError as error:
                if path in own:
                    raise
                lost[path] = f"{path}: no model of the page can be looked up: {error}"
    finally:
        pool.shutdown(cancel_futures=True)
    return drafted, lost


def _pages_at_once() -> int:
    """Each page has two processes."""
    by_memory = default_budget_bytes() // _PAGE_BYTES
    return max(1, min(len(os.sched_getaffinity(0)) // 2, by_memory))


class _KnownDrafts:
    """A page's files as ``expected/`` has them."""

    def __init__(self, base: Path, page: str) -> None:
        self._base, self._page = base, page

    def file(self, name: str) -> Path | None:
        """``variants.toml`` is the page's file of variants; there are no findings."""
        path = self._base / name.removesuffix(".toml") / f"{self._page}.toml"
        return path if path.is_file() else None


def _known(page: Page, base: Path) -> Drafts | None:
    """What the expectations have of a page that has not changed since, or None."""
    path = base / "pages" / f"{page.name}.toml"
    if not path.is_file() or read_expected(path).sha256 != page.sha256:
        return None
    return _KnownDrafts(base, page.name)


def _of_known(known: Iterable[Page], base: Path) -> list[str]:
    """The files, below the base, of pages that are known, and of what was decided of them."""
    names = [f"{kind}/{page.name}.toml" for page in known for kind in ("pages", *FILES)]
    names += [f"baselines/{one.name}" for one in sorted((base / "baselines").glob("*.toml"))]
    return [name for name in (*names, _ISSUES) if names and (base / name).is_file()]


def _keep_known(folder: Path, known: Sequence[Page], base: Path) -> None:
    """Add what was accepted and is known of pages that have not changed."""
    if not known:
        return
    for path in sorted((base / "baselines").glob("*.toml")):
        if path.name != Path(_WATERFALL).name:
            shutil.copyfile(path, folder / "baselines" / path.name)
    if (base / _ISSUES).is_file():
        issues: dict[str, Any] = dict(ExpectedTable.load(base / _ISSUES).values)
        begins = tuple(f"[{page.name}-" for page in known)
        issues["issue"] = [
            one for one in issues.get("issue", ()) if any(part in one["case"] for part in begins)
        ]
        (folder / _ISSUES).write_text(tomli_w.dumps(issues), encoding="utf-8")


def write(folder: Path, pages: Sequence[tuple[Page, Drafts]], base: Path) -> None:
    """Write expectations for pages into an empty folder, from drafts and decisions."""
    for name in ("pages", "baselines", "build", "findings", *FILES):
        (folder / name).mkdir()
    for page, found in pages:
        (folder / "pages" / f"{page.name}.toml").write_bytes(render(page))
        for name in FILES:
            _copied(found.file(f"{name}.toml"), folder / name / f"{page.name}.toml")
        _copied(found.file(FINDINGS), folder / "findings" / f"{page.name}.json")
    for name in _COPIED:
        shutil.copyfile(base / name, folder / name)
    rows = [row for page, _ in pages for row in page.rows]
    for name in _NARROWED:
        (folder / name).write_text(_narrowed(base / name, rows), encoding="utf-8")
    (folder / _ISSUES).write_text("", encoding="utf-8")
    write_baseline(parity_file(folder, backend=EMBEDDED), Baseline())
    pipelines = [folder / "pipelines" / f"{page.name}.toml" for page, _ in pages]
    write_baseline(folder / _WATERFALL, _waterfall(read_baseline(base / _WATERFALL), pipelines))


def _copied(path: Path | None, to: Path) -> None:
    if path is not None:
        shutil.copyfile(path, to)


def _waterfall(accepted: Baseline, pipelines: Iterable[Path]) -> Baseline:
    """What is accepted of the ways that the rows' images take; it is the same for all pages."""
    ways = {way for path in pipelines for way in _ways(path)}
    kept = {way: found for way, found in accepted.measurements.items() if way in ways}
    return Baseline(kept, accepted.conditions)


def _ways(path: Path) -> Iterator[str]:
    """From what a page or a claim says to what ships."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    ends = {name: one["pipeline"] for name, one in content["run_time"].items()}
    for row in content["rows"].values():
        for begin in (row["claim"], content["stated"]):
            yield f"{begin}-to-{ends[row['ships']]}"


def _narrowed(path: Path, rows: Sequence[Row]) -> str:
    """A file of decisions without those that are about rows of other pages."""
    content: dict[str, Any] = dict(ExpectedTable.load(path).values)
    for table in content.values():
        if isinstance(table, dict) and "override" in table:
            table["override"] = [one for one in table["override"] if _applies(one, rows)]
    if "operator" in content:
        content["operator"] = [one for one in content["operator"] if _applies(one, rows)]
    return tomli_w.dumps(content)


def _applies(scope: Mapping[str, Any], rows: Sequence[Row]) -> bool:
    return any(
        fnmatchcase(row.id, scope.get("row", "*")) and scope.get("source", row.source) == row.source
        for row in rows
    )


def _text(path: Path) -> str:
    try:
        return read_text(path, most=LARGEST_FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(f"cannot read {path}: {error}") from error
