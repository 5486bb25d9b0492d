"""Text of table cells: what the Markdown parser made of them, and where they stand in the line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from markdown_it.token import Token

# Compatibility forms that must not become plain digits: 78.1¹ is a footnote, not 78.11.
_KEPT_AS_PRINTED: Final = ("<super>", "<sub>", "<fraction>", "<circle>")
_UNESCAPED_PIPE: Final = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text without markup, the links in it, its 1-based column (0 if padded)."""

    text: str
    links: tuple[str, ...] = ()
    column: int = 0


def fold(text: str) -> str:
    """Text in one width and spacing: NFKC, no invisible characters, single spaces.

    Superscripts, subscripts, fractions and circled digits stay as they are.

    >>> fold(" ＭＡＣｓ（Ｇ） "), fold("78.1¹")
    ('MACs(G)', '78.1¹')
    """
    folded = "".join(
        char
        if unicodedata.decomposition(char).startswith(_KEPT_AS_PRINTED)
        else unicodedata.normalize("NFKC", char)
        for char in unicodedata.normalize("NFC", text)
        if unicodedata.category(char) != "Cf"
    )
    return " ".join(folded.split())


def plain_text(tokens: Sequence[Token]) -> str:
    """The folded text of inline tokens; code and alternative texts count, a tag is a space."""
    parts: list[str] = []
    for token in tokens:
        if token.type in ("text", "code_inline", "image"):
            parts.append(token.content)
        elif token.type in ("html_inline", "softbreak", "hardbreak"):
            parts.append(" ")
    return fold("".join(parts))


def links_in(tokens: Sequence[Token]) -> tuple[str, ...]:
    """The addresses of the links among inline tokens, in order."""
    return tuple(str(token.attrs["href"]) for token in tokens if token.type == "link_open")


def split_line(line: str) -> list[tuple[int, str]]:
    r"""The cells of a table line as (1-based column of the text, text), split as GFM splits.

    A pipe after a backslash is text; one pipe before and one after the cells are not cells.

    >>> split_line(r"| a | b\|c |")
    [(3, 'a'), (7, 'b\\|c')]
    """
    start = len(line) - len(line.lstrip())
    end = len(line.rstrip())
    bounds = [start - 1]
    bounds += [match.start() for match in _UNESCAPED_PIPE.finditer(line, start, end)]
    bounds.append(end)
    spans = [(left + 1, right) for left, right in pairwise(bounds)]
    if spans and spans[0][0] == spans[0][1]:
        spans.pop(0)
    if spans and spans[-1][0] == spans[-1][1]:
        spans.pop()
    cells = []
    for left, right in spans:
        text = line[left:right]
        cells.append((left + len(text) - len(text.lstrip()) + 1, text.strip()))
    return cells
