"""The files that lie beside a page and belong to it: build configs, run-time files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from harness.errors import ExpectationError, HarnessError, UnknownKey
from harness.expected.buildconfig import BuildConfig, strict_yaml
from harness.expected.buildconfig.reading import build_config
from harness.images import vdsp
from harness.images.vdsp import FILE_SUFFIX, VdspParams
from harness.lint.places import Place
from harness.lint.vocabulary import Values, modelled_config, modelled_run_time
from harness.pages.identity import page_title
from harness.runtime.foreign import read_bytes

_DEEPEST: Final = 3  # folders below the page's own; the vendor's zoo has two
_MOST_FILES: Final = 10_000  # below one page; the vendor's largest has some hundreds
_LARGEST: Final = 64 * 1024  # bytes; the vendor's files have less than one KiB

_KEY: Final = re.compile(r"(?P<key>[A-Za-z_][\w.\[\]]*)(?:: | is )")  # as errors begin with it

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class Sibling(Generic[Content]):
    """A file that belongs to a page: what it says, or why that cannot be read.

    Attributes:
        key: the key that the problem is about, or "".
        unknown_key: whether it is about a key that is not known here.
        beyond: words of the vendor in it that are not modelled here.
    """

    path: Path
    content: Content | None
    problem: str = ""
    key: str = ""
    unknown_key: bool = False
    beyond: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The path as it is printed."""
        return self.path.as_posix()

    def at(self, key: str = "") -> Place:
        """The line and column of the value of a key in YAML or JSON, else the file's beginning."""
        pattern = re.compile(rf"""^\s*(?:-\s+)?["']?{re.escape(key)}["']?\s*:\s*""")
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
    """The build configs and run-time files of a page, and what is named nearly so, by path."""

    build_configs: tuple[BuildFile, ...] = ()
    run_time_files: tuple[RunTimeFile, ...] = ()
    others: tuple[Path, ...] = ()


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
    others: list[Path] = []
    for count, path in enumerate(_files(root, 0)):
        if count >= _MOST_FILES:
            raise HarnessError(f"{root}: more than {_MOST_FILES} files beside {page.name}")
        if path.suffix in (".yaml", ".yml") and path.parent.name == "build":
            builds.append(_read(path, strict_yaml.load, modelled_config, build_config))
        elif path.suffix == ".json" and path.stem.endswith(FILE_SUFFIX):
            run_time.append(_read(path, vdsp.load, modelled_run_time, vdsp.vdsp_params))
        elif path.suffix == ".json" and FILE_SUFFIX in path.stem:
            others.append(path)
    return Siblings(tuple(builds), tuple(run_time), tuple(others))


def _read(
    path: Path,
    load: Callable[[Path], Values],
    modelled: Callable[[Values], tuple[Values, tuple[str, ...]]],
    read: Callable[[Path, Values], Content],
) -> Sibling[Content]:
    beyond: tuple[str, ...] = ()
    try:
        values, beyond = modelled(load(path))
        return Sibling(path, read(path, values), beyond=beyond)
    except ExpectationError as error:
        problem = str(error).removeprefix(f"{path}").lstrip(": ")
        named = _KEY.match(problem)
        key = re.sub(r"\[\d+\]$", "", named["key"]).rpartition(".")[2] if named else ""
        return Sibling(path, None, problem, key, isinstance(error, UnknownKey), beyond)


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
