"""A calibration set as a file: which images, by what seed, with the hash of each.

version = 1
seed = 7
synsets = ["n01440764", ...]          in class order
[[image]]
path = "n01440764/a.JPEG"             relative to the data set's root, with /
class = 0
sha256 = "..."
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

import tomli_w

from harness.errors import CalibrationError, HarnessError
from harness.images.datasets.calibration import (
    CalibrationImage,
    CalibrationSet,
    require_covered,
)
from harness.images.datasets.content import sha256_of
from harness.images.datasets.layouts import LabelledImage
from harness.runtime.atomic import write_text
from harness.runtime.document import ExpectedTable

VERSION: Final = 1


def write_manifest(path: Path, calibration: CalibrationSet) -> None:
    """Write a calibration set; the same set gives the same bytes.

    Raises:
        HarnessError: the file cannot be written, or a path is not UTF-8.
    """
    document = {
        "version": VERSION,
        "seed": calibration.seed,
        "synsets": list(calibration.synsets),
        "image": [
            {"path": one.image.name, "class": one.image.class_id, "sha256": one.sha256}
            for one in calibration.images
        ],
    }
    try:
        write_text(path, tomli_w.dumps(document))
    except UnicodeEncodeError as error:
        raise HarnessError(f"cannot write {path}: a path is not UTF-8: {error.object!r}") from error


def read_manifest(path: Path, *, root: Path) -> CalibrationSet:
    """Read a calibration set and hold it against the files, each of which is read in full.

    Args:
        root: of the data set the images were chosen from.

    Raises:
        ExpectationError: the manifest is missing or malformed; names file and key.
        CalibrationError: images that are missing, changed or the same as another, or classes
            without an image; all of them are named.
    """
    document = ExpectedTable.load(path)
    document.only(("version", "seed", "synsets", "image"))
    document.whole("version", least=VERSION, most=VERSION)
    synsets = document.values.get("synsets")
    if not isinstance(synsets, list) or not all(isinstance(one, str) for one in synsets):
        raise document.wrong("synsets", "a list of synsets")
    images = [_image(table, root, len(synsets)) for table in document.tables("image")]
    problems = []
    seen: dict[str, str] = {}
    for one in images:
        name = one.image.name
        if seen.setdefault(one.sha256, name) != name:
            problems.append(f"{name} is the same image as {seen[one.sha256]}")
        if not one.image.path.is_file():
            problems.append(f"{name} is missing")
        elif (found := sha256_of(one.image.path)) != one.sha256:
            problems.append(f"{name} has changed: SHA-256 {found[:12]}…, not {one.sha256[:12]}…")
    if problems:
        raise CalibrationError(f"{path} does not fit {root}: " + "; ".join(problems))
    require_covered((one.image for one in images), synsets=synsets)
    return CalibrationSet(
        tuple(images), document.whole("seed", least=-(2**63), most=2**63), tuple(synsets)
    )


def _image(table: ExpectedTable, root: Path, classes: int) -> CalibrationImage:
    table.only(("path", "class", "sha256"))
    name = table.written("path")
    if not _stays_inside(name):
        raise table.wrong("path", "a path within the data set")
    class_id = table.whole("class", least=0, most=classes - 1)
    sha256 = table.sha256("sha256")
    return CalibrationImage(LabelledImage(name, root / name, class_id), sha256)


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\0" not in name
