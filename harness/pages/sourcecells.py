"""The source cell of a row: which libraries it names, and where it links them."""

from __future__ import annotations

import re
from typing import Final

from harness.errors import quoted
from harness.pages.cells import Cell, without_marks

_BETWEEN: Final = re.compile(r"(?:[\s/,;&+|、]|\band\b|\bor\b|和|及|与|或)*")


def read_sources(cell: Cell) -> tuple[tuple[str, str], ...]:
    """The libraries named in a source cell, each with the address it links, or "".

    A cell is one library, as it is printed, unless it has several links with nothing but
    separators between them: then each link is one.

    Raises:
        ValueError: an unfinished link, or several that do not name one library each.

    >>> read_sources(Cell("timm"))
    (('timm', ''),)
    """
    text, _ = without_marks(cell)
    if re.search(r"[\[\]]", text):
        raise ValueError(f"an unfinished link in the source cell {quoted(text)}")
    if len(cell.links) < 2:
        return ((text, cell.links[0].address if cell.links else ""),)
    names = [link.text for link in cell.links]
    rest = text
    for name in names:
        rest = rest.replace(name, " ", 1)
    if len(set(names)) < len(names) or not all(names) or not _BETWEEN.fullmatch(rest):
        raise ValueError(
            f"more than one link in the source cell {quoted(text)}, not one for each source"
        )
    return tuple((link.text, link.address) for link in cell.links)
