"""Which rows a change of a checkout touches: what the gate of a pull request has to judge."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from harness.errors import PageError
from harness.expected.repairing import DEFAULT
from harness.pages.bounds import MAX_BYTES
from harness.pages.reading import read_page
from harness.pipeline.catalogue import Catalogue
from harness.records import Page, Row, UnreadPage
from harness.reporting.outline import counted
from harness.resolving.verifying import KINDS
from harness.resolving.zoofile import NAME, ZooFolder
from harness.runtime.foreign import read_bytes, real_path
from harness.runtime.git import Past
from harness.runtime.scratch import Scratch

_CODE: Final = ("harness", "suites", "conftest.py", "pyproject.toml", "constraints.txt")
_NO_CODE: Final = "selftest"
_PLACES: Final = frozenset({"line", "column", "table", "sha256"})
"""What a generated file says of where things stand."""


@dataclass(frozen=True, slots=True)
class Touched:
    """The rows that a change can make a difference to.

    Attributes:
        rows: their ids, of those too that share a network with one that has changed.
        changed: how many have changed themselves.
        everything: why these are all, or "".
        pages: names of pages whose files have changed, read or not.
    """

    rows: frozenset[str]
    changed: int
    everything: str = ""
    pages: frozenset[str] = frozenset()

    def __str__(self) -> str:
        if self.everything:
            return f"all rows: {self.everything} has changed"
        changed, others = (counted(n, "row") for n in (self.changed, len(self.rows) - self.changed))
        return f"{changed} changed, and {others} of the same networks"


def touched(
    catalogue: Catalogue,
    since: str,
    *,
    expected: Path,
    pages: Iterable[Path] = (),
    zoos: Iterable[ZooFolder] = (),
    deciding: Iterable[Path] = (),
) -> Touched:
    """What has changed since the history of a checkout parted from a commit.

    A row is touched if what its page says of it, or what the expectations have of it, is other
    than it was; all rows of a page are, if other parts of its text or files are; and all rows,
    if a decision that is about no page is, or the suite itself. Expectations and a suite that lie
    in another checkout than the pages count as unchanged.

    Args:
        catalogue: all that is documented now.
        since: the commit, as git names it.
        expected: the folder of expectations with the decisions, in which people write.
        pages: the files of pages that were given.
        zoos: the folders of which all pages are gated.
        deciding: further files that are about all rows, such as a build config.

    Raises:
        HarnessError: git is not here, something lies in no checkout, or there is no such commit.
    """
    zoos = tuple(zoos)
    files = _files(catalogue, [*map(real_path, pages)], zoos)
    pasts: dict[Path, Past] = {}

    def past_of(file: Path) -> Past:
        past = next((one for root, one in pasts.items() if file.is_relative_to(root)), None)
        if past is None:
            past = Past.of(file.parent, since)
            pasts[past.root] = past
        return past

    rows: set[str] = set()
    for page, file in files:
        rows |= _of_page(page, file, past_of(file))
    unread = [(one.name, _unread(one, zoos)) for one in catalogue.unread]
    named = [*((page.name, file) for page, file in files), *unread]
    changed = frozenset(name for name, file in named if file in past_of(file).changed)
    if not files and not catalogue.unread:
        past = Past.of(real_path(expected), since)
        pasts[past.root] = past
    about_all = {real_path(one) for one in (*deciding, *(zoo.folder / NAME for zoo in zoos))}
    for past in pasts.values():
        found = _of_decisions(catalogue, real_path(expected), past, about_all)
        if isinstance(found, str):
            everything = frozenset(one.id for one in catalogue.models)
            return Touched(everything, len(everything), found, changed)
        rows |= found
    known = {one.id: (one.variant.network, one.size) for one in catalogue.models}
    rows &= known.keys()
    networks = {known[row] for row in rows if known[row][0]}
    sharing = {row for row, network in known.items() if network in networks}
    return Touched(frozenset(rows | sharing), len(rows), pages=changed)


def _files(
    catalogue: Catalogue, pages: Sequence[Path], zoos: Sequence[ZooFolder]
) -> list[tuple[Page, Path]]:
    """The file of each page that was given or found; none of those that only expectations know."""
    by_digest: dict[str, list[Path]] = {}
    for path in (*pages, *(path for zoo in zoos for path in zoo.files())):
        try:
            digest = hashlib.sha256(read_bytes(path, most=MAX_BYTES)).hexdigest()
        except OSError:
            continue  # told as a page that cannot be read
        by_digest.setdefault(digest, []).append(path)
    found = []
    for page in catalogue.pages:
        same = by_digest.get(page.sha256, [])
        named = [path for path in same if path.as_posix().endswith(f"/{page.path}")]
        found += [(page, path) for path in (named or same)[:1]]
    return found


def _unread(page: UnreadPage, zoos: Sequence[ZooFolder]) -> Path:
    """The file of a page that could not be read: told from here, or from its zoo."""
    places = (base / page.path for base in (Path.cwd(), *(zoo.folder for zoo in zoos)))
    return next((real_path(one) for one in places if one.is_file()), real_path(Path(page.path)))


def _of_page(page: Page, file: Path, past: Past) -> set[str]:
    """Rows of which the page says something else than it did."""
    everything = _ids(page)
    before = past.read(file)
    now = read_bytes(file, most=MAX_BYTES)
    if before is None:
        return everything
    if before == now:
        return set()
    try:
        with Scratch("changed") as scratch:
            (scratch / file.name).write_bytes(before)
            old = read_page(scratch / file.name, name=page.name, lenient=True)
    except (PageError, OSError):
        return everything
    if _prose(before, old) != _prose(now, page):
        return everything
    was = {row.id: _said(row) for row in old.rows}
    return {row.id for row in page.rows if was.get(row.id) != _said(row)}


def _ids(page: Page) -> set[str]:
    """All that is documented on a page."""
    return {row.id for row in page.rows} | {one.id for one in page.failures}


def _prose(data: bytes, page: Page) -> list[bytes]:
    """The lines of a page on which none of its rows stands."""
    of_rows = {at for row in page.rows for at in (row.line, *(one.line for one in row.claims))}
    return [line for at, line in enumerate(data.splitlines(), 1) if at not in of_rows]


def _said(row: Row) -> Row:
    """What a row says, wherever it stands."""
    claims = tuple(replace(one, line=0, column=0) for one in row.claims)
    return replace(row, line=0, table=0, claims=claims)


def _of_decisions(
    catalogue: Catalogue, expected: Path, past: Past, about_all: Collection[Path]
) -> set[str] | str:
    """Rows of which the expectations have something else than they had, or what changes all."""
    rows: set[str] = set()
    suite = real_path(DEFAULT.parent)
    for path in sorted(past.changed):
        if path in about_all:
            return path.relative_to(past.root).as_posix()
        if path.is_relative_to(expected):
            found = _of_file(catalogue, path, path.relative_to(expected), past)
            if isinstance(found, str):
                return found
            rows |= found
        elif path.is_relative_to(suite):
            first, *others = path.relative_to(suite).parts
            if first in _CODE and others[:1] != [_NO_CODE]:
                return path.relative_to(past.root).as_posix()
    return rows


def _of_file(catalogue: Catalogue, path: Path, below: Path, past: Past) -> set[str] | str:
    shown = path.relative_to(past.root).as_posix()
    kind = below.parts[0]
    if path.suffix == ".md":
        return set()
    page = next((one for one in catalogue.pages if one.name == path.stem), None)
    if kind in KINDS and page is None:
        return set()  # of a page that is not gated
    try:
        old = _entries(past.read(path))
        new = _entries(read_bytes(path, most=MAX_BYTES) if path.is_file() else None)
    except (OSError, ValueError):  # a file that cannot be read is told by whoever reads it
        return shown
    if kind not in (*KINDS, "baselines") or (page is None and old[1] != new[1]):
        return shown
    if page is not None and kind in KINDS and old[1] != new[1]:
        return _ids(page)
    changed = {row for row in (*old[0], *new[0]) if old[0].get(row) != new[0].get(row)}
    rows = {one.id for one in catalogue.models}
    return changed if page is not None or changed <= rows else shown


def _entries(data: bytes | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a file has of each row, by id, and the rest of it; without places on the page.

    Raises:
        ValueError: it is no TOML.
    """
    content = _placeless(tomllib.loads(data.decode("utf-8")) if data else {})
    rest = {key: value for key, value in content.items() if key not in ("rows", "case")}
    of_rows = content.get("rows", content.get("case", {}))
    if isinstance(of_rows, list):
        of_rows = {str(one.get("id")): one for one in of_rows if isinstance(one, Mapping)}
    return dict(of_rows), rest


def _placeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _placeless(one) for key, one in value.items() if key not in _PLACES}
    return [_placeless(one) for one in value] if isinstance(value, list) else value
