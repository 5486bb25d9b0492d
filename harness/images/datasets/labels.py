"""Label lists (``<file> <class id>``, a line an image) and synset lists (a synset a line)."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import HarnessError, MissingDataset, quoted
from harness.images.datasets.faults import DatasetFault, FaultKind, listed
from harness.images.datasets.imagenet import SYNSETS_SHA256
from harness.runtime import entry_points
from harness.runtime.foreign import read_bytes

LARGEST_LIST: Final = 2**26
"""Bytes; the label list of the 50,000 images has 1.6 MiB, one of 1.3 million images 50."""

_LINE: Final = re.compile(r"(?P<file>\S|\S.*\S) (?P<class_id>-?[0-9]{1,9})")
_SYNSET: Final = re.compile(r"n[0-9]{8}")


@dataclass(frozen=True, slots=True)
class Label:
    """One line of a label list: file name, class id, and the line it stands on, from 1."""

    file: str
    class_id: int
    line: int


def scan_labels(path: Path) -> tuple[tuple[Label, ...], tuple[DatasetFault, ...]]:
    """Read a label list, UTF-8, and collect everything that is wrong with it.

    Names may hold spaces but no folders. Lines ending in CR LF are read too. The list has to be in
    order of file names: evaluation tools pair results with images by sorted name. Class ids are
    whole numbers of any sign and size; whether there are such classes is not known here.

    Returns:
        Every line that can be used, in order of the file; and the faults, in the same order.

    Raises:
        MissingDataset: there is no such file.
        HarnessError: it cannot be read, or is not UTF-8.
    """
    labels: list[Label] = []
    faults: list[DatasetFault] = []
    seen: dict[str, int] = {}
    last = ""
    for number, line in enumerate(_lines(path), start=1):
        where = f"{path}:{number}"
        match = _LINE.fullmatch(line)
        if not match or Path(match["file"]).name != match["file"]:
            text = f"{quoted(line)}, expected '<file> <class id>'"
            faults.append(DatasetFault(FaultKind.MALFORMED, where, text))
            continue
        file, class_id = match["file"], int(match["class_id"])
        if file in seen:
            text = f"{file} also stands on line {seen[file]}"
            faults.append(DatasetFault(FaultKind.LISTED_TWICE, where, text))
            continue
        seen[file] = number
        if file < last:
            faults.append(
                DatasetFault(FaultKind.OUT_OF_ORDER, where, f"{file} stands after {last}")
            )
        last = max(file, last)
        labels.append(Label(file, class_id, number))
    return tuple(labels), tuple(faults)


def read_synsets(path: Path | None = None) -> tuple[str, ...]:
    """Read the synsets in class order; the class id is the place in the result, from 0.

    Without a path it is the list of 1000 that timm packs, which has to be the official one.

    Raises:
        MissingDataset: there is no such file, or no path is given and timm is not installed.
        HarnessError: the file cannot be read, or a line is no synset or stands twice.
    """
    if path is None:
        return _packed_synsets()
    synsets = tuple(_lines(path))
    faults = []
    seen: dict[str, int] = {}
    for number, synset in enumerate(synsets, start=1):
        where = f"{path}:{number}"
        if not _SYNSET.fullmatch(synset):
            text = f"{quoted(synset)}, expected a synset such as n01440764"
            faults.append(DatasetFault(FaultKind.MALFORMED, where, text))
        elif (first := seen.setdefault(synset, number)) != number:
            text = f"{synset} also stands on line {first}"
            faults.append(DatasetFault(FaultKind.LISTED_TWICE, where, text))
    if faults or not synsets:
        raise HarnessError(f"{path} is no list of synsets, one a line:{listed(faults)}")
    return synsets


def is_synset(name: str) -> bool:
    """Whether a folder name has the form of a synset."""
    return _SYNSET.fullmatch(name) is not None


def _packed_synsets() -> tuple[str, ...]:
    path = _packed_file()
    synsets = read_synsets(path)
    text = "".join(f"{synset}\n" for synset in synsets)
    if hashlib.sha256(text.encode()).hexdigest() != SYNSETS_SHA256:
        raise HarnessError(f"{path} is not the official list of synsets: give --synsets FILE")
    return synsets


def _packed_file() -> Path:
    """The list in an installed source library; the library is not imported."""
    named = [entry_points.load(target).synsets for target in entry_points.sources().values()]
    packed = [name.partition(":")[::2] for name in named if name]
    for package, file in packed:
        found = importlib.util.find_spec(package)
        if found is not None and found.submodule_search_locations:
            return Path(found.submodule_search_locations[0], file)
    libraries = " or ".join(package for package, _ in packed)
    raise MissingDataset(f"no list of synsets: give --synsets FILE, or install {libraries}")


def _lines(path: Path) -> list[str]:
    try:
        text = read_bytes(path, most=LARGEST_LIST).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise MissingDataset(f"{path} does not exist") from error
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise HarnessError(f"{path}: not UTF-8 at byte {error.start}") from error
    lines = text.split("\n")  # names may hold what str.splitlines takes for a line's end
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]
