"""Text of table cells, whether they stand in Markdown or in HTML, and where it stands."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import pairwise
from typing import Final

from harness.errors import quoted
from harness.pages.bounds import LONGEST_CELL

# Compatibility forms that must not become plain digits: 78.1¹ is a footnote, not 78.11.
_KEPT_AS_PRINTED: Final = ("<super>", "<sub>", "<fraction>", "<circle>")
_HIDDEN: Final = ("Cf", "Cc", "Co", "Cs")  # formats and controls, and what has no shape of its own
# Letters and marks that are blank, and variation selectors.
_BLANK: Final = frozenset(
    map(
        chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10))
    )
) | frozenset(map(chr, (*range(0x180B, 0x1810), *range(0xE0100, 0xE01F0))))
_UNESCAPED_PIPE: Final = re.compile(r"(?<!\\)\|")

# Tags that change how text looks and do not part it: 7<b>6</b>.1 is 76.1. Emphasis is not among
# them, as Markdown makes it of the multiplications in 3*224*224.
_INLINE: Final = frozenset(
    {
        *("a", "abbr", "b", "big", "code", "font", "i", "kbd", "mark", "nobr", "samp"),
        *("small", "span", "strong", "tt", "u", "var"),
    }
)
# What a superscript at the end of a text is if it is no part of the text.
_FOOTNOTE: Final = re.compile(
    r"[0-9]{1,2}(?:,[0-9]{1,2})*|[*†‡§¶#]+|\[[^\]]+\]|\([0-9]{1,2}\)|[⁰¹²³⁴-⁹]+"
)
_TRAILING_MARK: Final = re.compile(r"(?P<text>.*?)\s*(?P<mark>[*†‡§¶]+|[⁰¹²³⁴-⁹]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Link:
    """A link in a cell: what it is printed as, and where it leads."""

    text: str
    address: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text without markup, the superscripts that end it, and the links in it.

    ``line`` and ``column`` are 1-based; a cell that its line does not print has column 0.
    ``lookalike`` is a letter or digit that was printed and is another one in the text, or "".
    """

    text: str
    superscripts: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    line: int = 0
    column: int = 0
    lookalike: str = ""

    @property
    def whole(self) -> str:
        """The text with its superscripts, as a header is read: ``acc<br><sup>top1</sup>``."""
        return " ".join((self.text, *self.superscripts))


def fold(text: str) -> str:
    """Text in one width and spacing: NFKC, single spaces.

    Superscripts, subscripts, fractions and circled digits stay as they are. So do invisible
    characters: whatever they stand in is another text than the one that is seen.

    >>> fold(" ＭＡＣｓ（Ｇ） "), fold("78.1¹")
    ('MACs(G)', '78.1¹')
    """
    if text.isascii():
        return " ".join(text.split())
    folded = "".join(
        char
        if unicodedata.decomposition(char).startswith(_KEPT_AS_PRINTED)
        else unicodedata.normalize("NFKC", char)
        for char in unicodedata.normalize("NFC", text)
    )
    return " ".join(folded.split())


def lookalike(text: str) -> str:
    """The first character that :func:`fold` makes an ASCII letter or digit of, or "".

    >>> lookalike("ResNet（v１）"), lookalike("ResNet（v1）¹")
    ('１', '')
    """
    if text.isascii():
        return ""
    changed = (
        char
        for char in text
        if not char.isascii()
        and (plain := unicodedata.normalize("NFKC", char)).isascii()
        and plain.isalnum()
        and not unicodedata.decomposition(char).startswith(_KEPT_AS_PRINTED)
    )
    return next(changed, "")


def code_point(char: str) -> str:
    """A character by number and name.

    >>> code_point("\u202e")
    'U+202E RIGHT-TO-LEFT OVERRIDE'
    """
    return f"U+{ord(char):04X} {unicodedata.name(char, 'without a name')}"


def invisible(text: str) -> str:
    """What an error adds about the first character of a text that nobody can see, or "".

    >>> invisible("res\u200bnet")
    '; it has the invisible U+200B ZERO WIDTH SPACE'
    """
    hidden = (char for char in text if char in _BLANK or unicodedata.category(char) in _HIDDEN)
    char = next(hidden, "")
    return f"; it has the invisible {code_point(char)}" if char else ""


def read_cell(html: str, *, line: int, column: int) -> Cell:
    """The cell that a browser would show for ``html``.

    A tag that parts text is a space, an image is its alternative text, a comment is nothing.

    >>> read_cell("acc<br><sup>top1", line=1, column=1).whole
    'acc top1'
    >>> read_cell('<a href="u">ti<b>m</b>m</a>', line=1, column=1).links
    (Link(text='timm', address='u'),)
    """
    if "<" not in html and "&" not in html:
        return Cell(fold(html), line=line, column=column, lookalike=lookalike(html))
    content = _Content()
    content.feed(html)
    content.close()
    text, superscripts = content.result()
    return Cell(text, superscripts, tuple(content.links), line, column, content.lookalike)


def without_marks(cell: Cell) -> tuple[str, tuple[str, ...]]:
    """The text of a cell and the footnote marks taken off its end.

    Raises:
        ValueError: a superscript is no footnote mark, or the mark may be an exponent.

    >>> without_marks(Cell("76.1*", ("1",)))
    ('76.1', ('*', '1'))
    """
    if len(cell.whole) > LONGEST_CELL:
        found = f"{quoted(cell.whole)} is too long"
        raise ValueError(f"{found}, expected at most {LONGEST_CELL:,} characters")
    for superscript in cell.superscripts:
        if not _FOOTNOTE.fullmatch(superscript):
            raise ValueError(f"{quoted(cell.whole)} ends in a superscript that is no footnote mark")
    text, marks = cell.text, list(cell.superscripts)
    while (match := _TRAILING_MARK.fullmatch(text)) and match["text"]:
        text = match["text"]
        marks.insert(0, match["mark"])
    if text == "10" and any(mark[0] not in "*†‡§¶#[" for mark in marks):
        raise ValueError(f"{quoted(cell.whole)} may be a power of ten or a figure with a footnote")
    return text, tuple(marks)


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


class _Content(HTMLParser):
    """Collects the text of a cell, in and out of superscripts, and its links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[Link] = []
        self._parts: list[tuple[bool, str]] = []  # raised above the line or not, text
        self._raised = 0
        self._link: tuple[str, int] | None = None  # address, and the part it starts at

    @property
    def lookalike(self) -> str:
        """A letter or digit of the text that folding makes another one."""
        return next(filter(None, (lookalike(text) for _, text in self._parts)), "")

    def result(self) -> tuple[str, tuple[str, ...]]:
        """The text, and the superscripts after it; all text raised is just small print."""
        self._end_link()
        parts = [(raised, text) for raised, text in self._parts if text]
        if not any(text.strip() for raised, text in parts if not raised):
            return fold("".join(text for _, text in parts)), ()
        after: list[str] = []
        while parts and (parts[-1][0] or not parts[-1][1].strip()):
            raised, text = parts.pop()
            if not raised:
                after.append("")
            elif after and after[-1]:
                after[-1] = text + after[-1]
            else:
                after.append(text)
        superscripts = tuple(filter(None, (fold(text) for text in reversed(after))))
        return fold(_spaced(parts)), superscripts

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "sup":
            self._raised += 1
        elif tag == "img":
            self.handle_data(dict(attrs).get("alt") or "")
        elif tag == "a":
            self._end_link()
            address = dict(attrs).get("href")
            self._link = None if address is None else (address, len(self._parts))
        elif tag not in _INLINE:
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag == "sup":
            self._raised = max(0, self._raised - 1)
        elif tag == "a":
            self._end_link()
        elif tag not in _INLINE:
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        self._parts.append((self._raised > 0, data))

    def _end_link(self) -> None:
        if self._link is not None:
            address, start = self._link
            self.links.append(Link(fold(_spaced(self._parts[start:])), address))
            self._link = None


def _spaced(parts: Sequence[tuple[bool, str]]) -> str:
    """Joined, with a space wherever the text steps up or down: x<sup>2</sup>y is no x2y."""
    text, above = "", False
    for raised, part in parts:
        text += (" " if raised != above else "") + part
        above = raised
    return text
