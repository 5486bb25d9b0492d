"""Expectations for pages that have none: a folder like ``expected/``, made of drafts."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

import tomli_w

from harness.backends.registry import EMBEDDED, backend_names
from harness.errors import ExpectationError, HarnessError
from harness.expected.baselines import Baseline, parity_file, read_baseline, write_baseline
from harness.expected.document import LARGEST_FILE, ExpectedTable
from harness.expected.float_operators import read_float_operators
from harness.expected.pages import render
from harness.expected.tolerances import read_tolerances
from harness.pages.reading import read_page
from harness.pipeline.catalogue import EXPECTED
from harness.records import Page, Row
from harness.resolving.running import FILES, FINDINGS, resolved
from harness.resolving.verifying import read_back
from harness.runtime.foreign import read_text, real_path
from harness.runtime.identity import code_digest
from harness.runtime.store import JSON, Entry, Key, open_store

_COPIED: Final = ("build/embedded.yaml",)
_WATERFALL: Final = "baselines/waterfall.toml"
_NARROWED: Final = ("tolerances.toml", "float_operators.toml")
_CODE: Final = ("resolving", "pages", "expected")


class Drafts(Protocol):
    """Files of drafts by name, as an entry of the store has them."""

    def file(self, name: str) -> Path:
        """The path of a file."""


def expected_for(
    pages: Sequence[Path],
    *,
    lenient: bool = False,
    store: Path | None = None,
    base: Path = EXPECTED,
) -> Path:
    """A complete folder of expectations for some pages, made where it is not in the store.

    Rows that cannot be resolved are in it, with the reason. Decisions that are about no page, as
    tolerances, are those of ``base``; nothing is accepted, and no issue is known.

    Args:
        pages: Markdown files, one at least; in any order; one that is named twice
            counts once.
        lenient: list what of a page cannot be understood instead of refusing it.
        store: the root of the artifact store, where it is not the usual one.
        base: expectations with the decisions.

    Raises:
        PageError: a page cannot be read.
        HarnessError: two pages have one name.
        ExpectationError: a file of ``base`` is missing or wrong.
        BuildError: resolving crashed or hung.
    """
    paths = tuple(sorted({real_path(page) for page in pages}))
    return _kept(paths, lenient, store, real_path(base)).path


@cache  # while the process lives, its entry is not pruned
def _kept(paths: tuple[Path, ...], lenient: bool, store: Path | None, base: Path) -> Entry:
    pages = {path: read_page(path, lenient=lenient) for path in paths}
    _require_names(pages)
    read_tolerances(base / "tolerances.toml")
    read_float_operators(base / "float_operators.toml", backends=backend_names())
    kept = open_store(store)
    found = {path: resolved(page, _text(path), kept) for path, page in pages.items()}
    key = Key.of(
        "expect",
        inputs={
            "pages": [render(page).decode("utf-8") for page in pages.values()],
            "resolved": [one.key.digest for one in found.values()],
            "base": {name: _text(base / name) for name in (*_COPIED, *_NARROWED, _WATERFALL)},
        },
        tools={"code": code_digest(*_CODE)},
    )

    def produce(folder: Path) -> Mapping[str, JSON]:
        write(folder, [(page, found[path]) for path, page in pages.items()], base)
        for path, page in pages.items():
            try:
                read_back(folder, page)
            except ExpectationError as error:
                raise ExpectationError(
                    f"{path}: what was drafted for the page cannot be read, which is a mistake of "
                    f"the suite: {error.__cause__ or error}; draft it to be mended by hand with: "
                    f"python -m harness update {path} --expected DIR"
                ) from error
        return {"rows": sum(len(page.rows) for page in pages.values())}

    return kept.use(key, produce)


def _require_names(pages: Mapping[Path, Page]) -> None:
    """Refuse two pages of one name, which begins the ids of their rows."""
    named: dict[str, Path] = {}
    for path, page in pages.items():
        other = named.setdefault(page.name, path)
        if other != path:
            raise HarnessError(
                f"{path}: {other} is called {page.name!r} too, which begins the ids of its rows; "
                "rename one of the files, or gate them one after the other"
            )


def write(folder: Path, pages: Sequence[tuple[Page, Drafts]], base: Path) -> None:
    """Write expectations for pages into an empty folder, from drafts and decisions."""
    for name in ("pages", "baselines", "build", "findings", *FILES):
        (folder / name).mkdir()
    for page, found in pages:
        (folder / "pages" / f"{page.name}.toml").write_bytes(render(page))
        for name in FILES:
            shutil.copyfile(found.file(f"{name}.toml"), folder / name / f"{page.name}.toml")
        shutil.copyfile(found.file(FINDINGS), folder / "findings" / f"{page.name}.json")
    for name in _COPIED:
        shutil.copyfile(base / name, folder / name)
    rows = [row for page, _ in pages for row in page.rows]
    for name in _NARROWED:
        (folder / name).write_text(_narrowed(base / name, rows), encoding="utf-8")
    (folder / "known_issues.toml").write_text("", encoding="utf-8")
    write_baseline(parity_file(folder, backend=EMBEDDED), Baseline())
    pipelines = [folder / "pipelines" / f"{page.name}.toml" for page, _ in pages]
    write_baseline(folder / _WATERFALL, _waterfall(read_baseline(base / _WATERFALL), pipelines))


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
