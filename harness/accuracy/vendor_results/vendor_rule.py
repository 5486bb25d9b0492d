"""The vendor's own count, for comparison only: by names, from the raw lines of a result file.

Retold from ``cv/classification/common/eval/eval_topk.py`` of the vendor's public zoo. Each line is
cut at every colon and every slash: the folder is what stands before the last slash of the line,
and the name what follows the fourth colon. It is generous where two classes share a name (crane),
and calls everything wrong where a path holds a colon, or where the name of a folder is not the
label's to the letter: the vendor's table and label list spell class 480, cash machine, differently.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from harness.accuracy.vendor_results.files import LARGEST_FILE, RANKS
from harness.errors import MeasureError, quoted
from harness.judging.postprocessing.hits import Hits
from harness.runtime.foreign import read_bytes


def count_by_name(path: Path, names: Mapping[str, str], *, ranks: int = RANKS) -> Hits:
    """Count as the vendor does.

    Args:
        path: a result file.
        names: what the class of each folder is called, by WordNet id.
        ranks: lines taken for one image, whatever they say.

    Raises:
        MeasureError: the file cannot be read, or the vendor's program would end here with an
            error of its own: no line at all, a line with too few colons or slashes, or a folder
            that ``names`` does not have.
    """
    try:
        text = read_bytes(path, most=LARGEST_FILE).decode("utf-8", "surrogateescape")
        lines = io.StringIO(text, newline=None).readlines()  # universal line ends, as the vendor's
    except OSError as error:
        raise MeasureError(f"cannot read {path}: {error.strerror or error}") from error
    if not lines:
        raise MeasureError(f"{path} is empty; the vendor's program divides by zero")
    matches = [_matches(path, number, line, names) for number, line in enumerate(lines, 1)]
    images = [matches[start : start + ranks] for start in range(0, len(matches), ranks)]
    return Hits(len(images), sum(one[0] for one in images), sum(map(any, images)), ranks)


def _matches(path: Path, number: int, line: str, names: Mapping[str, str]) -> bool:
    line = line.rstrip("\n")
    if not line:
        return False
    slashes, colons = line.split("/"), line.split(":")
    if len(slashes) < 2 or len(colons) < 5:
        raise MeasureError(f"{path}:{number}: too few slashes or colons; the vendor's program ends")
    if slashes[-2] not in names:
        raise MeasureError(
            f"{path}:{number}: no name for the folder {quoted(slashes[-2])}; "
            "the vendor's program ends"
        )
    return names[slashes[-2]] == colons[4].strip()
