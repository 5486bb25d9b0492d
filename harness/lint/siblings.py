"""The files that lie beside a page and belong to it: build configs, run-time files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from harness.errors import ExpectationError, HarnessError
from harness.expected.buildconfig import BuildConfig, read_build_config
from harness.images.vdsp import FILE_SUFFIX, VdspParams, read_vdsp_params
from harness.lint.findings import Place
from harness.pages.identity import page_title
from harness.runtime.foreign import read_bytes

_DEEPEST: Final = 3  # folders below the page's own; the vendor's zoo has two
_MOST_FILES: Final = 10_000  # below one page; the vendor's largest has some hundreds
_LARGEST: Final = 64 * 1024  # bytes; the vendor's files have less than one KiB

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class Sibling(Generic[Content]):
    """A file that belongs to a page: what it says, or why that cannot be read."""

    path: Path
    content: Content | None
    problem: str = ""

    @property
    def file(self) -> str:
        """The path as it is printed."""
        return self.path.as_posix()

    def at(self, key: str = "") -> Place:
        """The line and column of the value of a key in YAML or JSON, else the file's beginning."""
        pattern = re.compile(rf"""^\s*["']?{re.escape(key)}["']?\s*:\s*""")
        for number, line in enumerate(self._lines() if key else (), 1):
            if match := pattern.match(line):
                return Place(self.file, number, match.end() + 1)
        return Place(self.file, 1, 1)

    def _lines(self) -> list[str]:
        try:
            data = read_bytes(self.path, most=_LARGEST)
            return data.decode("utf-8", errors="replace").split("\n")
        except OSError:
            return []


BuildFile = Sibling[BuildConfig]
RunTimeFile = Sibling[VdspParams]


@dataclass(frozen=True, slots=True)
class Siblings:
    """The build configs and run-time files of a page, sorted by path."""

    build_configs: tuple[BuildFile, ...] = ()
    run_time_files: tuple[RunTimeFile, ...] = ()


def siblings_of(page: Path) -> Siblings:
    """Find and read them: below a README's own folder, else below the folder named as the page.

    Build configs are the YAML files in folders named ``build``, run-time files all those named
    ``…-vdsp_params.json``. Folders with a page of their own are left to that page.

    Raises:
        HarnessError: there are too many files.
    """
    root = page.parent if _is_of_folder(page) else page.with_suffix("")
    builds: list[BuildFile] = []
    run_time: list[RunTimeFile] = []
    for count, path in enumerate(_files(root, 0)):
        if count >= _MOST_FILES:
            raise HarnessError(f"{root}: more than {_MOST_FILES} files beside {page.name}")
        if path.suffix in (".yaml", ".yml") and path.parent.name == "build":
            builds.append(_read(path, read_build_config))
        elif path.suffix == ".json" and path.stem.endswith(FILE_SUFFIX):
            run_time.append(_read(path, read_vdsp_params))
    return Siblings(tuple(builds), tuple(run_time))


def _read(path: Path, read: Callable[[Path], Content]) -> Sibling[Content]:
    try:
        return Sibling(path, read(path))
    except ExpectationError as error:
        return Sibling(path, None, str(error))


def _files(folder: Path, depth: int) -> Iterator[Path]:
    entries = _entries(folder)
    pages = {entry.name for entry in entries if entry.name.endswith(".md")}
    for entry in entries:
        if not os.path.isdir(entry.path):  # a loop of links is told of as a file
            yield Path(entry.path)
        elif not entry.is_symlink() and depth < _DEEPEST:
            below = Path(entry.path)
            if f"{entry.name}.md" not in pages and not _has_page(below):
                yield from _files(below, depth + 1)


def _has_page(folder: Path) -> bool:
    return any(_is_of_folder(Path(entry.path)) for entry in _entries(folder))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, by name; nothing where it cannot be looked into."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_of_folder(page: Path) -> bool:
    """Whether a page is about its whole folder, and named after it."""
    return page.suffix == ".md" and page_title(page) != page.stem
