"""``zoo.toml`` in the folder of a zoo: which pages belong to it, and how its runs are made.

::

    pages = ["cv/classification/*"]
    leave_out = ["*/source_code/*"]

    [[manifest]]                 # see harness.pages.manifests
    files = ["models/*.yaml"]

    [options]
    expected = "expected"
    backend = ["onnxruntime", "vendor"]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from harness.errors import HarnessError
from harness.pages.folders import pages_below
from harness.pages.manifests import SETTINGS
from harness.runtime.document import ExpectedTable
from harness.runtime.foreign import real_path

NAME: Final = SETTINGS
EVERY: Final = ("*",)


@dataclass(frozen=True, slots=True)
class ZooFolder:
    """A folder of pages.

    Attributes:
        folder: without links.
        pages: which files below it may be pages, as patterns of their paths from there, in
            which ``*`` stands for any characters, ``/`` too.
        left_out: which of them are not.
    """

    folder: Path
    pages: tuple[str, ...] = EVERY
    left_out: tuple[str, ...] = ()

    def files(self) -> list[Path]:
        """The files that are meant, in order.

        Raises:
            HarnessError: there is no such folder, or a pattern matches no file.
        """
        if not self.folder.is_dir():
            raise HarnessError(f"{self.folder}: no such folder")
        below = {one: one.relative_to(self.folder).as_posix() for one in pages_below(self.folder)}
        for key, patterns in (("pages", self.pages), ("leave_out", self.left_out)):
            for pattern in patterns:
                if pattern not in EVERY and not _any(below.values(), pattern):
                    told = f"{key} has {pattern!r}, which matches no file that could be a page"
                    raise HarnessError(f"{self.folder / NAME}: {told}")
        return [
            path
            for path, name in below.items()
            if any(fnmatchcase(name, one) for one in self.pages)
            and not any(fnmatchcase(name, one) for one in self.left_out)
        ]


def read_zoo(folder: Path) -> tuple[ZooFolder, ExpectedTable]:
    """A zoo's folder, and the options that its ``zoo.toml`` has; without such a file, none.

    Raises:
        HarnessError: there is no such folder.
        ExpectationError: the file cannot be read, or is not as described.
    """
    folder = real_path(folder)
    path = folder / NAME
    if not folder.is_dir():
        raise HarnessError(f"{folder}: no such folder")
    if not path.exists():
        return ZooFolder(folder), ExpectedTable(path, ("options",), {})
    top = ExpectedTable.load(path)
    top.only(("pages", "leave_out", "options", "manifest"))
    pages = _patterns(top, "pages", EVERY)
    if not pages:
        raise top.wrong("pages", "at least one pattern")
    left_out = _patterns(top, "leave_out", ())
    return ZooFolder(folder, pages, left_out), top.optional_table("options")


def _any(names: Iterable[str], pattern: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in names)


def _patterns(top: ExpectedTable, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = top.values.get(key, list(default))
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise top.wrong(key, "an array of texts, such as ['cv/classification/*']")
    return tuple(value)
