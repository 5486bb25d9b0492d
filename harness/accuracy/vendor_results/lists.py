"""Label and synset lists: a class a line, the line's number counted from 0 its id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from harness.errors import MeasureError, MissingDataset, quoted
from harness.runtime.foreign import read_text

LARGEST_LIST = 2**24
"""Bytes; the names of ImageNet-21k's 21,843 classes take about 1 MiB."""

_WNID = re.compile(r"n[0-9]{8}")


def read_labels(path: Path) -> tuple[str, ...]:
    """What each class is called, by id. Two classes may share a label.

    Raises:
        MissingDataset: there is no such file.
        MeasureError: it cannot be read, is empty, or a line is blank; names file and line.
    """
    return tuple(_lines(path))


def read_synsets(path: Path) -> Mapping[str, int]:
    """The class id of each WordNet id such as ``n01440764``.

    Raises:
        MissingDataset: there is no such file.
        MeasureError: it cannot be read, is empty, or a line is no WordNet id or one that stands
            there twice; names file and line.
    """
    ids: dict[str, int] = {}
    for class_id, wnid in enumerate(_lines(path)):
        if not _WNID.fullmatch(wnid):
            raise MeasureError(
                f"{path}:{class_id + 1}: {quoted(wnid)} is no WordNet id, "
                "expected n and eight digits"
            )
        if wnid in ids:
            raise MeasureError(f"{path}:{class_id + 1}: {wnid} is at line {ids[wnid] + 1} too")
        ids[wnid] = class_id
    return MappingProxyType(ids)


def _lines(path: Path) -> list[str]:
    try:
        text = read_text(path, most=LARGEST_LIST)
    except FileNotFoundError as error:
        raise MissingDataset(f"there is no {path}") from error
    except OSError as error:
        raise MeasureError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise MeasureError(f"{path}: not UTF-8 at byte {error.start}") from error
    lines = [line.strip() for line in text.removesuffix("\n").split("\n")]
    blank = next((number for number, line in enumerate(lines, 1) if not line), None)
    if blank is not None:
        raise MeasureError(f"{path}:{blank}: a blank line, expected a class on every line")
    return lines
