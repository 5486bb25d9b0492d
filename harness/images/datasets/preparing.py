"""The page's layout into folders per synset: what ``valprep.sh`` does, without moving anything."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.images.datasets.faults import DatasetFault, FaultKind, listed
from harness.images.datasets.layouts import IMAGES, Layout, open_dataset
from harness.runtime.atomic import write_bytes


@dataclass(frozen=True, slots=True)
class PreparedFiles:
    """Files that were made, and files that lay there already with the right content."""

    made: int
    kept: int


def prepare(
    source: Path, target: Path, *, synsets: Sequence[str], link: bool = False
) -> PreparedFiles:
    """Make ``target/<synset>/<file>`` for every image of ``source``, in the page's layout.

    Nothing is ever removed or overwritten, and each file appears whole or not at all, so an
    interrupted run is continued by the next one. Conflicts are found before anything is written.

    Args:
        synsets: in class order.
        link: hard links to the source's files instead of copies.

    Raises:
        MissingDataset: there is no data set at ``source``.
        HarnessError: it lies in another layout or anything is wrong with it; the target lies
            within its images or holds files of other content, all of which are named; or
            something cannot be read or written.
    """
    if target.resolve().is_relative_to((source / IMAGES).resolve()):
        raise HarnessError(f"{target} lies within {source / IMAGES}, expected a folder outside")
    dataset = open_dataset(source, synsets=synsets)
    if dataset.layout is not Layout.PAGE:
        raise HarnessError(f"{source} lies as {dataset.layout} already, expected {Layout.PAGE}")
    todo: list[tuple[Path, Path]] = []
    conflicts = []
    for image in dataset.images:
        place = target / synsets[image.class_id] / image.file
        if not os.path.lexists(place):
            todo.append((image.path, place))
        elif not _same(image.path, place):
            text = f"expected the content of {image.path}"
            conflicts.append(DatasetFault(FaultKind.CONFLICT, str(place), text))
    if conflicts:
        raise HarnessError(f"nothing was written to {target}:{listed(conflicts)}")
    for original, place in todo:
        _place(original, place, link=link)
    return PreparedFiles(made=len(todo), kept=len(dataset.images) - len(todo))


def _same(original: Path, place: Path) -> bool:
    try:
        return filecmp.cmp(original, place, shallow=False)
    except OSError:
        return False  # a broken link, a folder, or nothing that may be read: not what is expected


def _place(original: Path, place: Path, *, link: bool) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if link:
            os.link(original.resolve(), place)
        else:
            write_bytes(place, original.read_bytes())
    except OSError as error:
        hint = "; --copy works across file systems" if link else ""
        reason = error.strerror or error
        raise HarnessError(f"cannot make {place} from {original}: {reason}{hint}") from error
