"""Images into npz files and their datalist, as the vendor's ``image2npz.py`` makes them.

Decoded by OpenCV as that tool does, so orientation in EXIF is applied. Unlike that tool: images of
either layout go into ``<synset>/``, which evaluation takes for the truth; two that would share a
file are refused; so is a damaged image, of which OpenCV would return a part in grey.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from harness.errors import HarnessError
from harness.images.datasets.content import MAX_BYTES, damage_of
from harness.images.datasets.faults import DatasetFault, FaultKind, listed
from harness.images.datasets.layouts import LabelledImage
from harness.images.datasets.npz import Planes, line_problem, write_datalist, write_npz
from harness.runtime.foreign import read_bytes


def image_planes(path: Path) -> Planes:
    """Decode an image to uint8 (3, height, width), RGB, at its own size.

    Raises:
        HarnessError: it cannot be read, or not decoded in full.
    """
    try:
        data = read_bytes(path, most=MAX_BYTES)
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror or error}") from error
    if damage := damage_of(data):
        raise HarnessError(f"{path}: {damage}")
    levels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)  # BGR
    if levels is None:
        raise HarnessError(f"{path}: OpenCV cannot decode it")
    return np.ascontiguousarray(levels[:, :, ::-1].transpose(2, 0, 1))


def image2npz(
    images: Sequence[LabelledImage],
    target: Path,
    datalist: Path,
    *,
    synsets: Sequence[str],
    on_file: Callable[[Path], None] = lambda _: None,
) -> tuple[Path, ...]:
    """Write ``target/<synset>/<stem>.npz`` for each image, and last the list of them.

    An npz file takes three bytes a pixel, half a megabyte for most images.

    Args:
        on_file: called with each npz file once it is written.

    Returns:
        The absolute npz paths, in the order of ``images``, which is the datalist's.

    Raises:
        HarnessError: two images would share a file or a path cannot stand in a datalist (then
            nothing is written); or a file cannot be read, decoded or written.
    """
    places = [
        (target / synsets[image.class_id] / image.file).with_suffix(".npz").absolute()
        for image in images
    ]
    _require_usable(images, places)
    for image, place in zip(images, places, strict=True):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HarnessError(f"cannot make {place.parent}: {error.strerror or error}") from error
        write_npz(place, image_planes(image.path))
        on_file(place)
    write_datalist(datalist, places)
    return tuple(places)


def _require_usable(images: Sequence[LabelledImage], places: Sequence[Path]) -> None:
    faults = []
    first: dict[Path, Path] = {}
    for image, place in zip(images, places, strict=True):
        if problem := line_problem(str(place)):
            faults.append(DatasetFault(FaultKind.MALFORMED, repr(str(place)), problem))
        elif (original := first.setdefault(place, image.path)) != image.path:
            text = f"would become {place}, as would {original}"
            faults.append(DatasetFault(FaultKind.DUPLICATED, str(image.path), text))
    if faults:
        raise HarnessError(f"no npz file was written:{listed(faults)}")
