"""The right class of an image in a result file: its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from harness.errors import MeasureError


def true_class(image: str, synsets: Mapping[str, int], *, case: str = "") -> int:
    """The class id of the folder that an image lies in.

    Raises:
        MeasureError: the folder is no synset of the list.
    """
    wnid = PurePosixPath(image).parent.name
    if wnid not in synsets:
        raise MeasureError(
            f"{image!r} lies in the folder {wnid!r}, expected one of {len(synsets)} synsets such "
            f"as {next(iter(synsets), 'n01440764')}",
            case=case,
        )
    return synsets[wnid]
