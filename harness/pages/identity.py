"""Row identity: ``<page>/<source>/<name>`` in ASCII, the same wherever the row stands."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.errors import DuplicateRow, quoted
from harness.pages.cells import invisible
from harness.records import Metric, Row
from harness.runtime.foreign import real_path

_SEPARATORS: Final = re.compile(r"[\s/\\@:,;()\[\]=\u2010-\u2015\u2212]+")
_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_FOLDER_PAGE: Final = re.compile(
    r"(?:readme|index|metafile|info)(?:[._-](?:en|cn|zh|ch)(?:[._-]?cn)?)?", re.I
)

LONGEST_PART: Final = 100
"""Characters of one part of an id, which stands in names of files; the longest known model name
has 58."""

UNSOURCED: Final = "unsourced"
"""What stands in the ids of models for which the page names no source."""


def id_part(text: str) -> str:
    """One part of an id: ASCII letters, digits and ``_.+-``, not starting with ``.+-``.

    Accents are dropped and separators become ``-``.

    Raises:
        ValueError: what is left has other characters, or is nothing.

    >>> id_part("Rés Net@224×224")
    'Res-Net-224x224'
    """
    dashed = _SEPARATORS.sub("-", text.replace("×", "x")).strip("-")
    bare = "".join(c for c in unicodedata.normalize("NFKD", dashed) if not unicodedata.combining(c))
    if not _PART.fullmatch(bare):
        expected = "expected letters, digits and _.+- (ASCII)"
        raise ValueError(f"{quoted(text)} makes no id; {expected}{invisible(text)}")
    if len(bare) > LONGEST_PART:
        raise ValueError(f"{quoted(text)} makes no id; expected at most {LONGEST_PART} characters")
    return bare


def model_id(*, page: str, source: str, name: str) -> str:
    """The id of a model; ``page`` is an id part already, the others are as printed.

    Raises:
        ValueError: source or name makes no id.

    >>> model_id(page="resnet", source="", name="resnet18")
    'resnet/unsourced/resnet18'
    """
    return f"{page}/{id_part(source) if source else UNSOURCED}/{id_part(name)}"


def page_title(path: Path) -> str:
    """What a page is called: as its file, or as its folder if every folder has such a file.

    >>> page_title(Path("resnext.md")), page_title(Path("zoo/vgg/README.md"))
    ('resnext', 'vgg')
    """
    if _FOLDER_PAGE.fullmatch(path.stem):
        return real_path(path).parent.name
    return path.stem


def entered(row: Row, seen: dict[str, Row], *, path: str) -> Row:
    """Enter ``row`` into ``seen`` (by slug), unless another row would share its test ids.

    A name that stands there at another input size is another model: the later row then has its
    size in its id, ``page/source/name-384``.

    Raises:
        DuplicateRow: names the lines of both.
    """
    earlier = seen.get(row.slug)
    if earlier is not None and earlier.id == row.id and _size(row) not in ("", _size(earlier)):
        row = replace(row, id=f"{row.id}-{_size(row)}")
        earlier = seen.get(row.slug)
    if earlier is not None:
        raise DuplicateRow(
            f"{row.id} already stands in line {earlier.line}"
            + ("" if earlier.id == row.id else f" as {earlier.id}, with the same test id")
            + "; give one of them another name",
            path=path,
            line=row.line,
        )
    seen[row.slug] = row
    return row


def _size(row: Row) -> str:
    claim = row.claim(Metric.INPUT_SIZE)
    return claim.figure.text if claim else ""
