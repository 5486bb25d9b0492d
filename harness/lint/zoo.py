"""Pages, the files beside them, and what is known of their rows: all that rules may look at."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import HarnessError, MalformedTable, NoModelTable, PageError
from harness.lint.commands import Named, named_in
from harness.lint.known import Knowledge, Known
from harness.lint.places import Place
from harness.lint.siblings import Siblings, siblings_of
from harness.pages.bounds import MAX_BYTES
from harness.pages.folders import pages_below
from harness.pages.formats import parse
from harness.pages.reading import read_page
from harness.pages.tables import Document
from harness.records import Claim, Page, Row
from harness.runtime.foreign import read_bytes, real_path


@dataclass(frozen=True, slots=True, eq=False)
class LintedPage:
    """A page as far as it can be read; equal only to itself.

    Attributes:
        file: the path as it was given.
        page: its rows, or None where nothing of it can be read.
        problem: why nothing can be read.
        document: its lines and tables; empty where it cannot be decoded.
        named: what its commands and links name.
        siblings: the files that belong to it.
    """

    file: str
    page: Page | None
    document: Document
    named: Named
    siblings: Siblings
    problem: PageError | None = None

    @property
    def rows(self) -> tuple[Row, ...]:
        """Its rows, in order."""
        return self.page.rows if self.page else ()

    def at(self, line: int, text: str = "") -> Place:
        """A line; the column is where ``text`` first stands in it, else its first."""
        source = self.document.lines[line - 1] if 0 < line <= len(self.document.lines) else ""
        found = source.find(text) if text else -1
        return Place(self.file, line, max(found, 0) + 1)

    def of_row(self, row: Row) -> Place:
        """Where a row's name stands."""
        return self.at(row.line, row.name)

    def of_claim(self, claim: Claim) -> Place:
        """Where a claim's cell stands."""
        return Place(self.file, claim.line, max(claim.column, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Zoo:
    """All pages that are looked at together; equal only to itself.

    Attributes:
        folders: those that were given whole, so that what is not in them is not there.
    """

    pages: tuple[LintedPage, ...]
    knowledge: Knowledge = field(default_factory=Knowledge)
    folders: tuple[Path, ...] = ()

    def rows(self) -> Iterator[tuple[LintedPage, Row]]:
        """Every row with its page, in order."""
        for page in self.pages:
            for row in page.rows:
                yield page, row

    def known(self, row: Row) -> Known:
        """What is known of a row."""
        return self.knowledge.of(row.id)


Asking = Callable[[Sequence[LintedPage]], Knowledge]
"""What is known of the rows of pages."""


def read_zoo(paths: Iterable[Path], *, know: Asking | None = None) -> Zoo:
    """Read pages, and all pages below folders; one without a model table is left out of a folder.

    Raises:
        HarnessError: a path is neither a page nor a folder with pages, or cannot be read at all.
    """
    pages: dict[Path, LintedPage] = {}
    given = tuple(paths)
    for path in given:
        is_folder = os.path.isdir(path)  # where a name is too long for a file, Path raises
        found = pages_below(path) if is_folder else [path]
        read = {real_path(one): read_linted(one) for one in found}
        if is_folder:
            read = {one: page for one, page in read.items() if not _is_other(page)}
            if not read:
                raise HarnessError(f"{path}: no page with a model table in this folder")
        pages |= {one: page for one, page in read.items() if one not in pages}
    ordered = tuple(pages.values())
    folders = tuple(real_path(path) for path in given if os.path.isdir(path))
    return Zoo(ordered, know(ordered) if know else Knowledge(), folders)


def read_linted(path: Path) -> LintedPage:
    """Read one page leniently.

    Raises:
        PageError: the file cannot be read, or is too large for a page.
    """
    document, problem, page = Document((), (), ()), None, None
    try:
        page = read_page(path, lenient=True)
    except PageError as error:
        if error.line is None:
            raise
        problem = error
    if page or isinstance(problem, MalformedTable):
        try:
            text = read_bytes(path, most=MAX_BYTES).decode("utf-8-sig", errors="replace")
        except OSError as error:
            raise PageError(f"cannot be read: {error.strerror}", path=path.as_posix()) from error
        document = parse(text, path=path)
    named, siblings = named_in(document), siblings_of(path)
    return LintedPage(path.as_posix(), page, document, named, siblings, problem)


def _is_other(page: LintedPage) -> bool:
    """Whether a file is no page about models at all."""
    return page.page is None and isinstance(page.problem, NoModelTable)
