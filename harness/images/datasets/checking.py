"""Everything that is wrong with a data set, at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.images.datasets.content import examine
from harness.images.datasets.faults import DatasetFault, FaultKind
from harness.images.datasets.imagenet import mislabelled
from harness.images.datasets.layouts import Dataset, LabelledImage, scan


def check(
    root: Path,
    *,
    synsets: Sequence[str],
    subset: bool = False,
    decode: bool = True,
    jobs: int = 1,
) -> tuple[Dataset, tuple[DatasetFault, ...]]:
    """Find what is wrong with names, labels and the content of every file.

    Args:
        synsets: in class order.
        subset: it need not be the whole validation set.
        decode: decode every pixel; otherwise headers only.
        jobs: threads that read and decode.

    Returns:
        The data set, and all faults: names and labels, unreadable files, files whose content is
        another's, and last that it is not the validation set.

    Raises:
        MissingDataset: there is no data set at ``root``.
        HarnessError: a folder or the label list cannot be read.
    """
    found = scan(root, synsets=synsets)
    faults = list(found.faults)
    contents = examine([image.path for image in found.images], decode=decode, jobs=jobs)
    first: dict[str, LabelledImage] = {}
    for wrong in mislabelled((image.file, image.class_id) for image in found.images):
        faults.append(DatasetFault(FaultKind.MISLABELLED, str(root), wrong))
    for image, content in zip(found.images, contents, strict=True):
        if content.damage:
            faults.append(DatasetFault(FaultKind.UNREADABLE, str(image.path), content.damage))
        if not content.sha256:
            continue
        if content.turned:
            text = (
                "OpenCV applies that and Pillow does not, so that devices may see another picture"
            )
            faults.append(DatasetFault(FaultKind.TURNED, str(image.path), text))
        original = first.setdefault(content.sha256, image)
        if original != image:
            twice = original.class_id != image.class_id
            kind = FaultKind.TWO_CLASSES if twice else FaultKind.DUPLICATED
            text = f"same content as {original.path}"
            faults.append(DatasetFault(kind, str(image.path), text))
    if found.gap and not subset:
        text = found.gap.removeprefix(f"{FaultKind.INCOMPLETE}: ")
        faults.append(DatasetFault(FaultKind.INCOMPLETE, str(root), text))
    return found, tuple(faults)
