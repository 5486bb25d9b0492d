"""What is fixed about ImageNet (ILSVRC2012), and how the validation set is recognised.

Source: the validation labels and the synsets in class order as ILSVRC2012 publishes them, the
synsets also as timm packs them (``timm/data/_info/imagenet_synsets.txt``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

CLASSES: Final = 1000
"""Classes, with ids from 0 in the order of their synsets' names."""

VALIDATION_IMAGES: Final = 50_000
"""Images of the validation set, 50 a class."""

VALIDATION_LABELS_SHA256: Final = "4138c0cd92d2dffea9353a9339c9f352361b7c6c267d2ff989b366f154188257"
"""SHA-256 over a line ``<file> <class id>`` for each validation image, in order of file names."""

SYNSETS_SHA256: Final = "70002b0ff5de60a3a17a82dbfcff291931f96225ddf941ad2e182fc39e183d15"
"""SHA-256 over the 1000 synsets in class order, a line each."""


LABEL_BYTES: Final = Path(__file__).with_name("validation_labels.bin")
"""A byte for each validation image, in order: the first of the SHA-256 of ``<file> <class id>``, so
that a wrong class is noticed in 255 of 256 images and the list itself need not be kept here."""

_VALIDATION: Final = re.compile(r"ILSVRC2012_val_(\d{8})\.JPEG")


def is_official(file: str) -> bool:
    """Whether a file is named as one of the validation set's, so that its class is known."""
    found = _VALIDATION.fullmatch(file)
    return found is not None and 1 <= int(found[1]) <= VALIDATION_IMAGES


def mislabelled(labels: Iterable[tuple[str, int]]) -> list[str]:
    """Images whose name is the validation set's and whose class id is not the official one.

    Args:
        labels: file names, with folders or without, and class ids.

    >>> mislabelled([("val/ILSVRC2012_val_00000001.JPEG", 65), ("dog.jpg", 1)])
    []
    >>> mislabelled([("ILSVRC2012_val_00000001.JPEG", 66)])
    ['ILSVRC2012_val_00000001.JPEG as 66']
    """
    known = LABEL_BYTES.read_bytes()
    wrong = []
    for name, class_id in labels:
        file = name.rpartition("/")[2]
        found = _VALIDATION.fullmatch(file)
        if found is None or not 1 <= int(found[1]) <= len(known):
            continue
        line = hashlib.sha256(f"{file} {class_id}".encode()).digest()
        if line[0] != known[int(found[1]) - 1]:
            wrong.append(f"{file} as {class_id}")
    return wrong


def labels_digest(labels: Iterable[tuple[str, int]]) -> str:
    """SHA-256 in hexadecimal over file names and class ids, whatever order they come in."""
    whole = hashlib.sha256()
    for file, class_id in sorted(labels):
        whole.update(f"{file} {class_id}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def validation_gap(labels: Iterable[tuple[str, int]]) -> str:
    """Why these file names and class ids are not the validation set's; empty where they are.

    A figure measured on anything else must not be held against one that is published for the
    validation set. Names and labels are compared; the images themselves have no published hash.

    >>> validation_gap([("ILSVRC2012_val_00000001.JPEG", 65)])
    'not the validation set: 1 of 50000 images'
    """
    pairs = list(labels)
    if len(pairs) != VALIDATION_IMAGES:
        return f"not the validation set: {len(pairs)} of {VALIDATION_IMAGES} images"
    if labels_digest(pairs) != VALIDATION_LABELS_SHA256:
        return "not the validation set: other file names or class ids than the official labels"
    return ""
