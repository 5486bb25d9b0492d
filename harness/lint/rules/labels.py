"""Lists of class names in a zoo: a name that stands for two classes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from harness.errors import HarnessError
from harness.lint.findings import Evidence, Fault, LintRule, Severity
from harness.lint.places import Place
from harness.lint.zoo import Zoo
from harness.runtime.foreign import read_bytes

_CLASSES: Final = (1000, 1001)  # ImageNet's, and with a class for the background
_LARGEST: Final = 256 * 1024  # bytes; ImageNet's names have 31 KiB
_DISTINCT: Final = 0.99  # of the lines; with fewer it lists something else
_MOST_FILES: Final = 10_000  # text files below a folder; a zoo has some
_BEFORE: Final = re.compile(r"[{\s]*(?:\d{1,4}\s*[:,\s]|n\d{8}[:,\s])\s*")  # an id or a synset


def _twice(zoo: Zoo) -> Iterator[Fault]:
    files = {
        path
        for folder in zoo.folders
        for path in islice(folder.rglob("*.txt"), _MOST_FILES)
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }
    for path in sorted(files):
        inside = path.is_relative_to(Path.cwd())
        yield from _twice_in(path.relative_to(Path.cwd()) if inside else path)


def _twice_in(path: Path) -> Iterator[Fault]:
    names = _class_names(path)
    first: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        before = first.setdefault(name, number)
        if before != number:
            yield Fault(
                Place(path.as_posix(), number, 1),
                f"{path.as_posix()} {name}",
                f"classes {before - 1} and {number - 1} are both called {name!r}, so that results "
                "that are matched by name count one for the other",
                "names that differ, or results matched by class id",
                evidence=(Evidence(f"class {before - 1}", Place(path.as_posix(), before, 1)),),
            )


def _class_names(path: Path) -> list[str]:
    """The names of a list with as many lines as ImageNet has classes; of another file none."""
    try:
        text = read_bytes(path, most=_LARGEST).decode("utf-8")
    except (OSError, UnicodeDecodeError, HarnessError):
        return []
    lines = text.rstrip().splitlines()
    if len(lines) not in _CLASSES:
        return []
    names = [_BEFORE.sub("", line, count=1).strip().strip(",}").strip("'\"") for line in lines]
    are_names = len(set(names)) >= len(names) * _DISTINCT and not any(map(str.isdigit, names))
    return names if are_names else []


RULES: Final = (
    LintRule(
        "class-name-twice",
        Severity.WARNING,
        "A list of class names calls two classes the same",
        "A text file with a line for each of ImageNet's classes, in a folder that was given; ids "
        "and synsets before the names are left out.",
        _twice,
    ),
)
