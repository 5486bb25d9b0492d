"""What the commands and links on a page name: models, run-time files, other files beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from markdown_it.token import Token

from harness.images.vdsp import FILE_SUFFIX
from harness.lint.naming import fold
from harness.pages.tables import Document
from harness.sources import sources

_OPTION: Final = re.compile(r"--model_name[ =]+(?P<name>\w[\w.+-]*)")
_LIBRARY: Final = re.compile(r"--model_library[ =]+(?P<name>[\w-]+)")
_MODEL_FILE: Final = re.compile(r"(?P<name>\w[\w.+-]*)\.(?:onnx|pth|pt|torchscript)(?![\w.])")
_RUN_TIME: Final = re.compile(rf"(?P<name>\w[\w.+-]*{FILE_SUFFIX}\.json)(?![\w.])")
_WORD: Final = re.compile(r"[A-Za-z]+")
_LINKED: Final = (".yaml", ".yml", ".json")
_ADDRESSES: Final = {"link_open": "href", "image": "src"}


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a command or a link, and where it stands (1-based).

    Attributes:
        source: the library whose models the command is about, as adapters are named, or "".
        option: whether it is the value of an option that says which model is meant.
    """

    name: str
    line: int
    column: int
    source: str = ""
    option: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """What a page names outside of its tables.

    Attributes:
        models: by an option, or as files of models without their suffix.
        run_time_files: as arguments of commands.
        links: addresses of configs beside the page, as they are written.
        paths: addresses of any files in the same zoo, as they are written, without fragments.
    """

    models: tuple[Mention, ...] = ()
    run_time_files: tuple[Mention, ...] = ()
    links: tuple[Mention, ...] = ()
    paths: tuple[Mention, ...] = ()


def named_in(document: Document) -> Named:
    """Read the commands, which are fenced blocks, and the links of a page.

    A command is about the library that its options name, else about the one that the text right
    above it names, if that is one.
    """
    models: list[Mention] = []
    files: list[Mention] = []
    paths: list[Mention] = []
    above = ""
    for token in document.tokens:
        if token.type == "inline":
            above = token.content
            paths += _paths(token, document)
        elif token.type == "fence":
            source = _source(token.content, above)
            models += _mentions(_OPTION, token, document, source, option=True)
            models += _mentions(_MODEL_FILE, token, document, source)
            files += _mentions(_RUN_TIME, token, document, source)
    links = tuple(one for one in paths if PurePosixPath(one.name).suffix in _LINKED)
    return Named(tuple(models), tuple(files), links, tuple(paths))


def _source(content: str, above: str) -> str:
    options = {match["name"] for match in _LIBRARY.finditer(content)}
    if options:
        return _only_library({fold(option) for option in options})
    return _only_library({word.casefold() for word in _WORD.findall(above)})


def _only_library(words: set[str]) -> str:
    named = [name for name, one in sources().items() if words & {fold(name), *one.aliases}]
    return named[0] if len(named) == 1 else ""


def _mentions(
    pattern: re.Pattern[str],
    token: Token,
    document: Document,
    source: str,
    *,
    option: bool = False,
) -> Iterator[Mention]:
    first, end = token.map or (0, 0)
    for number in range(first, end):
        for match in pattern.finditer(document.lines[number]):
            column = match.start("name") + 1
            yield Mention(match["name"], number + 1, column, source, option)


def _paths(token: Token, document: Document) -> Iterator[Mention]:
    first, end = token.map or (0, 0)
    for child in token.children or ():
        attribute = _ADDRESSES.get(child.type)
        address = str(child.attrGet(attribute) or "") if attribute else ""
        try:
            parts = urlsplit(address)
        except ValueError:  # an address that is none
            continue
        if parts.scheme or parts.netloc or not parts.path:
            continue
        written = (address, unquote(address))  # the parser escapes what is not ASCII
        for number in range(first, end):
            column = max(document.lines[number].find(text) for text in written)
            if column >= 0:
                yield Mention(unquote(parts.path), number + 1, column + 1)
                break
