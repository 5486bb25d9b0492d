"""Row identity: ``<page>/<source>/<name>`` in ASCII, the same wherever the row stands."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from harness.errors import DuplicateRow
from harness.records import Row

_SEPARATORS: Final = re.compile(r"[\s/\\@:,;()\[\]=\u2010-\u2015\u2212]+")
_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


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
        raise ValueError(f"{text!r} makes no id; expected letters, digits and _.+- (ASCII)")
    return bare


def model_id(*, page: str, source: str, name: str) -> str:
    """The id of a model; ``page`` is an id part already, the others are as printed.

    Raises:
        ValueError: source or name makes no id.
    """
    return f"{page}/{id_part(source)}/{id_part(name)}"


def refuse_duplicate(row: Row, seen: dict[str, Row], *, path: str) -> None:
    """Enter ``row`` into ``seen`` (by slug), unless another row would share its test ids.

    Raises:
        DuplicateRow: names the lines of both.
    """
    earlier = seen.get(row.slug)
    if earlier is not None:
        raise DuplicateRow(
            f"{row.id} already stands in line {earlier.line}"
            + ("" if earlier.id == row.id else f" as {earlier.id}, with the same test id"),
            path=path,
            line=row.line,
        )
    seen[row.slug] = row
