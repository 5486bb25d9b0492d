"""Labelled images whose content is known: what an accuracy is measured on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, MissingDataset
from harness.images.datasets import Dataset, DatasetFault, FaultKind, LabelledImage, validation_gap
from harness.images.datasets.content import sha256_of
from harness.images.datasets.faults import listed
from harness.images.datasets.labels import scan_labels
from harness.images.datasets.layouts import Layout

UNREADABLE: Final = "unreadable"  # in place of a hash; such a file turns out bad when decoded


@dataclass(frozen=True)
class LabelledImages:
    """Images in order of their names, the SHA-256 of each file, and what is missing to ImageNet.

    Attributes:
        gap: why these are not the validation set, "" where they are. What is claimed for the
            validation set must then not be held against them.
    """

    images: tuple[LabelledImage, ...]
    sha256: tuple[str, ...]
    gap: str

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over names, class ids and contents, in hexadecimal."""
        whole = hashlib.sha256()
        for image, sha256 in zip(self.images, self.sha256, strict=True):
            whole.update(f"{image.name}\0{image.class_id}\0{sha256}\n".encode())
        return whole.hexdigest()

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class id of each image."""
        return np.array([image.class_id for image in self.images], np.int64)


def read_images(dataset: Dataset, *, threads: int = 1) -> LabelledImages:
    """Hash every file of a data set, so that answers about it cannot be mixed up with others.

    A file that cannot be read is no error here; it turns out bad when it is decoded.

    Raises:
        HarnessError: there are no images, or a name is not UTF-8.
    """
    return image_set(dataset.images, gap=dataset.gap, threads=threads)


def image_set(images: Sequence[LabelledImage], *, gap: str, threads: int = 1) -> LabelledImages:
    """As :func:`read_images`, of images that were found otherwise."""
    if not images:
        raise HarnessError("there are no images, expected one at least")
    for image in images:
        try:
            image.name.encode()
        except UnicodeEncodeError as error:
            raise HarnessError(f"{image.path}: its name is not UTF-8") from error
    with ThreadPoolExecutor(threads) as pool:
        hashes = tuple(pool.map(_sha256, [image.path for image in images]))
    return LabelledImages(tuple(images), hashes, gap)


def labelled_by(labels: Path, folder: Path, *, classes: int) -> Dataset:
    """The images of a folder that a label list elsewhere names, ``<file> <class id>`` a line.

    They lie in ``folder``, or in ``folder/val`` where there is one.

    Raises:
        MissingDataset: the list or the folder is missing.
        HarnessError: lines that cannot be used, class ids out of range, or files that are missing;
            all of them are named.
    """
    place = folder / "val" if (folder / "val").is_dir() else folder
    if not place.is_dir():
        raise MissingDataset(f"no data set at {folder}: expected a folder")
    found, problems = scan_labels(labels)
    faults = list(problems)
    images = []
    for label in found:
        where, path = f"{labels}:{label.line}", place / label.file
        if not 0 <= label.class_id < classes:
            text = f"{label.class_id} for {label.file}, expected 0 to {classes - 1}"
            faults.append(DatasetFault(FaultKind.OUT_OF_RANGE, where, text))
        elif not path.is_file():
            faults.append(DatasetFault(FaultKind.MISSING, where, str(path)))
        images.append(LabelledImage(label.file, path, label.class_id))
    if faults:
        raise HarnessError(f"{labels} does not fit {place}:{listed(faults)}")
    return Dataset(
        folder,
        layout=Layout.PAGE,
        images=tuple(sorted(images)),
        faults=(),
        gap=validation_gap((image.file, image.class_id) for image in images),
    )


def _sha256(path: Path) -> str:
    try:
        return sha256_of(path)
    except HarnessError:
        return UNREADABLE
