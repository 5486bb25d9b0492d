"""Many pages at once: those that are named, and all of a folder that document models."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import tomli_w

from harness.errors import HarnessError, NoModelTable, OtherTask, PageError
from harness.pages.bounds import MAX_BYTES
from harness.pages.folders import page_names
from harness.pages.reading import read_page, recorded_path
from harness.records import Page, UnreadPage
from harness.resolving.zoofile import ZooFolder
from harness.runtime.foreign import read_bytes

_TABLE: Final = re.compile(rb"\||<\0?t", re.IGNORECASE)  # what any table in Markdown has
_ANY: Final = "page"  # a name, where a file's own makes no id


@dataclass(frozen=True, slots=True)
class FoundPages:
    """The pages of a run.

    Attributes:
        pages: by their files.
        unread: those of folders that cannot be read.
        modelless: how many other files of the folders could be pages, and are about no models that
            classify.
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
    named: Iterable[Path], zoos: Iterable[ZooFolder], *, lenient: bool = False
) -> FoundPages:
    """Read the pages that are named, and all of zoos.

    Two pages of one title have the names of their folders before it.

    Args:
        named: pages, which have to be readable.
        zoos: of these, a file without a table of models that classify is no page; a page that
            cannot be read is told of in the result.
        lenient: see :func:`read_page`.

    Raises:
        PageError: a page that is named cannot be read.
        HarnessError: there is no such folder, or no page in it.
    """
    own = {path: read_page(path, lenient=lenient) for path in named}
    below, shown, modelless = dict[Path, Page | str](), dict[Path, str](), 0
    for zoo in zoos:
        folder, files = zoo.folder, zoo.files()
        found = {path: one for path in files if (one := _found(path, lenient=lenient)) is not None}
        if not found:
            raise HarnessError(f"{folder}: no page with a model table in this folder")
        modelless += len(files) - len(found)
        below |= {path: one for path, one in found.items() if path not in own}
        shown |= {path: _shown(path, folder) for path in found if path not in shown}
    names = page_names((*own, *below))
    pages = {path: _called(page, path, names[path], lenient) for path, page in own.items()}
    unread = []
    for path, one in below.items():
        if isinstance(one, str):
            unread.append(UnreadPage(names[path], shown[path], one))
        else:
            page = _called(one, path, names[path], lenient)
            pages[path] = replace(page, path=shown[path])
    return FoundPages(dict(sorted(pages.items())), tuple(unread), modelless)


def _found(path: Path, *, lenient: bool) -> Page | str | None:
    """A page of a folder, or why it cannot be read; None where it is no page of models."""
    try:
        if path.suffix == ".md" and not _TABLE.search(read_bytes(path, most=MAX_BYTES)):
            return None
        return read_page(path, lenient=lenient)
    except (NoModelTable, OtherTask):
        return None
    except OSError as error:
        return f"{path}: cannot be read: {error.strerror}"
    except PageError as error:
        try:
            read_page(path, name=_ANY, lenient=lenient)
        except (NoModelTable, OtherTask):
            return None
        except PageError:
            pass
        return str(error)


def _called(page: Page, path: Path, name: str, lenient: bool) -> Page:
    """A page under its name, which stands in the ids of its rows."""
    return page if page.name == name else read_page(path, name=name, lenient=lenient)


def _shown(path: Path, folder: Path) -> str:
    """The path of a page below the working directory, or else below the zoo's folder."""
    recorded = recorded_path(path)
    return path.relative_to(folder).as_posix() if recorded == path.name else recorded


def render(found: FoundPages) -> str:
    """What is told of pages that have no rows, as ``unread.toml`` beside the others."""
    unread = [{"name": one.name, "path": one.path, "reason": one.reason} for one in found.unread]
    return tomli_w.dumps({"modelless": found.modelless, "page": unread})
