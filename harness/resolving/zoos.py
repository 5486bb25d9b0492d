"""Many pages at once: those that are named, and all of a folder that document models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tomli_w

from harness.errors import HarnessError, NoModelTable, OtherTask, PageError
from harness.pages.folders import page_names, pages_below
from harness.pages.reading import read_page, recorded_path
from harness.records import Page, UnreadPage

_ANY: Final = "page"  # a name, while it is not known what else is called so


@dataclass(frozen=True, slots=True)
class FoundPages:
    """The pages of a run.

    Attributes:
        pages: by their files.
        unread: those of folders that cannot be read.
        modelless: how many Markdown files of the folders are about no models that classify.
    """

    pages: Mapping[Path, Page]
    unread: tuple[UnreadPage, ...]
    modelless: int

    def without(self, lost: Mapping[Path, str]) -> FoundPages:
        """The same without some pages, which are told of with these reasons."""
        kept = {path: page for path, page in self.pages.items() if path not in lost}
        gone = (
            UnreadPage(page.name, page.path, lost[path])
            for path, page in self.pages.items()
            if path in lost
        )
        return FoundPages(kept, (*self.unread, *gone), self.modelless)


def find_pages(
    named: Iterable[Path], folders: Iterable[Path], *, lenient: bool = False
) -> FoundPages:
    """Read the pages that are named, and all below folders.

    Two pages of one title have the names of their folders before it.

    Args:
        named: pages, which have to be readable.
        folders: of these, a file without a table of models that classify is no page; a page that
            cannot be read is told of in the result.
        lenient: see :func:`read_page`.

    Raises:
        PageError: a page that is named cannot be read.
        HarnessError: there is no such folder, or no page in it.
    """
    own, below, modelless = dict.fromkeys(named), dict[Path, str](), 0
    for folder in folders:
        if not folder.is_dir():
            raise HarnessError(f"{folder}: no such folder")
        found = {path: _unread(path, lenient=lenient) for path in pages_below(folder)}
        pages = {path: problem for path, problem in found.items() if problem is not None}
        if not pages:
            raise HarnessError(f"{folder}: no page with a model table in this folder")
        modelless += len(found) - len(pages)
        below |= {path: problem for path, problem in pages.items() if path not in own}
    names = page_names((*own, *below))
    read = {path: read_page(path, name=names[path], lenient=lenient) for path in own}
    unread = []
    for path, problem in below.items():
        try:
            if problem:
                raise HarnessError(problem)
            read[path] = read_page(path, name=names[path], lenient=lenient)
        except HarnessError as error:
            unread.append(UnreadPage(names[path], recorded_path(path), str(error)))
    return FoundPages(dict(sorted(read.items())), tuple(unread), modelless)


def _unread(path: Path, *, lenient: bool) -> str | None:
    """Why a page of a folder cannot be read, "" where it can; None where it is no page of models.

    What cannot be understood makes it none only where nothing else of it can.
    """
    try:
        read_page(path, name=_ANY, lenient=lenient)
    except (NoModelTable, OtherTask):
        return None
    except PageError as error:
        return str(error)
    return ""


def render(found: FoundPages) -> str:
    """What is told of pages that have no rows, as ``unread.toml`` beside the others."""
    unread = [{"name": one.name, "path": one.path, "reason": one.reason} for one in found.unread]
    return tomli_w.dumps({"modelless": found.modelless, "page": unread})
