"""The pages of a folder: which files, and how each is called."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from harness.errors import HarnessError
from harness.pages.bounds import MAX_BYTES
from harness.pages.formats import FORMATS
from harness.pages.identity import id_part, page_title
from harness.pages.manifests import ENDINGS, kind_of_file

_PROSE: Final = frozenset({".md", ".rst"})
_MOST_PAGES: Final = 10_000  # files below one folder; a zoo has some dozens


def pages_below(folder: Path) -> list[Path]:
    """All files below a folder that may be pages, in order; none in hidden folders.

    Raises:
        HarnessError: there are more than any zoo has.
    """
    found: list[Path] = []
    for path in folder.rglob("*"):
        if path.suffix.lower() not in FORMATS or os.path.isdir(path):
            continue
        if path.suffix.lower() in ENDINGS and kind_of_file(path) is None:
            continue  # of the many such files of a repository, those that are said to be manifests
        if not _hidden(path.relative_to(folder)) and not _is_data(path):
            found.append(path)
        if len(found) > _MOST_PAGES:
            raise HarnessError(f"{folder}: more than {_MOST_PAGES} pages; give a smaller folder")
    return sorted(found)


def page_names(paths: Iterable[Path]) -> dict[Path, str]:
    """What pages are called in ids: each by its title, behind the folders that tell it from others.

    Two files of one title in one folder, as README.md and README_cn.md, have their names too.

    A name may make no id, which whoever reads the page says.

    Raises:
        HarnessError: two paths cannot be told apart.

    >>> page_names([Path("/zoo/a/net.md"), Path("/zoo/b/net.md"), Path("/zoo/b/vgg/README.md")])
    ... # doctest: +NORMALIZE_WHITESPACE
    {PosixPath('/zoo/a/net.md'): 'a-net', PosixPath('/zoo/b/net.md'): 'b-net',
     PosixPath('/zoo/b/vgg/README.md'): 'vgg'}
    """
    folders = dict.fromkeys(paths, 0)
    titles = Counter((path.parent, page_title(path)) for path in folders)
    while True:
        names = {
            path: _name(path, count, whole=titles[path.parent, page_title(path)] > 1)
            for path, count in folders.items()
        }
        times = Counter(names.values())
        twice = [path for path, name in names.items() if times[name] > 1]
        deeper = [path for path in twice if folders[path] < len(path.parents)]
        if not twice:
            return names
        if not deeper:
            raise HarnessError(f"{twice[0]}: {twice[1]} is called {names[twice[0]]!r} too")
        for path in deeper:
            folders[path] += 1


def _name(path: Path, folders: int, *, whole: bool) -> str:
    """A page's title behind so many folders; ``whole``: and before the name of its file."""
    title = page_title(path)
    above = [one.name for one in path.parents]
    if title != path.stem:  # that of the folder
        above = above[1:]
    if whole:
        title = f"{title}-{path.name}" if title != path.stem else path.name
    named = "-".join((*reversed(above[:folders]), title))
    try:
        return id_part(named)
    except ValueError:
        return named


def _is_data(path: Path) -> bool:
    """Whether a file is of a format in which data are kept, too, and larger than any page."""
    return path.suffix.lower() not in _PROSE and path.is_file() and path.stat().st_size > MAX_BYTES


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
