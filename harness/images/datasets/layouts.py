"""The two layouts on disk, read into labelled images, with everything that does not fit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from harness.errors import HarnessError, MissingDataset
from harness.images.datasets.faults import DatasetFault, FaultKind, listed
from harness.images.datasets.imagenet import validation_gap
from harness.images.datasets.labels import is_synset, scan_labels

IMAGES: Final = "val"
LABELS: Final = "val_label.txt"
SUFFIX: Final = ".JPEG"  # the only one that the vendor's tools look for, in capitals


class Layout(StrEnum):
    """How a data set lies on disk."""

    PAGE = f"{IMAGES}/*{SUFFIX} with {LABELS}"
    SYNSETS = f"<synset>/*{SUFFIX}"


@dataclass(frozen=True, slots=True, order=True)
class LabelledImage:
    """An image file, its path relative to the data set's root with ``/``, and its class id."""

    name: str
    path: Path
    class_id: int

    @property
    def file(self) -> str:
        """The file's own name, as label lists have it."""
        return self.path.name


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled images in order of their names, all of which exist, and what does not fit.

    Where ``faults`` is not empty, class ids may be out of range: then only look, as :func:`scan`
    does for a report, and use nothing. ``gap`` says why this is not ImageNet's validation set,
    and is empty where it is.
    """

    root: Path
    layout: Layout
    images: tuple[LabelledImage, ...]
    faults: tuple[DatasetFault, ...]
    gap: str


def scan(root: Path, *, synsets: Sequence[str]) -> Dataset:
    """Find the images of a data set in either layout; no image is opened.

    Args:
        root: holds ``val`` and ``val_label.txt``, or a folder for each synset; a root whose
            ``val`` holds those folders, as ``valprep.sh`` leaves it, is read too.
        synsets: in class order.

    Raises:
        MissingDataset: the root is no folder, or lies in neither layout.
        HarnessError: a folder or the label list cannot be read.
    """
    if not root.is_dir():
        raise MissingDataset(f"no data set at {root}: expected a folder")
    for folder in (root / IMAGES, root):
        if any(is_synset(path.name) for path in _entries(folder, missing_is_empty=True)):
            return _scan_synsets(folder, synsets)
    if (root / LABELS).exists() or (root / IMAGES).is_dir():
        return _scan_page(root, len(synsets))
    raise MissingDataset(f"no data set at {root}: expected {' or '.join(Layout)}")


def open_dataset(root: Path, *, synsets: Sequence[str]) -> Dataset:
    """As :func:`scan`, but nothing may be wrong with names and labels.

    Raises:
        MissingDataset: as :func:`scan`, or there are no images at all.
        HarnessError: as :func:`scan`, or anything does not fit; all of it is named.
    """
    found = scan(root, synsets=synsets)
    if found.faults:
        raise HarnessError(f"{root} cannot be used as it is:{listed(found.faults)}")
    if not found.images:
        raise MissingDataset(f"no images at {root}: expected {found.layout}")
    return found


def _scan_page(root: Path, classes: int) -> Dataset:
    labels, problems = scan_labels(root / LABELS)
    faults = list(problems)
    present = {path.name: path for path in _entries(root / IMAGES)}
    images = []
    for label in labels:
        if not 0 <= label.class_id < classes:
            text = f"{label.class_id} for {label.file}, expected 0 to {classes - 1}"
            faults.append(
                DatasetFault(FaultKind.OUT_OF_RANGE, f"{root / LABELS}:{label.line}", text)
            )
        path = present.get(label.file)
        if path is not None and path.is_file():
            images.append(LabelledImage(f"{IMAGES}/{label.file}", path, label.class_id))
        else:
            where = str(root / IMAGES / label.file)
            text = f"named on line {label.line} of {LABELS}"
            faults.append(DatasetFault(FaultKind.MISSING, where, text))
    named = {label.file for label in labels}
    for name, path in present.items():
        if name not in named:
            text = f"not named in {LABELS}, or named in a line that cannot be used"
            faults.append(DatasetFault(FaultKind.EXTRA, str(path), text))
    return _dataset(root, Layout.PAGE, images, faults)


def _scan_synsets(root: Path, synsets: Sequence[str]) -> Dataset:
    class_ids = {synset: class_id for class_id, synset in enumerate(synsets)}
    images: list[LabelledImage] = []
    faults: list[DatasetFault] = []
    for folder in _entries(root):
        class_id = class_ids.get(folder.name) if folder.is_dir() else None
        if class_id is None:
            if folder.name != LABELS:
                text = f"expected folders named as one of {len(synsets)} synsets"
                faults.append(DatasetFault(FaultKind.EXTRA, str(folder), text))
            continue
        count = len(images)
        for path in _entries(folder):
            if path.suffix == SUFFIX and path.is_file():
                name = f"{folder.name}/{path.name}"
                images.append(LabelledImage(name, path, class_id))
            else:
                faults.append(DatasetFault(FaultKind.EXTRA, str(path), f"expected files *{SUFFIX}"))
        if len(images) == count:
            faults.append(DatasetFault(FaultKind.EMPTY, str(folder), f"expected files *{SUFFIX}"))
    return _dataset(root, Layout.SYNSETS, images, faults)


def _dataset(
    root: Path, layout: Layout, images: list[LabelledImage], faults: list[DatasetFault]
) -> Dataset:
    for image in images:
        if not _is_utf8(image.name):
            faults.append(
                DatasetFault(FaultKind.MALFORMED, _shown(image.path), "its name is not UTF-8")
            )
    gap = validation_gap((image.file, image.class_id) for image in images)
    return Dataset(root, layout, tuple(sorted(images)), tuple(faults), gap)


def _is_utf8(name: str) -> bool:
    return _shown(Path(name)) == str(Path(name))


def _shown(path: Path) -> str:
    """A path as it can be printed, whatever its bytes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _entries(folder: Path, *, missing_is_empty: bool = False) -> Iterator[Path]:
    """What lies in a folder, in order of names."""
    if missing_is_empty and not folder.is_dir():
        return iter(())
    try:
        return iter([folder / name for name in sorted(os.listdir(folder))])
    except FileNotFoundError as error:
        raise MissingDataset(f"{folder} does not exist") from error
    except OSError as error:
        raise HarnessError(f"cannot read {folder}: {error.strerror or error}") from error
