"""Conversion failures that the page itself documents, in a note or below a model table."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from markdown_it.token import Token

from harness.pages.cells import fold
from harness.pages.tables import markdown_cell

_LABEL: Final = re.compile(r"(?:note|注|注意|备注|说明)\s*:", re.IGNORECASE)
_FAILS: Final = re.compile(
    r"失败|无法转换|不能转换|\bfail(?:s|ed|ure)?\b|\bcannot be (?:converted|exported)\b",
    re.IGNORECASE,
)
_FAILS_NOT: Final = re.compile(
    r"(?:不会|不再|没有|未)(?:出现)?失败|\b(?:no longer|never|not) fails?\b", re.IGNORECASE
)
_FORMATS: Final = ("onnx", "torchscript")


@dataclass(frozen=True, slots=True)
class FailureNote:
    """A note that names models which fail to convert to a format (1-based line)."""

    line: int
    models: tuple[str, ...]
    format: str
    text: str


def failure_notes(tokens: Sequence[Token], *, tables: Container[int]) -> Iterator[FailureNote]:
    """The notes of a page that say a conversion fails: one for each format they name.

    Such a note says that something fails and names models in code spans. It starts with a label
    (Note, 注 …) or stands below a model table, before the next heading: elsewhere the same words
    are instructions.

    Args:
        tokens: the page's.
        tables: the 1-based header lines of its model tables.
    """
    below_table = False
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            below_table = False
        elif token.type == "table_open" and token.map:
            below_table = below_table or token.map[0] + 1 in tables
        elif token.type == "paragraph_open" and token.map:
            yield from _notes_of(inline.children or (), token.map[0] + 1, labelled=below_table)


def _notes_of(inline: Sequence[Token], line: int, *, labelled: bool) -> Iterator[FailureNote]:
    text = markdown_cell(inline).whole
    if not (labelled or _LABEL.match(text)):
        return
    if not _FAILS.search(text) or _FAILS_NOT.search(text):
        return
    spans = [fold(child.content) for child in inline if child.type == "code_inline"]
    models = tuple(dict.fromkeys(span for span in spans if span.lower() not in _FORMATS))
    for format_ in (name for name in _FORMATS if name in text.lower()):
        if models:
            yield FailureNote(line, models, format_, text)
